"""From raw product photos to a training set: train, validation and test with a folder a class.

The classes come from a field of the metadata. Nothing of the source is changed or deleted, and
every file that is left out is in the report, with its reason.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from core.datasets import metadata
from core.datasets.balance import SPLITS, balanced, split
from core.datasets.finder import Finder
from core.datasets.folder import inside, listed
from core.datasets.inspection import Facts, File, inspected_files
from core.datasets.metadata import Field, Record
from core.errors import InputError, input_error, printable
from core.events import Event, Listener, silent
from core.prepare_report import LEFT_OUT, Decided, Line, Prepared, write
from core.prepared_folder import REST, checked
from core.store import Store
from core.types import Rejected, Source

MAX_CLASSES = 1000
_SHOWN = 20  # classes in a message


@dataclass(frozen=True)
class Preparation:
    """What is asked of `prepare`; goes to JSON and back.

    Attributes
    ----------
    images : the folder of images
    metadata : a folder of JSON files, or a CSV
    field : where the class stands: a dotted path in the JSON files, a column of the CSV
    out : the folder to write
    classes : those to use; () means every value
    balance : take a random choice from each class, as many as the smallest has
    most : at most so many images a class
    shares : of training, validation and test
    seed : of every random choice
    level : how many levels of a category path make the class
    image_column : what names the image in the metadata, "" for the usual
    rest : write what balancing leaves out to `rest/CLASS/`
    """

    images: str
    metadata: str
    field: str
    out: str
    classes: tuple[str, ...] = ()
    balance: bool = False
    most: int | None = None
    shares: tuple[float, float, float] = (60, 20, 20)
    seed: int = 0
    level: int | None = None
    image_column: str = ""
    rest: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 <= self.seed < 2**32:
            raise input_error("seed", self.seed, "a whole number from 0 to 4294967295")
        if self.most is not None and self.most < 1:
            raise input_error("most", self.most, "a whole number of at least 1")
        split(np.zeros(0), None, self.shares, 0)  # says what is wrong with the shares

    def to_json(self) -> dict[str, Any]:
        """The request as plain JSON values."""
        return asdict(self) | {"classes": list(self.classes), "shares": list(self.shares)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The request that `to_json` wrote."""
        tuples = {name: tuple(values[name]) for name in ("classes", "shares") if name in values}
        return cls(**{**values, **tuples})


def fields(path: str, emit: Listener = silent) -> list[Field]:
    """The fields of metadata with examples and the number of distinct values, from a sample."""
    return metadata.fields(path, emit)


def classes(
    path: str, name: str, level: int | None = None, emit: Listener = silent
) -> dict[str, int]:
    """How many entries have each value of a field, the most frequent first."""
    counts = Counter(r.value for r in metadata.read(path, name, level, emit=emit) if r.value)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def prepare(request: Preparation, store: Store, emit: Listener = silent) -> Prepared:
    """Write the training set that is asked for, whole or not at all.

    `emit` hears the stages "open", "metadata" and "prepare", and may stop the work by raising
    `Cancelled`. The same files, metadata and request give the same bytes.

    Raises
    ------
    InputError
        Something cannot be read, a class is not there, or the folder may not be written.
    """
    folder = checked(request.out, (request.images, request.metadata))
    source = Source("folder", os.path.abspath(request.images))
    root, files, rejected = listed(source, emit)
    records = metadata.read(
        request.metadata, request.field, request.level, request.image_column, emit
    )
    unusable = _unusable(root, rejected, request)
    labels, lines = _labelled(root, files, records, unusable, request)
    lines += unusable
    wanted = _wanted(labels, request.classes)
    rows = [k for k, label in enumerate(labels) if label in wanted]
    other = [k for k, label in enumerate(labels) if label and label not in wanted]
    lines += [Line(files[k].path, labels[k], LEFT_OUT, "class not asked for") for k in other]
    facts = inspected_files(root, [files[k] for k in rows], store, emit)
    for i, reason in sorted(facts.reasons.items()):
        text = f"cannot be used: {reason}"
        lines.append(Line(files[rows[i]].path, labels[rows[i]], LEFT_OUT, text))
    good = [i for i in range(len(rows)) if i not in facts.reasons]
    if not good:
        raise _nothing(lines)
    chosen = [files[rows[i]] for i in good]
    decided = _decided(chosen, [labels[rows[i]] for i in good], _groups(facts, good), request)
    start = time.perf_counter()
    prepared = write(folder, root, chosen, decided, lines, _asked(request, root), emit)
    emit(Event("prepare", "computed", seconds=time.perf_counter() - start))
    return prepared


def _asked(request: Preparation, root: str) -> dict[str, Any]:
    """What the folder keeps of the request: the same wherever it is written."""
    asked = request.to_json() | {"images": root, "metadata": os.path.realpath(request.metadata)}
    del asked["out"]
    return asked


