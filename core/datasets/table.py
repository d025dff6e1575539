"""A CSV that names images and, where it has them, their labels and texts."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.datasets.assembly import Row, from_files, unique
from core.datasets.folder import checked_file, inside
from core.datasets.inspection import MAX_FILES, SUFFIXES, File, inspected_files, was_inspected
from core.errors import InputError, input_error, printable
from core.events import Listener
from core.store import Store
from core.types import Dataset, Rejected, Source

KIND = "table"
LABEL = "A CSV file"
EXPECTS = "a .csv or .tsv"
MAX_BYTES = 1_000_000_000
_FIELD_BYTES = 10_000_000
MAX_COLUMNS = 1000
_SAMPLE = 200  # rows that a guess looks at
_LABEL_NAMES = ("label", "labels", "class", "category", "target", "group", "type")
_TEXT_LENGTH = 15  # characters from which a column reads like text, on average


def matches(data: str) -> bool:
    """Whether DATA of the command line names this source."""
    return data.lower().endswith((".csv", ".tsv")) and os.path.isfile(data)


def is_inspected(source: Source, store: Store) -> bool:
    """Whether every file that the table names was read before and none has changed."""
    table = _listed(source)
    return was_inspected(table.root, table.files, store)


def open(source: Source, store: Store, emit: Listener) -> Dataset:
    """Every row with a readable image, in the table's order.

    The same image in a later row has `#2` at the end of its id. A blank label is none.
    """
    table = _listed(source)
    if not table.rows and not table.rejected:
        raise input_error("CSV", source.path, "a header and at least one row", "It has no row.")
    facts = inspected_files(table.root, table.files, store, emit)
    name = Path(source.path).stem

    def content(k: int) -> bytes:
        return table.files[k].read(table.root)

    return from_files(name, source, table.rows, facts, content, table.rejected)


def columns_of(path: str | Path) -> list[str]:
    """The names of the columns of a CSV, in its order; `InputError` where it has none."""
    return records_of(Path(path))[0]


def guess_columns(path: str | Path) -> tuple[str, str, tuple[str, ...]]:
    """Guess which columns hold image, label and texts; "" and () where none looks like it.

    Looks at the first 200 rows. An image column is one whose values mostly end like image files;
    a label is called so, or repeats few short values; a text is long and mostly different.
    """
    header, records = records_of(Path(path))
    sample = [record for _, record in islice(records, _SAMPLE)]
    columns = {name: [r[i].strip() for r in sample if i < len(r)] for i, name in enumerate(header)}
    images = {name: _share_of_images(values) for name, values in columns.items()}
    image = max(images, key=lambda name: images[name], default="")
    if not image or images[image] < 0.5:
        image = ""
    others = {name: values for name, values in columns.items() if name != image}
    named = [n for want in _LABEL_NAMES for n in others if n.strip().lower() == want]
    labels = named or [n for n, values in others.items() if _repeats(values)]
    label = labels[0] if labels else ""
    texts = (n for n, values in others.items() if n != label and _reads_like_text(values))
    return image, label, tuple(texts)


def _share_of_images(values: Sequence[str]) -> float:
    hits = sum(os.path.splitext(v)[1].lower() in SUFFIXES for v in values)
    return hits / len(values) if values else 0.0


def _repeats(values: Sequence[str]) -> bool:
    filled = [v for v in values if v]
    return 2 <= len(set(filled)) <= len(filled) / 3 and max(map(len, filled)) <= 60


def _reads_like_text(values: Sequence[str]) -> bool:
    filled = [v for v in values if v]
    return (
        len(set(filled)) > len(values) / 2
        and sum(map(len, filled)) >= _TEXT_LENGTH * len(filled)
        and sum(" " in v for v in filled) > len(filled) / 2
    )


@dataclass(frozen=True)
class _Table:
    """The rows of a CSV: each points at one of `files`, which lie below `root`."""

    root: str
    files: list[File]
    rows: list[Row]
    rejected: list[Rejected]


def _listed(source: Source) -> _Table:
    path = Path(source.path)
    header, records = records_of(path)
    image_column = source.image_column or guess_columns(path)[0]
    if not image_column:
        known = ", ".join(printable(h) for h in header)
        raise InputError(f"image column: none was given. The columns of {path.name} are {known}.")
    image = _index(header, image_column, "image column")
    label = _index(header, source.label_column, "label column") if source.label_column else None
    texts = [_index(header, column, "text column") for column in source.text_columns]
    finder = _Finder(os.path.realpath(path.parent))
    drafts: list[Row] = []
    rejected: list[Rejected] = []
    for line, record in records:
        if len(drafts) + len(rejected) >= MAX_FILES:
            raise input_error("CSV", source.path, f"at most {MAX_FILES:,} rows")
        if len(record) != len(header):
            reason = f"{len(record)} fields where the header has {len(header)}"
            rejected.append(Rejected(f"row {line}", reason))
            continue
        found = finder.find(record[image].strip())
        if isinstance(found, Rejected):
            rejected.append(found if found.id else Rejected(f"row {line}", found.reason))
            continue
        text = "\n".join(filter(None, (record[i].strip() for i in texts)))
        name = "" if label is None else record[label].strip()
        drafts.append(Row(finder.files[found].path, found, name, text))
    ids = unique(r.id for r in drafts)
    rows = [Row(id, r.fact, r.label, r.text) for id, r in zip(ids, drafts, strict=True)]
    return _Table(finder.root, finder.files, rows, rejected)


class _Finder:
    """Finds the files that rows name, each file and each folder once."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.files: list[File] = []
        self._known: dict[str, int | Rejected] = {}
        self._parents: dict[str, bool] = {}

    def find(self, written: str) -> int | Rejected:
        """The index in `files` of the image that a row names, or why there is none."""
        if written not in self._known:
            file = self._locate(written)
            if isinstance(file, Rejected):
                self._known[written] = file
            else:
                # another spelling of a path that is known is the same file
                index = self._known.setdefault(file.path, len(self.files))
                if index == len(self.files):
                    self.files.append(file)
                self._known[written] = index
        return self._known[written]

    def _locate(self, written: str) -> File | Rejected:
        if not written:
            return Rejected("", "no image is named")
        if "\0" in written:
            return Rejected(written, "a name with a zero byte")
        path = os.path.normpath(written)
        if "\\" in written and not os.path.exists(os.path.join(self.root, path)):
            path = os.path.normpath(written.replace("\\", "/"))  # written on Windows
        if os.path.isabs(path):
            path = os.path.relpath(os.path.realpath(path), self.root)
        if path.startswith("../") or not self._holds(os.path.dirname(path)):
            return Rejected(written, "outside the folder of the CSV")
        file = checked_file(self.root, path)
        return Rejected(written, file.reason) if isinstance(file, Rejected) else file

    def _holds(self, folder: str) -> bool:
        """Whether a folder lies below the root when its links are followed."""
        if folder not in self._parents:
            full = os.path.realpath(os.path.join(self.root, folder))
            self._parents[folder] = inside(self.root, full)
        return self._parents[folder]


