"""Keras files: written without dates, and read for their arrays alone."""

from __future__ import annotations

import io
import json
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import printable

SLACK = 64_000_000  # bytes that a file of weights may have beyond its numbers
_WEIGHTS = "model.weights.h5"


def save(model: Any, path: Path) -> None:
    """Save a Keras model so that equal models give equal files: without dates.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    beside = path.with_name("dated.keras")
    model.save(beside)
    with zipfile.ZipFile(beside) as dated, zipfile.ZipFile(path, "w") as plain:
        for name in sorted(dated.namelist()):
            content = dated.read(name)
            if name == "config.json":  # layers that are shared bear their address in memory
                content = _renumbered(content.decode()).encode()
            if name == "metadata.json":
                kept = {k: v for k, v in json.loads(content).items() if k != "date_saved"}
                content = json.dumps(kept, sort_keys=True).encode()
            plain.writestr(zipfile.ZipInfo(name), content)
    beside.unlink()


def _renumbered(config: str) -> str:
    """The configuration with the numbers of shared objects counted from 1."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'("shared_object_id": )(\d+)',
        lambda found: found[1] + str(numbers.setdefault(found[2], len(numbers) + 1)),
        config,
    )


def load_weights(whole: Any, path: Path) -> None:
    """Take the arrays of a .keras file into a network that is built already.

    Raises
    ------
    ValueError
        The file is damaged, of another network, or holds more than plain arrays.
    """
    import h5py

    most = 4 * whole.count_params() + SLACK
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(_WEIGHTS)
            if info.file_size > most:
                raise ValueError("its weights are too large")
            content = io.BytesIO(archive.read(info))
        with h5py.File(content, "r") as file:
            _check_plain(file, most)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras warns of what it then raises for
            whole.load_weights(path)
    except Exception as error:  # whatever the ZIP, HDF5 and Keras readers raise for a foreign file
        raise ValueError(printable(error)) from None


def _check_plain(group: Any, most: int) -> None:
    """Raise unless there are only groups and plain arrays of numbers, of so many bytes at most.

    Links lead elsewhere, and a compressed array may be far larger than its file.
    """
    import h5py

    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError("it holds a link")
        one = group[name]
        if isinstance(one, h5py.Group):
            _check_plain(one, most)
        elif one.external or one.is_virtual or one.dtype.kind not in "fiu":
            raise ValueError("it holds something other than plain arrays")
        elif one.nbytes > most:
            raise ValueError("its weights are too large")
        elif one.dtype.kind == "f" and not np.isfinite(one[()]).all():
            raise ValueError("some of its weights are not numbers")
