"""Finds the image file that an entry of metadata means, whichever way it writes the name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

_MAX_PATH = 4096
_MAX_FOLDERS = 32
_SEVERAL = "several images have this name"


class Finder:
    """Finds the image that an entry means, by its path, its name, or its name without ending.

    Names are only looked up among `paths`, relative to `root`; no file is touched. `base` is
    the folder that paths in a CSV are relative to.
    """

    def __init__(self, paths: Sequence[str], root: str, base: str) -> None:
        self._root, self._base = root, base
        self._paths: dict[str, int] = {path: k for k, path in enumerate(paths)}
        self._stems = _unique((os.path.splitext(path)[0], k) for k, path in enumerate(paths))
        names = [path.rpartition("/")[2] for path in paths]
        self._names = _unique((name, k) for k, name in enumerate(names))
        self._name_stems = _unique((os.path.splitext(name)[0], k) for k, name in enumerate(names))

    def find(self, written: str) -> int | str:
        """The position in `paths` of the image that is meant, or why there is none."""
        if not written:
            return "no image is named"
        for name in dict.fromkeys((written, written.replace("\\", "/"))):  # written on Windows
            for known, candidate in self._attempts(name):
                if candidate in known:
                    return known[candidate] if known[candidate] >= 0 else _SEVERAL
        return "there is no such image"

    def _attempts(self, name: str) -> Iterator[tuple[dict[str, int], str]]:
        for candidate in self._candidates(name):
            yield self._paths, candidate
            yield self._stems, candidate
        if "/" not in name:  # with a folder in it, an image elsewhere is another one
            yield self._names, name
            yield self._name_stems, name

    def _candidates(self, written: str) -> Iterator[str]:
        """The path as it is meant from `base`, as it is, and without its first folders."""
        if len(written) > _MAX_PATH or "\0" in written:
            return
        yield os.path.relpath(os.path.join(self._base, written), self._root).replace(os.sep, "/")
        parts = [part for part in written.split("/") if part not in ("", ".")]
        yield from ("/".join(parts[n:]) for n in range(min(len(parts), _MAX_FOLDERS)))


def _unique(names: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Name -> position, -1 for a name that comes more than once."""
    found: dict[str, int] = {}
    for name, k in names:
        found[name] = k if name not in found else -1
    return found
