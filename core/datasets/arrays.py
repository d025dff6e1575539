"""An .npz with an array `images` and, optionally, `labels`."""

from __future__ import annotations

import math
import os
import time
import zipfile
from pathlib import Path

import numpy as np

from core import images
from core.datasets.assembly import Row, assembled
from core.datasets.inspection import (
    MAX_FILES,
    Facts,
    failed_reading,
    inspect_many,
    recalled,
    remember,
)
from core.decoding import MAX_PIXELS
from core.errors import InputError, input_error
from core.events import Event, Listener
from core.keys import key_of, key_of_array
from core.store import Entry, Store
from core.types import Dataset, Source

KIND = "arrays"
LABEL = "A NumPy file"
EXPECTS = "an .npz"
VERSION = 1  # raise it when the same file gives another entry
MAX_BYTES = 8_000_000_000
_FORM = "(n, h, w) grey or (n, h, w, 3) RGB"


def matches(data: str) -> bool:
    """Whether DATA of the command line names this source."""
    return data.lower().endswith(".npz") and os.path.isfile(data)


def is_inspected(source: Source, store: Store) -> bool:
    """Whether this file was read before, and has not changed."""
    return recalled(store, Path(source.path), VERSION) is not None


def open(source: Source, store: Store, emit: Listener) -> Dataset:
    """The images of the array `images`, named by their row.

    Bytes stay as they are; other whole numbers must lie in 0..255; floats in 0..1 or, where one
    is above 1, in 0..255. Labels are whole numbers or texts; below 0 or blank means none.
    """
    path = Path(source.path)
    entry = recalled(store, path, VERSION)
    if entry is not None:
        emit(Event("open", "cached", done=len(entry.meta["labels"])))
    else:
        entry = _read(path, store, emit)
    pixels, labels = entry.array("images"), entry.meta["labels"]
    width = len(str(len(pixels) - 1))
    rows = [Row(f"{i:0{width}d}", i, labels[i] if labels else "") for i in range(len(pixels))]
    facts, names = Facts.stored(entry), entry.meta["class_names"]
    return assembled(
        path.stem, source, rows, facts, lambda index, _: np.array(pixels[index]), names
    )


def _read(path: Path, store: Store, emit: Listener) -> Entry:
    """Put "images" as uint8 and the facts into the store, and remember where."""
    start = time.perf_counter()
    pixels, labels = _loaded(path)
    names, written = _names(labels, len(pixels))
    key = key_of("arrays", VERSION, images.VERSION, key_of_array(pixels), written)
    seen = inspect_many(images.inspect_pixels, list(pixels), emit, 0, len(pixels))
    facts = Facts.of(seen)
    meta = {"labels": written, "class_names": names, "reasons": {}}
    entry = store.put(key, {"images": pixels, **facts.arrays()}, meta)
    remember(store, path, VERSION, key)
    seconds = time.perf_counter() - start
    emit(Event("open", "computed", done=len(pixels), total=len(pixels), key=key, seconds=seconds))
    return entry


def _loaded(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The arrays of the members `images.npy` and `labels.npy`; nothing else is looked at."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            if "images.npy" not in members:
                has = ", ".join(n[:-4] for n in sorted(members) if n.endswith(".npy"))
                do = "Rename it."
                raise input_error("npz", has or "no array", "an array named images", do)
            images_ = _array(archive, "images")
            labels = _array(archive, "labels") if "labels.npy" in members else None
        return _uint8(images_), labels
    except InputError:
        raise
    except MemoryError:
        raise input_error("npz", path, "arrays that fit into memory") from None
    except Exception as error:  # hostile headers make zipfile and NumPy raise nearly anything
        if failed_reading(error):
            reason = f"{getattr(error, 'strerror', error)}."
            raise input_error("npz", path, "a file that can be read", reason) from None
        what = "Objects are not read." if "allow_pickle" in str(error) else "It is damaged."
        raise input_error("npz", path, "a file made by numpy.savez", what) from None


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """One array, unless its header says that it would not fit into memory."""
    with archive.open(f"{name}.npy") as member:
        old = np.lib.format.read_magic(member) == (1, 0)
        read = np.lib.format.read_array_header_2_0
        shape, _, dtype = (np.lib.format.read_array_header_1_0 if old else read)(member)
    size = math.prod(shape) * dtype.itemsize
    if size > MAX_BYTES:
        allowed = f"at most {MAX_BYTES // 10**9} GB"
        raise input_error(f"npz: {name}", f"{size / 1e9:,.1f} GB", allowed)
    if name == "images" and shape and shape[0] > MAX_FILES:
        raise input_error("npz", f"{shape[0]:,} images", f"at most {MAX_FILES:,}")
    with archive.open(f"{name}.npy") as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _uint8(values: np.ndarray) -> np.ndarray:
    """The images as (n, h, w) or (n, h, w, 3) uint8."""
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if not (values.ndim == 3 or (values.ndim == 4 and values.shape[3] == 3)):
        raise input_error("npz: shape of images", values.shape, _FORM)
    if not all(values.shape):
        raise input_error("npz: shape of images", values.shape, "at least one image and one pixel")
    if values.shape[1] * values.shape[2] > MAX_PIXELS:
        raise input_error("npz: shape of images", values.shape, "at most 100 megapixels each")
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype == bool:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind not in "iuf":
        raise input_error("npz: type of images", values.dtype, "whole numbers or floats")
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 255):  # also where there is NaN
        raise input_error("npz: values of images", f"{low} to {high}", "0 to 255, or 0 to 1")
    scale = 255 if values.dtype.kind == "f" and high <= 1 else 1
    return np.rint(values * scale).astype(np.uint8)


def _names(labels: np.ndarray | None, n: int) -> tuple[list[str], list[str]]:
    """The class names in order, and the name of each row; both empty without labels."""
    if labels is None:
        return [], []
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.shape != (n,):
        raise input_error("npz: shape of labels", labels.shape, f"({n},), one an image")
    if labels.dtype.kind in "iu":
        classes = [str(c) for c in np.unique(labels).tolist() if c >= 0]
        return classes, [str(c) if c >= 0 else "" for c in labels.tolist()]
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "replace")
    if labels.dtype.kind not in "Ub":
        raise input_error("npz: type of labels", labels.dtype, "whole numbers or texts")
    try:
        written = [str(label).strip() for label in labels.tolist()]
    except (ValueError, SystemError):  # a number that is no character
        raise input_error("npz: labels", "damaged texts", "whole numbers or texts") from None
    return sorted(set(written) - {""}), written
