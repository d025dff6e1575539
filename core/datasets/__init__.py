"""Where images come from: one file a source, found by discovery.

A source is a module here with `KIND`, `LABEL` (its name for people), `EXPECTS` (what to write on
the command line), `matches(data)`, `open(source, store, emit)` and `is_inspected(source, store)`.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

from core.errors import InputError, input_error, printable
from core.events import Listener, silent
from core.store import Store
from core.types import Dataset, Source

__all__ = ["is_inspected", "open_dataset", "source_from", "sources"]


@cache
def sources() -> dict[str, ModuleType]:
    """Every kind of source by its name, in alphabetical order."""
    found: dict[str, ModuleType] = {}
    for info in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(info.name)
        kind = getattr(module, "KIND", None)
        if kind in found:
            raise RuntimeError(f"source {kind!r} is in {found[kind].__name__} and in {info.name}")
        if kind is not None:
            found[kind] = module
    return found


def source_from(
    data: str, image_column: str = "", label_column: str = "", text_columns: Sequence[str] = ()
) -> Source:
    """The source that DATA of the command line names; a path is made absolute.

    Raises
    ------
    InputError
        Nothing is there, its kind is unknown, or columns are given for what has none.

    Examples
    --------
    >>> source_from("digits").kind
    'digits'
    """
    given = os.path.expanduser(data)
    module = next((m for m in sources().values() if m.matches(given)), None)
    if module is None:
        allowed = ", ".join(m.EXPECTS for m in sources().values())
        there = "It is none of these." if Path(given).exists() else "There is no such file."
        raise input_error("data", data, allowed, there)
    columns = [c for c in (image_column, label_column, *text_columns) if c]
    if columns and module.KIND != "table":
        raise input_error("columns", ", ".join(columns), "given for a .csv or .tsv only")
    path = "" if module.KIND == "digits" else os.path.abspath(given)
    return Source(module.KIND, path, image_column, label_column, tuple(text_columns))


def open_dataset(source: Source, store: Store, emit: Listener = silent) -> Dataset:
    """Open a source. The first time every image is read and checked; later it is quick.

    `emit` hears events of the stage "open" and may stop the work by raising `Cancelled`.

    Raises
    ------
    InputError
        The source is not there, or not one of its images can be read.
    """
    return _module(source).open(source, store, emit)


def is_inspected(source: Source, store: Store) -> bool:
    """Whether `open_dataset` would be quick: all was read before, and nothing has changed."""
    try:
        return bool(_module(source).is_inspected(source, store))
    except InputError:
        return True  # opening it says at once what is wrong


def _module(source: Source) -> ModuleType:
    if source.kind not in sources():
        allowed = "one of " + ", ".join(sources())
        raise InputError(f"source: got {printable(source.kind)}, allowed is {allowed}.")
    return sources()[source.kind]