def _labelled(
    root: str,
    files: Sequence[File],
    records: Sequence[Record],
    unusable: Sequence[Line],
    request: Preparation,
) -> tuple[list[str], list[Line]]:
    """The class of each file, "" where it has none, and lines for what has no class or image.

    An entry that means one of the `unusable` files has a line already.
    """
    given = request.metadata
    base = os.path.dirname(given) if metadata.is_table(given) else given
    base = os.path.realpath(base or ".")
    finder = Finder([f.path for f in files], root, base)
    told = Finder([line.file for line in unusable], root, base)
    values: dict[int, dict[str, None]] = {}
    problems: dict[int, str] = {}
    lines = []
    for record in records:
        found = finder.find(record.image)
        if isinstance(found, str) and isinstance(told.find(record.image), str):
            reason = f"no image for the entry: {record.problem or found} ({record.where})"
            lines.append(Line(record.image or record.where, record.value, LEFT_OUT, reason))
        elif isinstance(found, str):
            continue
        elif record.problem:
            problems[found] = record.problem
        else:
            values.setdefault(found, {})[record.value] = None
    labels = []
    for k, file in enumerate(files):
        label, reason = _one_class(list(values.get(k, ())), problems.get(k, ""))
        labels.append(label)
        if reason:
            lines.append(Line(file.path, "", LEFT_OUT, reason))
    return labels, lines


def _one_class(names: Sequence[str], problem: str) -> tuple[str, str]:
    """The class of a file and "", or "" and why it has none."""
    if len(names) == 1:
        return names[0], ""
    if names:
        return "", "listed with different classes: " + ", ".join(sorted(names))
    return "", f"no class: {problem}" if problem else "not listed in the metadata"


def _unusable(root: str, rejected: Sequence[Rejected], request: Preparation) -> list[Line]:
    """Lines for what lies among the images and is none, but for the metadata themselves."""
    known = os.path.realpath(request.metadata)
    return [
        Line(r.id, "", LEFT_OUT, f"cannot be used: {r.reason}")
        for r in rejected
        if not inside(known, os.path.join(root, r.id))
        or not r.id.lower().endswith((".json", ".csv", ".tsv"))
    ]


def _wanted(labels: Sequence[str], asked: Sequence[str]) -> set[str]:
    """The classes to use."""
    there = Counter(label for label in labels if label)
    if not there:
        raise InputError(
            "No image has a class. Check that the metadata belong to the images, and which "
            "column or field names the image."
        )
    missing = [name for name in asked if name not in there]
    if missing:
        shown = ", ".join(f"{printable(n, 60)} ({c:,})" for n, c in there.most_common(_SHOWN))
        more = f" and {len(there) - _SHOWN:,} more" if len(there) > _SHOWN else ""
        raise input_error("classes", missing[0], f"some of {shown}{more}")
    if not asked and len(there) > MAX_CLASSES:
        raise input_error(
            "classes", f"{len(there):,} different values", f"at most {MAX_CLASSES:,}",
            "Choose another field, or name the classes.",
        )  # fmt: skip
    return set(asked or there)


def _nothing(lines: Sequence[Line]) -> InputError:
    first = next((line for line in lines if line.reason.startswith("cannot be used")), None)
    shown = f" {printable(first.file)} {first.reason}." if first else ""
    return InputError(f"Not one image of the chosen classes can be used.{shown}")


def _groups(facts: Facts, rows: Sequence[int]) -> np.ndarray:
    """(n,) the number of each row's content: equal where the bytes are equal."""
    digests = np.ascontiguousarray(facts.digest[np.asarray(rows)]).view(np.uint64)
    return np.unique(digests, axis=0, return_inverse=True)[1].reshape(-1)


def _decided(
    files: Sequence[File], labels: list[str], groups: np.ndarray, request: Preparation
) -> Decided:
    """Balance and split."""
    label = np.unique(np.array(labels, object), return_inverse=True)[1].reshape(-1)
    keep = np.ones(len(labels), bool)
    if request.balance or request.most is not None:
        most = request.most
        if request.balance:
            most = min(int(np.bincount(label).min()), most or len(labels))
        keep = balanced(label, groups, request.seed, most)
    parts = split(label[keep], groups[keep], request.shares, request.seed)
    decisions = np.full(len(labels), LEFT_OUT, object)
    decisions[keep] = np.array(SPLITS, object)[parts]
    first = {int(g): k for k, g in reversed(list(enumerate(groups))) if keep[k]}
    why = "to balance the classes" if request.balance else f"at most {request.most} a class"
    reasons = [""] * len(labels)
    for k, g in enumerate(groups.tolist()):
        twin = first.get(g, k)
        same = "" if twin == k else f"same content as {files[twin].path}"
        if same and labels[twin] != labels[k]:
            same += f", which has the class {labels[twin]}"
        reasons[k] = same
        if not keep[k]:
            reasons[k] = f"removed, {why}" + (f": {same}" if same else "")
            if request.rest and not same:  # a copy of a training image would be no test
                decisions[k] = REST
    return Decided(labels, groups, decisions.tolist(), reasons)


def default_target(images: str | Path) -> Path:
    """Where the app proposes to write: beside the folder of images."""
    folder = Path(os.path.realpath(images))
    return folder.with_name(f"{folder.name}-prepared")
