"""What the first reading of a source's images told, kept so that it happens once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

import numpy as np

from core import executor, images
from core.errors import FacetteError, printable
from core.events import Event, Listener
from core.images import Inspection
from core.keys import key_of
from core.store import Entry, Store

T = TypeVar("T")
VERSION = 1  # raise it when `Facts` changes
SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .webp .bmp .dib .tif .tiff .gif".split()
)
MAX_FILES = 500_000
MAX_FILE_BYTES = 500_000_000
_SAVE_EVERY = 10_000  # files; what a killed process has to read again at most


@dataclass(frozen=True)
class Facts:
    """What was seen of m files, usable or not.

    Attributes
    ----------
    usable : (m,) bool
    digest : (m, 16) uint8, the content key of each file
    size : (m, 2) int32, width and height
    fingerprint : (m,) uint64
    mode : (m,) str
    constant : (m,) bool
    look : (m, 12, 12, 3) uint8 RGB, each image stretched
    reasons : row -> why it is not usable
    """

    usable: np.ndarray
    digest: np.ndarray
    size: np.ndarray
    fingerprint: np.ndarray
    mode: np.ndarray
    constant: np.ndarray
    look: np.ndarray
    reasons: Mapping[int, str]

    @classmethod
    def of(cls, seen: Sequence[Inspection]) -> Facts:
        """The table of single inspections."""
        digests = b"".join(bytes.fromhex(i.digest) for i in seen)
        return cls(
            usable=np.array([not i.reason for i in seen], bool),
            digest=np.frombuffer(digests, np.uint8).reshape(-1, 16),
            size=np.array([(i.width, i.height) for i in seen], np.int32).reshape(-1, 2),
            fingerprint=np.array([i.fingerprint for i in seen], np.uint64),
            mode=np.array([i.mode for i in seen], "U8"),
            constant=np.array([i.constant for i in seen], bool),
            look=np.frombuffer(b"".join(i.look for i in seen), np.uint8).reshape(-1, *images.LOOK),
            reasons={k: i.reason for k, i in enumerate(seen) if i.reason},
        )

    @classmethod
    def stored(cls, entry: Entry) -> Facts:
        """The facts that `arrays` and `reasons` left in an entry, memory-mapped."""
        names = [f.name for f in fields(cls) if f.name != "reasons"]
        reasons = {int(k): v for k, v in entry.meta["reasons"].items()}
        return cls(**{name: entry.array(name) for name in names}, reasons=reasons)

    def arrays(self) -> dict[str, np.ndarray]:
        """What goes into the store; the reasons go into the entry's meta."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "reasons"}

    def row(self, k: int) -> Inspection:
        """One row as it was."""
        w, h = self.size[k].tolist()
        return Inspection(
            self.digest[k].tobytes().hex(),
            self.reasons.get(k, ""),
            w,
            h,
            str(self.mode[k]),
            int(self.fingerprint[k]),
            bool(self.constant[k]),
            self.look[k].tobytes(),
        )


@dataclass(frozen=True)
class File:
    """A file below a root, as its folder lists it. `path` is relative, with `/`."""

    path: str
    size: int
    mtime_ns: int

    def read(self, root: str) -> bytes:
        """The content, or `FacetteError` where the file is gone or another one by now."""
        try:
            with open(os.path.join(root, self.path), "rb") as file:
                stat = os.fstat(file.fileno())
                if (stat.st_size, stat.st_mtime_ns) != (self.size, self.mtime_ns):
                    raise _changed(self.path, "has changed")
                return file.read()
        except OSError as error:
            raise _changed(self.path, f"cannot be read ({error.strerror})") from None


def _changed(name: str, what: str) -> FacetteError:
    return FacetteError(f"{printable(name)} {what} since it was opened. Open the data again.")


def inspect_many(
    look: Callable[[T], Inspection], items: Sequence[T], emit: Listener, before: int, total: int
) -> list[Inspection]:
    """Look at items in parallel; each batch is one event, and a chance to cancel.

    `before` of the `total` were done earlier.
    """

    def report(done: int, _: int) -> None:
        emit(Event("open", "progress", done=before + done, total=total))

    def batch(indices: Sequence[int]) -> list[Inspection]:
        return [look(items[i]) for i in indices]

    batches = executor.map_batches(batch, len(items), report)
    return [inspection for batch in batches for inspection in batch]


def files_key(root: str, files: Iterable[File]) -> str:
    """The key of what inspecting these files would tell."""
    listing = [(f.path, f.size, f.mtime_ns) for f in files]
    return key_of("inspection", VERSION, images.VERSION, root, listing)


def inspected_files(root: str, files: Sequence[File], store: Store, emit: Listener) -> Facts:
    """The facts about files, in their order: from the store, or by reading what is new."""
    key = files_key(root, files)
    entry = store.get(key)
    if entry is not None:
        emit(Event("open", "cached", done=len(files), total=len(files), key=key))
        return Facts.stored(entry)
    start = time.perf_counter()
    known = _known(root, store)
    todo = [f for f in files if f not in known]
    before = len(files) - len(todo)

    def look(file: File) -> Inspection:
        try:
            return images.inspect(file.read(root))
        except FacetteError as error:
            return Inspection("0" * 32, str(error))

    for first in range(0, len(todo), _SAVE_EVERY):
        part = todo[first : first + _SAVE_EVERY]
        seen = inspect_many(look, part, emit, before + first, len(files))
        known.update(zip(part, seen, strict=True))
        if first + len(part) < len(todo):
            _save(root, [f for f in files if f in known], known, store)
    facts = _save(root, files, known, store)
    seconds = time.perf_counter() - start
    emit(Event("open", "computed", done=len(files), total=len(files), key=key, seconds=seconds))
    return facts


def _known(root: str, store: Store) -> dict[File, Inspection]:
    """What the last inspection of this root told, file by file."""
    record = store.record("inspections", key_of(root))
    entry = store.get(record["key"]) if record else None
    if entry is None:
        return {}
    facts = Facts.stored(entry)
    return {File(*file): facts.row(k) for k, file in enumerate(entry.meta["files"])}


def _save(
    root: str, files: Sequence[File], known: Mapping[File, Inspection], store: Store
) -> Facts:
    facts = Facts.of([known[f] for f in files])
    listing = [(f.path, f.size, f.mtime_ns) for f in files]
    key = files_key(root, files)
    reasons = {str(k): v for k, v in facts.reasons.items()}
    store.put(key, facts.arrays(), {"files": listing, "reasons": reasons})
    store.save_record("inspections", key_of(root), {"key": key})
    return facts


def remember(store: Store, path: Path, version: int, key: str) -> None:
    """Note that what a file holds, as it is now, is in the store under `key`."""
    stat = path.stat()
    about = {"key": key, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    store.save_record("files", key_of(version, images.VERSION, str(path)), about)


def recalled(store: Store, path: Path, version: int) -> Entry | None:
    """The entry that `remember` noted, unless the file has changed since or is gone."""
    record = store.record("files", key_of(version, images.VERSION, str(path)))
    try:
        stat = path.stat()
    except OSError:
        return None
    if record is None or (record["size"], record["mtime_ns"]) != (stat.st_size, stat.st_mtime_ns):
        return None
    return store.get(record["key"])
