"""A folder of JSON files: listing them, reading one, and the values at dotted paths."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from core.datasets.folder import inside, is_clutter
from core.datasets.inspection import MAX_FILES
from core.errors import input_error
from core.events import Event, Listener

MAX_BYTES = 1_000_000  # of one file
MAX_DEPTH = 32
MAX_FIELDS = 500
MISSING = object()  # there is nothing at a path


def listed(folder: str | Path, emit: Listener) -> tuple[str, list[str]]:
    """The folder with links resolved, and its JSON files by relative path, in order."""
    root = os.path.realpath(folder)
    names: list[str] = []
    folders = [""]
    while folders:
        below = folders.pop()
        try:
            entries = list(os.scandir(os.path.join(root, below)))
        except OSError as error:
            reason = f"{error.strerror}."
            raise input_error("metadata", folder, "a folder that can be opened", reason) from None
        for entry in entries:
            if is_clutter(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{below}{entry.name}/")
            elif entry.name.lower().endswith(".json"):
                names.append(below + entry.name)
        if len(names) > MAX_FILES:
            raise input_error("metadata", folder, f"at most {MAX_FILES:,} JSON files")
        emit(Event("metadata", "progress", message="listing files"))
    if not names:
        raise input_error("metadata", folder, "a folder of JSON files", "It holds none.")
    return root, sorted(names)


def read(root: str, name: str) -> tuple[Any, str]:
    """What a file holds, or None and why it cannot be read."""
    path = os.path.join(root, name)
    try:
        if os.path.islink(path) and not inside(root, os.path.realpath(path)):
            return None, "a link that leads out of the folder"
        if not os.path.isfile(path):
            return None, "not a regular file"
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            return None, f"more than the {MAX_BYTES // 1_000_000} MB allowed"
        content = json.loads(data.decode("utf-8-sig"))
    except OSError as error:
        return None, f"the file cannot be opened ({error.strerror})"
    except (ValueError, RecursionError, MemoryError):
        return None, "the file is no JSON" if data.strip() else "the file is empty"
    return content, ""


def at(node: Any, path: Sequence[str]) -> Any:
    """What lies at a dotted path, or `MISSING`; a key may hold dots itself."""
    if not path:
        return node
    if isinstance(node, dict):
        for n in range(1, min(len(path), MAX_DEPTH) + 1):
            key = ".".join(path[:n])
            if key in node:
                return at(node[key], path[n:])
    elif isinstance(node, list) and path[0] in map(str, range(min(len(node), 100))):
        return at(node[int(path[0])], path[1:])
    return MISSING


def leaves(node: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Every value with its dotted path; of a list only the first."""
    inner: list[tuple[str, Any]] = []
    if isinstance(node, dict):
        inner = list(islice(node.items(), MAX_FIELDS))
    elif isinstance(node, list):
        inner = [("0", value) for value in node[:1]]
    elif path:
        yield path, node
    for key, value in inner if depth else ():
        yield from leaves(value, f"{path}.{key}" if path else key, depth - 1)
