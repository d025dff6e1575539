"""Reads the one kind of foreign weights there is: a legacy .pth file whose content is known.

Such a file is a series of pickles followed by raw numbers, and unpickling can run code. So this
is the only module of the project that imports pickle, and it does two things before it trusts a
file: the SHA-256 sum of the file must be the one that is written down with the network, and the
unpickler knows four names, of which none can do more than describe an array.
"""

from __future__ import annotations

import collections
import hashlib
import io
import math
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from core.errors import FacetteError

MAGIC = 0x1950A86A20F9469CFC6C  # the number that the first pickle of such a file holds
PROTOCOL = 1001
LARGEST = 1 << 30  # bytes; the files that are known have 25 MB


def read_pth(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """The named arrays of a .pth file, in its order: any shape, float32 or int64.

    Parameters
    ----------
    path : a file written by `torch.save` before its version 1.6 (or with the old format)
    sha256 : 64 hexadecimal digits that the sum of the file has to be

    Raises
    ------
    FacetteError
        One sentence: the file is missing, is another one than the one expected, or is damaged.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise FacetteError(f"The weights in {path} are too large to be the file expected.")
        data = path.read_bytes()
    except OSError as error:
        raise FacetteError(
            f"The weights in {path} cannot be read: {error.strerror}. Install Facette's "
            "requirements again."
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise FacetteError(
            f"The weights in {path} are not the file expected: its SHA-256 sum is {found}, "
            f"not {sha256}. Install the package that holds it again."
        )
    return parse_pth(data, path.name)


def parse_pth(data: bytes, name: str) -> dict[str, np.ndarray]:
    """The arrays of a .pth file's content; `name` is for the message.

    Five pickles (a magic number, a version, the machine's sizes, the tensors by name, the keys
    of the storages in order), then for each storage its length (int64) and its numbers.
    """
    file = io.BytesIO(data)
    try:
        if _unpickled(file) != MAGIC or _unpickled(file) != PROTOCOL:
            raise ValueError("no such file")
        _unpickled(file)
        tensors, keys = _unpickled(file), _unpickled(file)
        storages = {key: _storage(file, _described(tensors, key)) for key in keys}
        return {str(key): tensor.array(storages) for key, tensor in tensors.items()}
    except Exception as error:  # a foreign file makes the unpickler raise nearly anything
        raise FacetteError(
            f"{name} is not a whole legacy .pth file of plain arrays ({type(error).__name__})."
        ) from error


class _Storage(NamedTuple):
    """A run of numbers of one type; several tensors may share one."""

    dtype: str
    key: str
    length: int


class _Tensor(NamedTuple):
    """A view of a storage: where it starts, its shape, its steps, all counted in numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, storages: Mapping[str, np.ndarray]) -> np.ndarray:
        """The numbers as a contiguous array; a view outside its storage is a ValueError."""
        numbers = storages[self.storage.key]
        steps = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((length - 1) * step for length, step in steps)
        if min((self.offset, *self.shape, *self.strides), default=0) < 0:
            raise ValueError("negative lengths")
        if last >= len(numbers) or math.prod(self.shape) > len(numbers):
            raise ValueError("a view that reaches out of its storage")
        view = np.lib.stride_tricks.as_strided(
            numbers[self.offset :],
            self.shape,
            [step * numbers.itemsize for step in self.strides],
            writeable=False,
        )
        return np.ascontiguousarray(view).reshape(self.shape)


class _Unpickler(pickle.Unpickler):
    """Knows the names below and no other, so that no file can have anything else called."""

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch", "FloatStorage"): "<f4",
            ("torch", "LongStorage"): "<i8",
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return known[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        """Take ("storage", type, key, device, length, None) for what it says."""
        kind, dtype, key, _, length, view = pid
        if kind != "storage" or dtype not in ("<f4", "<i8") or view is not None:
            raise pickle.UnpicklingError("a storage that is not plain")
        return _Storage(dtype, str(key), int(length))


def _tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_: object) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def _unpickled(file: BinaryIO) -> Any:
    return _Unpickler(file).load()


def _described(tensors: Mapping[str, _Tensor], key: str) -> _Storage:
    return next(tensor.storage for tensor in tensors.values() if tensor.storage.key == key)


def _storage(file: BinaryIO, about: _Storage) -> np.ndarray:
    (length,) = struct.unpack("<q", file.read(8))
    dtype = np.dtype(about.dtype)
    data = file.read(length * dtype.itemsize) if 0 <= length == about.length else b""
    if len(data) != length * dtype.itemsize:
        raise ValueError("cut short")
    return np.frombuffer(data, dtype)
