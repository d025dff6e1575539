"""Uploaded bytes become files of the store: named by content, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence

from core.errors import InputError, printable
from core.files import safe_name, unique_name
from core.keys import key_of, key_of_bytes
from core.store import Store, move_new
from core.types import Source

Upload = tuple[str, bytes | memoryview]


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
