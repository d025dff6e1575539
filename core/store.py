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

from core.errors import FacetteError, input_error

SHIPPED = Path(__file__).parent / "shipped"
DEFAULT_LIMIT_GB = 20.0
_KEY = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,80}")


def home() -> Path:
    """The folder that holds everything Facette writes by itself: FACETTE_HOME or the cache."""
    chosen = os.environ.get("FACETTE_HOME")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("facette"))


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
            except FileNotFoundError:
                continue
            if base is self.root:
                with contextlib.suppress(OSError):
                    os.utime(folder / "meta.json")
            return Entry(folder, meta)
        return None

    def has(self, key: str) -> bool:
        """Whether a key has been written."""
        return any((_place(base, key) / "meta.json").exists() for base in (self.root, *self.layers))

    def put(
        self, key: str, arrays: Mapping[str, np.ndarray] | None = None, meta: Any = None
    ) -> Entry:
        """Write a key; where it is there already, the one that is there stays."""
        place = _place(self.root, key)
        with self.workspace() as temporary:
            try:
                for name, array in (arrays or {}).items():
                    np.save(temporary / f"{name}.npy", np.asarray(array), allow_pickle=False)
                text = json.dumps(meta or {}, sort_keys=True, allow_nan=False)
                (temporary / "meta.json").write_text(text, "utf-8")
                place.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileExistsError):
                    _rename_new(temporary, place)
            except OSError as error:
                raise FacetteError(
                    f"The store in {self.root} cannot be written: {error.strerror or error}. "
                    "Free some space, or set FACETTE_HOME to another folder."
                ) from error
        entry = self.get(key)
        if entry is None:
            raise FacetteError(f"The store in {self.root} lost an entry while it was written.")
        return entry

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """A temporary folder inside the store, removed at the end; named after this process."""
        base = self.root / "tmp"
        base.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=base))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, pid: int) -> None:
        """Remove what a process that is gone left half written."""
        for folder in (self.root / "tmp").glob(f"{pid}-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def save_record(self, group: str, name: str, values: Mapping[str, Any]) -> None:
        """Write a small named JSON file (an earlier comparison, say), replacing the old one."""
        folder = self.root / "records" / _named(group)
        folder.mkdir(parents=True, exist_ok=True)
        with self.workspace() as temporary:
            file = temporary / "record.json"
            file.write_text(json.dumps(values, sort_keys=True), "utf-8")
            os.replace(file, folder / f"{_named(name)}.json")

    def record(self, group: str, name: str) -> dict[str, Any] | None:
        """A named JSON file, or None."""
        for base in (self.root, *self.layers):
            with contextlib.suppress(FileNotFoundError):
                path = base / "records" / _named(group) / f"{_named(name)}.json"
                return json.loads(path.read_text("utf-8"))
        return None

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
        """Remove the entries unused for longest until the rest fits; returns the bytes freed.

        The limit is FACETTE_STORE_GB (20 by default). Entries used in the last hour stay.
        """
        if limit_bytes is None:
            limit_bytes = float(os.environ.get("FACETTE_STORE_GB", DEFAULT_LIMIT_GB)) * 1e9
        entries = []
        for meta in (self.root / "entries").glob("*/*/meta.json"):
            with contextlib.suppress(OSError):
                size = sum(f.stat().st_size for f in meta.parent.iterdir())
                entries.append((meta.stat().st_mtime, size, meta.parent))
        total, freed = sum(size for _, size, _ in entries), 0
        for used, size, folder in sorted(entries):
            if total - freed <= limit_bytes or used > time.time() - 3600:
                break
            gone = self.root / "tmp" / f"{os.getpid()}-{folder.name}"
            with contextlib.suppress(OSError):
                gone.parent.mkdir(exist_ok=True)
                os.rename(folder, gone)
                freed += size
            shutil.rmtree(gone, ignore_errors=True)
        return freed


def _place(base: Path, key: str) -> Path:
    if not _KEY.fullmatch(key):
        raise input_error("key", key, "32 hexadecimal digits")
    return base / "entries" / key[:2] / key


def _named(name: str) -> str:
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise input_error("name", name, "up to 80 letters, digits, dots, dashes and underscores")
    return name


def _rename_new(source: Path, target: Path) -> None:
    """Rename a folder to a name that must not exist yet with content in it."""
    try:
        os.rename(source, target)
    except OSError:
        if not (target / "meta.json").exists():
            raise
        raise FileExistsError(str(target)) from None
