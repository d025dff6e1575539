"""Which paths of the server the app may open: those below FACETTE_ROOT."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import input_error
from core.store import Store
from core.types import Source

SAMPLES = Path(__file__).resolve().parent.parent / "sample_data"


def root() -> Path:
    """The folder that bounds what the app may open: FACETTE_ROOT, or the user's home."""
    return Path(os.environ.get("FACETTE_ROOT") or Path.home()).resolve()


def may_open(source: Source, store: Store) -> bool:
    """Whether the app may open a source: below the root, uploaded, or shipped with Facette."""
    if not source.path:
        return True
    path = Path(source.path).resolve()
    return any(path.is_relative_to(base) for base in (root(), store.root / "uploads", SAMPLES))


def inside_root(text: str) -> str:
    """The real path of `text`, which may be relative to the root, or an `InputError`.

    Links are followed before the check, so none leads out.
    """
    base = root()
    try:
        path = (base / text.strip()).expanduser().resolve()
        there = path.exists()
    except (OSError, RuntimeError, ValueError):
        path, there = base, False  # too long, a null byte, an unknown ~user: no such path
    if not path.is_relative_to(base):
        raise input_error(
            "path", text, f"a path below {base}", "Set FACETTE_ROOT to open other folders."
        )
    if not there:
        raise input_error("path", text, "one that exists", "Check the spelling.")
    return str(path)
