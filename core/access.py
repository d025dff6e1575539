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
    path, there = _below_root(text)
    if not there:
        raise input_error("path", text, "one that exists", "Check the spelling.")
    return str(path)


def new_inside_root(text: str) -> str:
    """As `inside_root`, for a folder to be written, which need not exist yet."""
    path, _ = _below_root(text)
    if path == root():
        raise input_error("path", text, "a folder of its own", "Name one, as in photos-prepared.")
    return str(path)


def _below_root(text: str) -> tuple[Path, bool]:
    """The real path, and whether something is there; `InputError` where it is not below root."""
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
    return path, there
