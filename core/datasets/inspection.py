"""What the first reading of a source's images told, kept so that it happens once."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TypeVar

import numpy as np

from core import executor, images
from core.decoding import NoMemoryError
from core.errors import FacetteError, printable
from core.events import Event, Listener
from core.images import Inspection
from core.keys import key_of
from core.store import Entry, Store

T = TypeVar("T")
VERSION = 2  # raise it when `Facts` changes
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

    def updated(self, rows: Mapping[int, Inspection]) -> Facts:
        """These facts with some rows replaced."""
        if not rows:
            return self
        at, new = list(rows), Facts.of(list(rows.values())).arrays()
        arrays = {name: array.copy() for name, array in self.arrays().items()}
        for name, array in arrays.items():
            array[at] = new[name]
        reasons = {k: v for k, v in self.reasons.items() if k not in rows}
        reasons |= {k: i.reason for k, i in rows.items() if i.reason}
        return Facts(**arrays, reasons=reasons)

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
    """A file below a root, as its folder lists it. `path` is relative, with `/`.

    `ctime_ns` also tells a change of the permissions, or of the content under an old date.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int

    def read(self, root: str) -> bytes:
        """The content, or `FacetteError` where the file is gone or another one by now."""
        try:
            with open(os.path.join(root, self.path), "rb") as file:
                stat = os.fstat(file.fileno())
                if (stat.st_size, stat.st_mtime_ns) != (self.size, self.mtime_ns):
                    raise self._lost("has changed since it was opened")
                return file.read()
        except OSError as error:
            raise self._lost(f"cannot be read ({error.strerror})") from None
        except MemoryError:
            raise self._lost(f"cannot be read ({NoMemoryError()})") from None

    def _lost(self, what: str) -> FacetteError:
        return FacetteError(f"{printable(self.path)} {what}. Open the data again.")


def looked_at(read: Callable[[], bytes]) -> Inspection:
    """What the content that `read` gives is; where it cannot be read now, that is transient."""
    try:
        return images.inspect(read())
    except FacetteError as error:
        reason = str(error).removesuffix(".")
    except MemoryError:
        reason = str(NoMemoryError())
    return Inspection("0" * 32, reason, transient=True)


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
    return key_of("inspection", VERSION, images.VERSION, root, [astuple(f) for f in files])


def was_inspected(root: str, files: Sequence[File], store: Store) -> bool:
    """Whether `inspected_files` has gone through these files before.

    Also where some could not be read at that time: only those are tried again.
    """
    key = files_key(root, files)
    tried = store.record("inspections", key)
    return store.has(key) or (tried is not None and store.has(tried["key"]))


def inspected_files(root: str, files: Sequence[File], store: Store, emit: Listener) -> Facts:
    """The facts about files, in their order: from the store, or by reading what is new.

    A file that cannot be read now (no permission, no memory) is unusable here, but not kept as
    such: the next opening tries it again.
    """
    key = files_key(root, files)
    entry = store.get(key)
    if entry is not None:
        emit(Event("open", "cached", done=len(files), total=len(files), key=key))
        return Facts.stored(entry)
    start = time.perf_counter()
    known = _known(root, key, store)
    todo = [f for f in files if f not in known]
    before = len(files) - len(todo)
    for first in range(0, len(todo), _SAVE_EVERY):
        part = todo[first : first + _SAVE_EVERY]
        seen = inspect_many(
            lambda f: looked_at(lambda: f.read(root)), part, emit, before + first, len(files)
        )
        known.update(zip(part, seen, strict=True))
        if first + len(part) < len(todo):
            _save(root, files, known, store)
    facts = _save(root, files, known, store)
    seconds = time.perf_counter() - start
    emit(Event("open", "computed", done=len(files), total=len(files), key=key, seconds=seconds))
    return facts


def _known(root: str, key: str, store: Store) -> dict[File, Inspection]:
    """What the last inspection of these files, or else of this root, told, file by file."""
    for name in (key, _root_key(root)):
        record = store.record("inspections", name)
        entry = store.get(record["key"]) if record else None
        if entry is not None:
            facts = Facts.stored(entry)
            return {File(*file): facts.row(k) for k, file in enumerate(entry.meta["files"])}
    return {}


def _root_key(root: str) -> str:
    return key_of("root", VERSION, root)


def _save(
    root: str, files: Sequence[File], known: Mapping[File, Inspection], store: Store
) -> Facts:
    """Keep what is known for good of these files; the facts about all that were looked at."""
    seen = [f for f in files if f in known]
    lasting = [f for f in seen if not known[f].transient]
    facts = Facts.of([known[f] for f in lasting])
    key = files_key(root, lasting)
    reasons = {str(k): v for k, v in facts.reasons.items()}
    listing = [astuple(f) for f in lasting]
    store.put(key, facts.arrays(), {"files": listing, "reasons": reasons})
    store.save_record("inspections", _root_key(root), {"key": key})
    if len(lasting) < len(seen) == len(files):
        store.save_record("inspections", files_key(root, files), {"key": key})
    return Facts.of([known[f] for f in seen])


def failed_reading(error: BaseException) -> bool:
    """Whether an error came from the disk, not from what a file holds.

    Libraries raise OSErrors without a number about damaged content, and seek to where a damaged
    file sends them (EINVAL).
    """
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def remember(store: Store, path: Path, version: int, key: str) -> None:
    """Note that what a file holds, as it is now, is in the store under `key`."""
    stat = path.stat()
    store.save_record("files", _file_key(path, version), {"key": key, "stat": _written(stat)})


def recalled(store: Store, path: Path, version: int) -> Entry | None:
    """The entry that `remember` noted, unless the file has changed since or is gone."""
    record = store.record("files", _file_key(path, version))
    try:
        stat = path.stat()
    except OSError:
        return None
    if record is None or record["stat"] != _written(stat):
        return None
    return store.get(record["key"])


def _file_key(path: Path, version: int) -> str:
    return key_of("file", VERSION, version, images.VERSION, str(path))


def _written(stat: os.stat_result) -> list[int]:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
