"""What metadata say of images: a folder of JSON files (ID.json tells of ID.jpg), or a CSV.

It is no source of images: `core.datasets.finder` finds the image that an entry means.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from core.datasets import json_folder, table
from core.datasets.inspection import MAX_FILES
from core.datasets.json_folder import MAX_DEPTH, MAX_FIELDS
from core.errors import input_error, printable
from core.events import Event, Listener, silent

SEPARATOR = ">>"  # between the levels of a category path
JOINED = " - "  # between them in the name of a class
_MAX_VALUE = 200  # characters; a class has a name, not a description
_MAX_PATH = 4096
_SAMPLE = 500  # files or rows that `fields` looks at
_EXAMPLES = 3
_IMAGE_COLUMNS = ("image", "images", "image_path", "filename", "file_name", "file", "path", "img")
_ID_COLUMNS = ("id", "image_id", "product_id", "uniq_id")


@dataclass(frozen=True, slots=True)
class Record:
    """One entry: where it stands, the image it means, and the value of the field.

    `problem` says why there is no value; "" where there is one.
    """

    where: str
    image: str
    value: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Field:
    """A field of the metadata: its dotted path and what a sample of the entries holds there.

    `examples` are the most frequent values; `distinct` and `filled` count within the sample.
    """

    path: str
    examples: tuple[str, ...]
    distinct: int
    filled: int

    @property
    def sorts(self) -> bool:
        """Whether it looks as if it sorted images into classes: few values that come again."""
        return 2 <= self.distinct <= max(2, self.filled / 3)


def fields(metadata: str | Path, emit: Listener = silent) -> list[Field]:
    """The fields that a sample of the entries has, in the order in which they are first met.

    Raises
    ------
    InputError
        The metadata are no folder with JSON files and no CSV.
    """
    found: dict[str, Counter[str]] = {}
    if is_table(metadata):
        header, rows = table.records_of(Path(metadata))
        found = {name: Counter() for name in header}
        for _, row in islice(rows, _SAMPLE):
            for name, cell in zip(header, row, strict=False):
                found[name][_short(cell)] += 1
    else:
        root, names = json_folder.listed(metadata, emit)
        step = max(1, len(names) // _SAMPLE)
        for name in names[::step][:_SAMPLE]:
            content, problem = json_folder.read(root, name)
            for path, value in () if problem else json_folder.leaves(content, "", MAX_DEPTH):
                if path in found or len(found) < MAX_FIELDS:
                    found.setdefault(path, Counter())[_short(_plain(value) or "")] += 1
    return [_field(path, values) for path, values in found.items()]


def _field(path: str, values: Counter[str]) -> Field:
    del values[""]
    examples = tuple(value for value, _ in values.most_common(_EXAMPLES))
    return Field(path, examples, len(values), values.total())


def read(
    metadata: str | Path,
    field: str,
    level: int | None = None,
    image_column: str = "",
    emit: Listener = silent,
) -> list[Record]:
    """Every entry with the value of a field.

    Parameters
    ----------
    metadata : a folder of JSON files, or a .csv or .tsv
    field : a dotted path in the JSON files (`data.subCategory.typeName`), or a column
    level : keep so many levels of a category path such as `["Watches >> Wrist Watches"]`
    image_column : the column, or the dotted path, that names the image; without it the name of
        the JSON file, or in a CSV the column that looks like it
    emit : hears events of the stage "metadata", and may stop the work by raising `Cancelled`

    Raises
    ------
    InputError
        The metadata cannot be read, or no entry has the field.
    """
    if level is not None and not 1 <= level <= MAX_DEPTH:
        raise input_error("level", level, f"a whole number from 1 to {MAX_DEPTH}")
    if is_table(metadata):
        records = list(_from_table(Path(metadata), field, level, image_column, emit))
    else:
        records = list(_from_json(metadata, field, level, image_column, emit))
    if not any(record.value for record in records):
        known = [f.path for f in fields(metadata) if f.filled]
        why = next((printable(r.problem) for r in records), "there is no entry")
        raise input_error(
            "field", field, _listing(known), f"No entry has a value there ({why})."
        )  # fmt: skip
    return records


def is_table(metadata: str | Path) -> bool:
    """Whether the metadata are a CSV; `InputError` where they are nothing that can be read."""
    path = os.fspath(metadata)
    if table.matches(path):
        return True
    if not os.path.isdir(path):
        raise input_error("metadata", path, "a folder of JSON files, or a .csv or .tsv")
    return False


# A CSV -------------------------------------------------------------------------------------------


def _from_table(
    path: Path, field: str, level: int | None, image_column: str, emit: Listener
) -> Iterator[Record]:
    header, rows = table.records_of(path)
    for what, column in (("field", field), ("image column", image_column)):
        if column not in header and (column or what == "field"):
            raise input_error(what, column, _listing(header))
    value_at = header.index(field)
    image_at = header.index(image_column or _image_column(path, header))
    for count, (line, row) in enumerate(rows, 1):
        if count > MAX_FILES:
            raise input_error("metadata", path, f"at most {MAX_FILES:,} entries")
        if count % 5000 == 0:
            emit(Event("metadata", "progress", message="reading rows"))
        where = f"row {line}"
        if len(row) != len(header):
            problem = f"the row has {len(row)} fields where the header has {len(header)}"
            yield Record(where, "", "", problem)
        else:
            yield Record(where, row[image_at].strip(), *_class_of(row[value_at], level))


def _image_column(path: Path, header: Sequence[str]) -> str:
    names = {name.strip().lower(): name for name in reversed(header)}
    chosen = next((names[name] for name in _IMAGE_COLUMNS if name in names), "")
    chosen = chosen or table.guess_columns(path)[0]
    chosen = chosen or next((names[name] for name in _ID_COLUMNS if name in names), "")
    if not chosen:
        raise input_error("image column", "none", _listing(header), "Say which names the image.")
    return chosen


# A folder of JSON files --------------------------------------------------------------------------


def _from_json(
    folder: str | Path, field: str, level: int | None, image_field: str, emit: Listener
) -> Iterator[Record]:
    root, names = json_folder.listed(folder, emit)
    path, image_path = field.split("."), image_field.split(".")
    for done, name in enumerate(names, 1):
        if done % 500 == 0:
            emit(Event("metadata", "progress", done=done, total=len(names)))
        content, problem = json_folder.read(root, name)
        image = os.path.splitext(name)[0]
        if problem:
            yield Record(name, image, "", problem)
            continue
        if image_field:
            image = _plain(json_folder.at(content, image_path)) or ""
        value = json_folder.at(content, path)
        if value is json_folder.MISSING:
            yield Record(name, image, "", "the entry has no such field")
        elif (text := _plain(value)) is None:
            yield Record(name, image, "", "the field holds other fields, not a value")
        else:
            yield Record(name, image, *_class_of(text, level))


# Values ------------------------------------------------------------------------------------------


def _plain(value: Any) -> str | None:
    """A value as text, "" for null; None where it is no single value."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or value is json_folder.MISSING or isinstance(value, (dict, list)):
        return "" if value is None else None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _class_of(text: str, level: int | None) -> tuple[str, str]:
    """The name of a class and "", or "" and the problem."""
    if level is not None:
        levels = [part.strip() for part in _unwrapped(text).split(SEPARATOR, MAX_DEPTH)]
        if len(levels) < level and text.strip():
            return "", f"the path has fewer than {level} levels"
        text = JOINED.join(levels[:level])
    text = " ".join(text.split())
    if len(text) > _MAX_VALUE:
        return "", f"the value has more than {_MAX_VALUE} characters"
    return (text, "") if text else ("", "the field is empty")


def _unwrapped(text: str) -> str:
    """A category path out of the list that it is often written in: `["A >> B"]` -> `A >> B`."""
    try:
        value = json.loads(text) if text.lstrip().startswith("[") else text
    except (ValueError, RecursionError):
        return text
    return value[0] if isinstance(value, list) and value and isinstance(value[0], str) else text


def _short(text: str) -> str:
    return printable(" ".join(text[:_MAX_PATH].split()), 80)


def _listing(names: Sequence[str]) -> str:
    more = len(names) - 20
    shown = ", ".join(printable(name, 60) for name in names[:20])
    return f"one of {shown or '(none)'}" + (f" and {more:,} more" if more > 0 else "")
