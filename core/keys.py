"""Content keys: the same data, name, version, parameters and seed give the same key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np


def key_of(*parts: Any) -> str:
    """32 hexadecimal digits that depend on the content of `parts` alone.

    `parts` are anything JSON can hold; dictionaries are compared without regard to order.

    >>> key_of("block", {"a": 1, "b": 2}) == key_of("block", {"b": 2, "a": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def key_of_bytes(chunks: Iterable[bytes | memoryview]) -> str:
    """The key of a file's content, read chunk by chunk."""
    state = hashlib.blake2b(digest_size=16)
    for chunk in chunks:
        state.update(chunk)
    return state.hexdigest()


def key_of_file(path: Path) -> str:
    """The key of a file's content, remembered while its size and its time stay the same."""
    about = path.stat()
    return _key_of_file(path.resolve(), about.st_size, about.st_mtime_ns)


@lru_cache(64)
def _key_of_file(path: Path, _size: int, _time: int) -> str:
    with path.open("rb") as file:
        return key_of_bytes(iter(lambda: file.read(1 << 20), b""))


def key_of_array(array: np.ndarray) -> str:
    """The key of an array: every element, its dtype and its shape count."""
    head = f"{array.dtype.str}{array.shape}".encode()
    return key_of_bytes((head, np.ascontiguousarray(array).tobytes()))
