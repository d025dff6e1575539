"""A folder of images: a sub-folder is a class; a flat one has no classes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence

from core.datasets.assembly import Row, from_files
from core.datasets.inspection import (
    MAX_FILE_BYTES,
    MAX_FILES,
    SUFFIXES,
    Facts,
    File,
    inspected_files,
    was_inspected,
)
from core.errors import input_error, printable
from core.events import Event, Listener, silent
from core.store import Store
from core.types import Dataset, Rejected, Source

KIND = "folder"
LABEL = "A folder"
EXPECTS = "a folder"
# Folders that say what an image is for; rest is what balancing left over.
PARTS = {"train": 0, "validation": 1, "val": 1, "valid": 1, "test": 2, "rest": -1}
MARKER, TABLE = "prepared.json", "report.csv"  # what `prepare` writes beside the images
PREPARED = frozenset({MARKER, TABLE})
_SYSTEM = {"__MACOSX", "Thumbs.db", "desktop.ini"}  # what computers leave behind


def matches(data: str) -> bool:
    """Whether DATA of the command line names this source."""
    return os.path.isdir(data)


def is_inspected(source: Source, store: Store) -> bool:
    """Whether every file was read before and none has changed."""
    root, files, _ = listed(source, silent)
    return was_inspected(root, files, store)


def open(source: Source, store: Store, emit: Listener) -> Dataset:
    """Every image below a folder, in the order of the relative paths' code points."""
    root, files, rejected = listed(source, emit)
    if not files and not rejected:
        raise input_error("folder", source.path, "a folder with images", "This one is empty.")
    facts = inspected_files(root, files, store, emit)
    rows = rows_of([f.path for f in files], facts)
    name = os.path.basename(root) or root
    return from_files(name, source, rows, facts, lambda k: files[k].read(root), rejected)


def listed(source: Source, emit: Listener) -> tuple[str, list[File], list[Rejected]]:
    """The folder with links resolved, its image files, and what else lies there."""
    root = os.path.realpath(source.path)
    if not os.path.isdir(root):
        raise input_error("folder", source.path, "a folder", "There is no such folder.")
    files: list[File] = []
    rejected: list[Rejected] = []
    for found in _walk(root, ""):
        (files if isinstance(found, File) else rejected).append(found)  # type: ignore[arg-type]
        if len(files) > MAX_FILES:
            raise input_error("folder", source.path, f"a folder of at most {MAX_FILES:,} images")
        if (len(files) + len(rejected)) % 5000 == 0:
            emit(Event("open", "progress", message="listing files"))  # a chance to cancel
    return root, sorted(files, key=lambda f: f.path), sorted(rejected, key=lambda r: r.id)


def _walk(root: str, below: str) -> Iterator[File | Rejected]:
    """Go through the folder `below` (relative, "" or ending in /) and what lies in it."""
    folders = [below]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(os.path.join(root, folder)))
        except OSError as error:
            yield Rejected(folder, f"the folder cannot be opened ({error.strerror})")
            continue
        ours = PREPARED if {e.name for e in entries} >= PREPARED else frozenset()
        for entry in entries:
            if is_clutter(entry.name) or (not folder and entry.name in ours):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{folder}{entry.name}/")
            else:
                yield checked_file(root, folder + entry.name)


def checked_file(root: str, path: str) -> File | Rejected:
    """A file below a root (with links resolved), or why it is not used."""
    full = os.path.join(root, path)
    try:
        about = os.lstat(full)
        if stat.S_ISLNK(about.st_mode):
            if not inside(root, os.path.realpath(full)):
                return Rejected(path, "a link that leads out of the folder")
            about = os.stat(full)
            if stat.S_ISDIR(about.st_mode):
                return Rejected(path, "a link to a folder")
    except FileNotFoundError:
        return Rejected(path, "the file does not exist")
    except OSError as error:
        return Rejected(path, f"the file cannot be opened ({error.strerror})")
    if reason := refused(path, about.st_size):
        return Rejected(path, reason)
    if not stat.S_ISREG(about.st_mode):
        return Rejected(path, "not a regular file")
    return File(path, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


def inside(root: str, path: str) -> bool:
    """Whether an absolute path without links lies below a root, or is it."""
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def is_clutter(name: str) -> bool:
    """Whether a name is hidden, or what an operating system puts beside images."""
    return name.startswith(".") or name in _SYSTEM


def refused(path: str, size: int) -> str:
    """Why a file is not even opened, by its name and size in bytes; "" if it may be."""
    suffix = os.path.splitext(path)[1]
    if suffix.lower() not in SUFFIXES:
        return f"not an image file ({printable(suffix)})" if suffix else "not an image file"
    if size > MAX_FILE_BYTES:
        return f"{size / 1e6:,.0f} MB, more than the {MAX_FILE_BYTES // 1_000_000} allowed"
    return ""


def rows_of(paths: Sequence[str], facts: Facts) -> list[Row]:
    """A row a relative path, its class and its part by the folders it lies in."""
    good = [path for k, path in enumerate(paths) if k not in facts.reasons]
    found = dict(zip(good, without_parts(classes(good)), strict=True))
    rows = []
    for k, path in enumerate(paths):
        label, part = found.get(path, ("", None))
        rows.append(Row(path, k, label, part=part))
    return rows


def without_parts(labels: Sequence[str]) -> list[tuple[str, int | None]]:
    """Classes below train, validation and test: each class without that folder, and its part.

    They stay as they are, without a part, unless all lie in such folders, one of them train.

    >>> without_parts(["train/cat", "test/cat", "rest/dog"])
    [('cat', 0), ('cat', 2), ('dog', -1)]
    >>> without_parts(["train/cat", "other/cat"])
    [('train/cat', None), ('other/cat', None)]
    """
    split = {label: label.partition("/") for label in set(labels) - {""}}
    tops = {top.lower() for top, _, _ in split.values()}
    if not all(below for _, _, below in split.values()) or not {"train"} <= tops <= set(PARTS):
        return [(label, None) for label in labels]
    known = {label: (below, PARTS[top.lower()]) for label, (top, _, below) in split.items()}
    return [known.get(label, ("", -1)) for label in labels]


def classes(paths: Sequence[str]) -> list[str]:
    """The class of each relative path: its folder, without a wrapper around everything.

    Images beside the class folders have none (""); so have all where there is but one folder.

    >>> classes(["data/cats/1.png", "data/dogs/big/2.png"])
    ['cats', 'dogs/big']
    >>> classes(["photos/1.png", "photos/2.png"])
    ['', '']
    """
    folders = [path.rpartition("/")[0] for path in paths]
    common = os.path.commonpath(folders) if folders and all(folders) else ""
    return [folder[len(common) :].lstrip("/") for folder in folders]
