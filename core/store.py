"""The store: a folder of arrays and JSON by content key. A written key is never overwritten."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from core.errors import FacetteError, InputError, input_error

SHIPPED = Path(__file__).parent / "shipped"
DEFAULT_LIMIT_GB = 20.0
KEPT = 6 * 3600  # seconds after its last use that nothing is pruned
KEPT_UPLOADS = 30 * 24 * 3600
_KEY = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,80}")


def home() -> Path:
    """The folder that holds everything Facette writes by itself: FACETTE_HOME or the cache."""
    chosen = os.environ.get("FACETTE_HOME")
    # Absolute: the workers do not run in the folder that the app was started in.
    path = Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("facette"))
    return path.absolute()


@dataclass(frozen=True)
class Entry:
    """One written key: `meta` as it was put, arrays opened when asked for."""

    folder: Path
    meta: Mapping[str, Any]

    def array(self, name: str) -> np.ndarray:
        """An array of this entry, memory-mapped and read-only."""
        return np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)

    def has(self, name: str) -> bool:
        """Whether this entry holds an array of that name."""
        return (self.folder / f"{name}.npy").exists()


@dataclass(frozen=True)
class Store:
    """Entries under `root`, and below them read-only `layers` that are looked in as well.

    An entry is a folder, written beside its place and renamed into it: it is there whole or not
    at all, whatever kills the process.
    """

    root: Path = field(default_factory=home)
    layers: Sequence[Path] = (SHIPPED,)

    def get(self, key: str) -> Entry | None:
        """The entry of a key, or None. Reading it counts as use for `prune`."""
        for base in (self.root, *self.layers):
            folder = _place(base, key)
            try:
                meta = json.loads((folder / "meta.json").read_text("utf-8"))
            except (FileNotFoundError, NotADirectoryError):
                continue
            self.touch(key)
            return Entry(folder, meta)
        return None

    def touch(self, *keys: str) -> None:
        """Count keys as used, for `prune`."""
        for key in keys:
            with contextlib.suppress(OSError):
                os.utime(_place(self.root, key) / "meta.json")

    def has(self, key: str) -> bool:
        """Whether a key has been written."""
        return any((_place(base, key) / "meta.json").exists() for base in (self.root, *self.layers))

    def put(
        self, key: str, arrays: Mapping[str, np.ndarray] | None = None, meta: Any = None
    ) -> Entry:
        """Write a key; where it is there already, the one that is there stays."""
        place = _place(self.root, key)
        with self.workspace() as temporary:
            for name, array in (arrays or {}).items():
                np.save(temporary / f"{name}.npy", np.asarray(array), allow_pickle=False)
            text = json.dumps(meta or {}, sort_keys=True, allow_nan=False)
            (temporary / "meta.json").write_text(text, "utf-8")
            move_new(temporary, place)
        entry = self.get(key)
        if entry is None:
            raise FacetteError(f"The store in {self.root} lost an entry while it was written.")
        return entry

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """A temporary folder inside the store, removed at the end; named after this process.

        What cannot be written in it or moved out of it is an `InputError` that names the store.
        """
        base = self.root / "tmp"
        folder = None
        try:
            base.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=base))
            yield folder
        except OSError as error:
            raise InputError(
                f"The store in {self.root} cannot be written: {error.strerror or error}. "
                "Free some space, or set FACETTE_HOME to another folder."
            ) from error
        finally:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, pid: int) -> None:
        """Remove what a process that is gone left half written."""
        for folder in (self.root / "tmp").glob(f"{pid}-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def save_record(self, group: str, name: str, values: Mapping[str, Any]) -> None:
        """Write a small named JSON file (an earlier comparison, say), replacing the old one."""
        target = self.root / "records" / _named(group) / f"{_named(name)}.json"
        with self.workspace() as temporary:
            file = temporary / "record.json"
            file.write_text(json.dumps(values, sort_keys=True), "utf-8")
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, target)

    def record(self, group: str, name: str) -> dict[str, Any] | None:
        """A named JSON file, or None where there is none that can be read."""
        for base in (self.root, *self.layers):
            with contextlib.suppress(OSError, ValueError):
                path = base / "records" / _named(group) / f"{_named(name)}.json"
                return json.loads(path.read_text("utf-8"))
        return None

    def drop_record(self, group: str, name: str) -> None:
        """Remove a named JSON file, if there is one; a shipped one stays."""
        path = self.root / "records" / _named(group) / f"{_named(name)}.json"
        path.unlink(missing_ok=True)

    def records(self, group: str) -> list[str]:
        """The names of a group's records, the newest first, the shipped ones last."""
        names: list[str] = []
        for base in (self.root, *self.layers):
            files = [
                (-f.stat().st_mtime_ns, f.stem)
                for f in (base / "records" / _named(group)).glob("*.json")
            ]
            names += [stem for _, stem in sorted(files) if stem not in names]
        return names

    def prune(self, limit_bytes: float | None = None) -> int:
        """Remove what was unused for longest until the rest fits; returns the bytes freed.

        The limit is FACETTE_STORE_GB (20 by default). What was used in the last hours stays,
        uploads and what stopped trainings need to go on for a month. What dead processes left
        half written goes in any case. Trained models are not touched.
        """
        if limit_bytes is None:
            limit_bytes = _limit_gb() * 1e9
        self._sweep_dead()
        found = [
            *((meta, meta.parent, KEPT) for meta in (self.root / "entries").glob("*/*/meta.json")),
            *((file, file, KEPT) for file in (self.root / "made").glob("*")),
            *((folder, folder, KEPT_UPLOADS) for folder in (self.root / "uploads").glob("*")),
            *((file, file, KEPT_UPLOADS) for file in (self.root / "training").glob("*")),
        ]
        stored = []
        for stamp, path, kept in found:
            with contextlib.suppress(OSError):
                stored.append((stamp.stat().st_mtime, _size(path), kept, path))
        total, freed, now = sum(size for _, size, _, _ in stored), 0, time.time()
        for used, size, kept, path in sorted(stored, key=lambda one: one[:2]):
            if total - freed <= limit_bytes:
                break
            if used > now - kept:
                continue
            gone = self.root / "tmp" / f"{os.getpid()}-{path.name}"
            with contextlib.suppress(OSError):
                gone.parent.mkdir(exist_ok=True)
                os.rename(path, gone)
                freed += size
            _remove(gone)
        return freed

    def _sweep_dead(self) -> None:
        for folder in (self.root / "tmp").glob("*-*"):
            with contextlib.suppress(OSError, ValueError):
                old = folder.stat().st_mtime < time.time() - KEPT
                if old and not is_alive(int(folder.name.partition("-")[0])):
                    _remove(folder)


def _limit_gb() -> float:
    text = os.environ.get("FACETTE_STORE_GB", "").strip()
    try:
        limit = float(text) if text else DEFAULT_LIMIT_GB
    except ValueError:
        limit = -1.0
    if not limit >= 0:
        raise input_error("FACETTE_STORE_GB", text, "a number of gigabytes, at least 0")
    return limit


def move_new(source: Path, target: Path) -> None:
    """Rename a folder of a workspace into its place; where there is one already, that stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(source, target)
    except OSError:
        if not target.is_dir() or not any(target.iterdir()):
            raise


def _place(base: Path, key: str) -> Path:
    if not _KEY.fullmatch(key):
        raise input_error("key", key, "32 hexadecimal digits")
    return base / "entries" / key[:2] / key


def _named(name: str) -> str:
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise input_error("name", name, "up to 80 letters, digits, dots, dashes and underscores")
    return name


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Whether a process runs, as far as can be told."""
    if os.name == "nt":  # where os.kill(pid, 0) would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
