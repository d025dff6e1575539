"""The folder of a prepared training set: whether it may be written, its names, its replacement."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from core.datasets.balance import SPLITS
from core.datasets.folder import MARKER, TABLE, inside, is_clutter
from core.errors import InputError, input_error, printable
from core.export import check_target
from core.files import output_folder, safe_name
from core.store import is_alive

REST = "rest"
WRITTEN_BY = "Facette prepare"
_OURS = frozenset({*SPLITS, REST, MARKER, TABLE})
_MAX_MARKER = 50_000_000  # bytes
_DO = "Name a new or empty folder, or one that an earlier preparation made."


def checked(out: str | Path, sources: Iterable[str | Path]) -> Path:
    """`out` with links resolved, when it may be written and, if it is there, replaced whole.

    Raises
    ------
    InputError
        It is not ours, holds a file that a person put there, lies inside one of the folders of
        `sources` or contains one of them, or cannot be written.
    """
    folder = Path(os.path.realpath(out))
    for source in sources:
        real = os.path.realpath(source)
        within = os.path.isdir(real) and inside(real, str(folder))
        if within or inside(str(folder), real):
            allowed = "a folder outside the images and their metadata, and not around them"
            raise input_error("output folder", out, allowed)
    if os.path.lexists(folder) and not folder.is_dir():
        raise input_error("output folder", out, "a folder, new or existing", _DO)
    if folder.is_dir() and any(folder.iterdir()):
        foreign = next(_foreign(folder), None) if is_prepared(folder) else ""
        if foreign is not None:
            held = f"It holds {printable(foreign)}, which is not ours. " if foreign else ""
            raise input_error("output folder", out, "an empty folder", held + _DO)
    check_target(folder.parent)
    return folder


def is_prepared(folder: str | Path) -> bool:
    """Whether `prepare` wrote a folder, by the marker in it."""
    marker = Path(folder) / MARKER
    try:
        if marker.is_symlink() or marker.stat().st_size > _MAX_MARKER:
            return False
        about = json.loads(marker.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(about, dict) and about.get("written_by") == WRITTEN_BY


def _foreign(folder: Path) -> Iterator[str]:
    """What lies in a folder of ours and is not in its report."""
    listed = {MARKER, TABLE}
    try:
        with (folder / TABLE).open(encoding="utf-8", newline="") as lines:
            listed |= {row.get("written") or "" for row in csv.DictReader(lines)}
    except (OSError, ValueError, csv.Error):
        pass  # without a report nothing but the marker counts as ours
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at, name).relative_to(folder).as_posix()
            if path not in listed and not is_clutter(name):
                yield path


@contextlib.contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, which takes its place when the block ends without an error.

    Until then `folder` stays as it is. Raises `InputError` when the place cannot be written.
    """
    output_folder(folder.parent)
    sweep(folder)
    temporary, old = (_beside(folder, word) for word in ("preparing", "replaced"))
    try:
        temporary.mkdir()
        yield temporary
        if folder.is_dir():
            os.rename(folder, old)
        try:
            os.rename(temporary, folder)
        except OSError:
            if old.is_dir():
                os.rename(old, folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"{printable(folder)} cannot be written: {reason}. Choose another place, or free some."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _beside(folder: Path, word: str) -> Path:
    return folder.with_name(f".{folder.name[:60]}.{os.getpid()}.{word}")


def sweep(folder: Path) -> None:
    """Remove what a killed preparation of this folder left half written beside it."""
    ending = re.compile(re.escape(f".{folder.name[:60]}.") + r"(\d{1,9})\.(preparing|replaced)")
    for path in folder.parent.glob(".*.*"):
        match = ending.fullmatch(path.name)
        if match is None or is_alive(int(match[1])) or path.is_symlink() or not path.is_dir():
            continue
        if {entry.name for entry in path.iterdir()} <= _OURS:
            shutil.rmtree(path, ignore_errors=True)


def class_folders(names: Sequence[str]) -> list[str]:
    """A folder name for each class, safe on every file system, all different.

    >>> class_folders(["Shoes", "shoes", "A/B", "CON"])
    ['Shoes', 'shoes-2', 'A_B', '_CON']
    """
    unique = UniqueNames()
    safe = ((name, safe_name(name)) for name in names)
    return [unique.of(f"_{folder}" if is_clutter(folder) else folder) for _, folder in safe]


class UniqueNames:
    """Gives every name once, letter case aside; a later equal one is numbered.

    >>> names = UniqueNames()
    >>> names.of("a.jpg"), names.of("A.jpg"), names.of("a.jpg")
    ('a.jpg', 'A-2.jpg', 'a-3.jpg')
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._last: Counter[str] = Counter()  # so that a million equal names are no square

    def of(self, name: str) -> str:
        """`name`, or the next that is free."""
        stem, ending = os.path.splitext(name)
        known, chosen = name.casefold(), name
        while chosen.casefold() in self._taken:
            self._last[known] = max(1, self._last[known]) + 1
            chosen = f"{stem}-{self._last[known]}{ending}"
        self._taken.add(chosen.casefold())
        return chosen
