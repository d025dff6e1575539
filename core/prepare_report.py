"""What `prepare` writes: the copies, report.csv, prepared.json, and the same in a few words."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import core
from core.datasets.balance import SPLITS
from core.datasets.folder import MARKER, TABLE
from core.datasets.inspection import File
from core.errors import FacetteError, printable
from core.events import Event, Listener
from core.files import csv_text, safe_name, write_text
from core.prepared_folder import (
    REST,
    WRITTEN_BY,
    UniqueNames,
    class_folders,
    replacing_folder,
)

LEFT_OUT = "left out"
COLUMNS = ("file", "class", "decision", "reason", "written")
FORMAT = 1
_FEW = 3  # images that a class needs to be in every split
_WIDEST = 40  # characters of a class name in the table


@dataclass(frozen=True)
class Line:
    """A line of the report: a file or an entry, its class, what became of it, and why."""

    file: str
    label: str
    decision: str  # a split, "rest" or "left out"
    reason: str = ""
    written: str = ""  # the path below the folder


@dataclass(frozen=True)
class Prepared:
    """What came out.

    `counts` has a row a class: images in train, validation, test, perhaps rest, in the three
    splits together ("images"), and how many of these differ in content ("different").
    """

    folder: str
    counts: Mapping[str, Mapping[str, int]]
    folders: Mapping[str, str]  # class -> the name of its folder
    left_out: Mapping[str, int]  # reason -> files
    lines: Sequence[Line] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """All but the lines, as plain JSON values."""
        return {
            "folder": self.folder,
            "counts": {name: dict(row) for name, row in self.counts.items()},
            "folders": dict(self.folders),
            "left_out": dict(self.left_out),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Decided:
    """For each of n usable files its class, its content's number, its decision and the reason."""

    labels: list[str]
    groups: np.ndarray
    decisions: list[str]
    reasons: list[str]


def write(
    folder: Path,
    root: str,
    files: Sequence[File],
    decided: Decided,
    lines: Sequence[Line],
    asked: Mapping[str, Any],
    emit: Listener,
) -> Prepared:
    """Copy the files that are used and write the report; all of it appears at once.

    `files` are the n usable ones below `root`; `lines` tell of all others.
    """
    names = sorted(set(decided.labels))
    folders = dict(zip(names, class_folders(names), strict=True))
    written = _written(files, decided, folders)
    told = [
        Line(file.path, *told)
        for file, *told in zip(
            files, decided.labels, decided.decisions, decided.reasons, written, strict=True
        )
    ]
    every = sorted([*lines, *told], key=lambda line: (line.file, line.reason))
    prepared = Prepared(
        folder=str(folder),
        counts=_counts(names, decided),
        folders=folders,
        left_out=_left_out(every),
        lines=every,
        notes=_notes(names, decided),
    )
    with replacing_folder(folder) as place:
        _copy(place, root, files, written, emit)
        write_text(place / TABLE, report_csv(every))
        write_text(place / MARKER, _marker(prepared, asked))
    return prepared


def _written(files: Sequence[File], decided: Decided, folders: Mapping[str, str]) -> list[str]:
    """SPLIT/CLASS/FILE for every file that is used, else ""; no name comes twice in a class."""
    unique = {name: UniqueNames() for name in folders}
    base = [safe_name(file.path.rpartition("/")[2]) for file in files]
    often = Counter(zip(decided.labels, map(str.casefold, base), strict=True))
    out = []
    for file, name, label, decision in zip(
        files, base, decided.labels, decided.decisions, strict=True
    ):
        if decision == LEFT_OUT:
            out.append("")
            continue
        if often[label, name.casefold()] > 1:  # told apart by the folders that they come from
            name = safe_name(file.path)
        out.append(f"{decision}/{folders[label]}/{unique[label].of(name)}")
    return out


def _copy(
    place: Path, root: str, files: Sequence[File], written: Sequence[str], emit: Listener
) -> None:
    todo = [k for k, name in enumerate(written) if name]
    for parent in sorted({os.path.dirname(written[k]) for k in todo}):
        (place / parent).mkdir(parents=True)
    for done, k in enumerate(todo, 1):
        content = files[k].read(root)
        with open(place / written[k], "xb") as file:
            file.write(content)
        if done % 20 == 0 or done == len(todo):
            emit(Event("prepare", "progress", done=done, total=len(todo)))


def report_csv(lines: Sequence[Line]) -> str:
    """The text of report.csv: a line a file, or entry without one, in the order of their names."""
    rows = ((ln.file, ln.label, ln.decision, ln.reason, ln.written) for ln in lines)
    return csv_text(COLUMNS, rows)


