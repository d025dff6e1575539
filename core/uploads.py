"""Uploaded bytes become files of the store: named by content, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError, printable
from core.files import safe_name, unique_name
from core.keys import key_of, key_of_bytes
from core.store import Store, move_new
from core.types import Source

Upload = tuple[str, bytes | memoryview]
MOST_FILES = 500  # in one go, to be named one by one
MOST_BYTES = 100_000_000  # of one of them
MOST_TOGETHER = 2_000_000_000


@dataclass(frozen=True)
class Kept:
    """One uploaded file: its name as it was given, the key of its content, where it is kept.

    A file that is too large is not kept: its path is None and `reason` says why.
    """

    name: str
    digest: str
    path: Path | None
    reason: str = ""


def keep(files: Sequence[Upload], store: Store) -> Source:
    """Keep one uploaded ZIP, or image files, inside the store; the source that opens them.

    The same upload twice is kept once. Names are made safe; a file is never written outside.
    """
    if not files:
        raise InputError("Nothing was uploaded. Choose a ZIP or image files.")
    zips = [name for name, _ in files if name.lower().endswith(".zip")]
    if zips and len(files) > 1:
        raise InputError(
            f"{len(files)} files with a ZIP among them ({printable(zips[0])}) were uploaded; "
            "allowed are one ZIP alone, or images alone. Upload them one after the other."
        )
    digest = key_of(sorted((name, key_of_bytes([data])) for name, data in files))
    folder = store.root / "uploads" / digest
    name = safe_name(files[0][0]) if zips else "uploaded images"
    if not folder.exists():
        with store.workspace() as temporary:
            inside = temporary if zips else temporary / name
            inside.mkdir(exist_ok=True)
            taken: set[str] = set()
            for given, data in files:
                (inside / unique_name(safe_name(given), taken)).write_bytes(data)
            move_new(temporary, folder)
    os.utime(folder)  # in use again
    return Source("archive" if zips else "folder", str(folder / name))


def keep_each(files: Sequence[Upload], store: Store) -> list[Kept]:
    """Keep uploaded files one by one, each by its content alone: no name becomes a path.

    Raises
    ------
    InputError
        There are more than 500 files, or more than 2 GB.
    """
    if len(files) > MOST_FILES:
        raise InputError(
            f"You chose {len(files):,} files, allowed are {MOST_FILES} at once. Take some away."
        )
    together = sum(len(data) for _, data in files)
    if together > MOST_TOGETHER:
        raise InputError(
            f"You chose {together / 1e9:.1f} GB of files, allowed are "
            f"{MOST_TOGETHER / 1e9:.0f} GB at once. Take some away."
        )
    return [_kept(name, data, store) for name, data in files]


def _kept(name: str, data: bytes | memoryview, store: Store) -> Kept:
    digest = key_of_bytes([data])
    if len(data) > MOST_BYTES:
        most = f"allowed are {MOST_BYTES // 1_000_000} MB"
        return Kept(name, digest, None, f"the file has {len(data) / 1e6:.0f} MB, {most}")
    folder = store.root / "uploads" / key_of("one file", digest)
    if not folder.exists():
        with store.workspace() as temporary:
            (temporary / "image").write_bytes(data)
            move_new(temporary, folder)
    os.utime(folder)  # in use again
    return Kept(name, digest, folder / "image")