def _index(header: Sequence[str], column: str, what: str) -> int:
    if column not in header:
        raise input_error(what, column, "one of " + ", ".join(printable(h) for h in header))
    return header.index(column)


def records_of(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header, and every later row that is not empty with its number (2 is the first)."""
    text = _text(path)
    csv.field_size_limit(_FIELD_BYTES)
    try:
        headers = [next(_reader(text, d), []) for d in (",", ";", "\t")]
    except csv.Error as error:
        raise _no_csv(path, str(error)) from None
    header = max(headers, key=len)
    delimiter = (",", ";", "\t")[headers.index(header)]
    if not any(h.strip() for h in header):
        raise _no_csv(path, "the file is empty")
    if len(header) > MAX_COLUMNS:
        raise _no_csv(path, f"it has {len(header):,} columns, more than {MAX_COLUMNS:,}")
    return [h.strip() for h in header], _numbered(_reader(text, delimiter), path)


def _numbered(reader: Iterator[list[str]], path: Path) -> Iterator[tuple[int, list[str]]]:
    next(reader)
    try:
        for number, record in enumerate(reader, 2):
            if any(record):
                yield number, record
    except csv.Error as error:
        raise _no_csv(path, str(error)) from None


def _reader(text: str, delimiter: str) -> Iterator[list[str]]:
    # line ends are left alone, so that a quoted field may span lines
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _text(path: Path) -> str:
    """The file's text: UTF-8, UTF-16 where it says so, else Windows' code page 1252."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise input_error("CSV", path, f"at most {MAX_BYTES // 1_000_000} MB")
        data = path.read_bytes()
    except OSError as error:
        raise input_error("CSV", path, "a file that can be read", f"{error.strerror}.") from None
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _no_csv(path, "its bytes are no text in UTF-8")


def _no_csv(path: Path, reason: str) -> InputError:
    return input_error("CSV", path, "a table with a header", f"{reason[:1].upper()}{reason[1:]}.")