def _marker(prepared: Prepared, asked: Mapping[str, Any]) -> str:
    about = prepared.to_json() | {
        "written_by": WRITTEN_BY,
        "format": FORMAT,
        "facette": core.__version__,
        "asked": dict(asked),
        "seed": asked["seed"],
    }
    del about["folder"]  # the same wherever it lies
    return json.dumps(about, indent=2, sort_keys=True) + "\n"


def _counts(names: Sequence[str], decided: Decided) -> dict[str, dict[str, int]]:
    number = Counter(zip(decided.labels, decided.decisions, strict=True))
    used: dict[str, set[int]] = {name: set() for name in names}
    for label, group, decision in zip(
        decided.labels, decided.groups.tolist(), decided.decisions, strict=True
    ):
        if decision in SPLITS:
            used[label].add(group)
    counts = {}
    for name in names:
        row = {part: number[name, part] for part in SPLITS}
        row |= {"images": sum(row.values()), "different": len(used[name])}
        counts[name] = row | {REST: number[name, REST]}
    return counts


def _left_out(lines: Sequence[Line]) -> dict[str, int]:
    """How many were left out for each reason, its details aside, the most frequent first."""
    counts = Counter(_kind(ln.reason) for ln in lines if ln.decision == LEFT_OUT)
    return _ordered(counts)


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _kind(reason: str) -> str:
    """A reason without what it says of the one file."""
    head, _, tail = reason.partition(": ")
    if head in ("cannot be used", "no class", "no image for the entry"):
        return f"{head}: {tail.partition(' (')[0]}"
    return head


def _notes(names: Sequence[str], decided: Decided) -> tuple[str, ...]:
    """What deserves attention, in plain sentences."""
    notes = []
    labels = np.array(decided.labels, object)
    kept = np.isin(np.array(decided.decisions, object), SPLITS)
    groups = decided.groups[kept].tolist()
    extra = len(groups) - len(set(groups))
    if extra:
        what = "image is an exact copy" if extra == 1 else "images are exact copies"
        notes.append(
            f"{extra:,} {what} of another. Copies count in the sizes of the classes and are "
            "in the same split."
        )
    classes_of: dict[int, set[str]] = {}
    for label, group in zip(labels[kept].tolist(), groups, strict=True):
        classes_of.setdefault(group, set()).add(label)
    torn = sum(len(found) > 1 for found in classes_of.values())
    if torn:
        what = "image is there" if torn == 1 else "images are there"
        notes.append(f"{torn:,} {what} with different classes; the report names them.")
    sizes = Counter(labels[kept].tolist())
    few = [printable(name, 60) for name in names if sizes[name] < _FEW]
    if few:
        shown = ", ".join(few[:5]) + (", …" if len(few) > 5 else "")
        notes.append(f"Fewer than {_FEW} images, too few for three splits: {shown}.")
    if len(names) == 1:
        notes.append("There is only one class, so there is nothing to tell apart.")
    return tuple(notes)


def summary(prepared: Prepared) -> str:
    """The counts of each class and split, what was left out, and the notes, as plain text."""
    has_rest = any(row[REST] for row in prepared.counts.values())
    columns = [*SPLITS, *([REST] if has_rest else []), "images", "different"]
    table = [["class", *columns]]
    for name, row in prepared.counts.items():
        table.append([printable(name, _WIDEST), *(f"{row[c]:,}" for c in columns)])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    text = [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in table
    ]
    total = sum(prepared.left_out.values())
    if total:
        text += ["", f"left out: {total:,}"]
        text += [f"{n:>8,}  {printable(why)}" for why, n in prepared.left_out.items()]
    text += ["", *prepared.notes] if prepared.notes else []
    text += ["", f"{printable(prepared.folder, 300)}: report.csv tells of every file."]
    return "\n".join(text)


def read_prepared(folder: str | Path) -> Prepared:
    """What a prepared folder says of itself, without the lines of its report.

    Raises `FacetteError` where the folder is none of ours or another version wrote it.
    """
    try:
        about = json.loads((Path(folder) / MARKER).read_text("utf-8"))
        if about["written_by"] != WRITTEN_BY or about["format"] != FORMAT:
            raise ValueError
        return Prepared(
            folder=str(folder),
            counts={
                str(k): {str(s): int(n) for s, n in v.items()} for k, v in about["counts"].items()
            },
            folders={str(k): str(v) for k, v in about["folders"].items()},
            left_out=_ordered({str(k): int(v) for k, v in about["left_out"].items()}),
            notes=tuple(map(str, about["notes"])),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FacetteError(
            f"{printable(folder)} is no folder that this version of Facette prepared. "
            "Prepare it again."
        ) from None
