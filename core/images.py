"""Pixels: files decoded to uint8 arrays, fitted to a size, looked over, written as files.

Everything that leaves this module is (h, w) grey or (h, w, 3) RGB, uint8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from core.decoding import Decoded, NoMemoryError, decoded
from core.errors import FacetteError, InputError, input_error
from core.keys import key_of_array, key_of_bytes

VERSION = 1  # raise it when the same file gives other pixels: keys of datasets depend on it
LOOK = (12, 12, 3)  # the tiny image that tells near duplicates from what is merely alike
_ENOUGH = 96  # pixels of the shorter side that an inspection needs; 64 blurs the tiny images


def decode(data: bytes | Path, at_least: int | None = None) -> np.ndarray:
    """Decode an image file: (h, w) uint8 where it is grey, (h, w, 3) uint8 RGB otherwise.

    JPEG, PNG, WebP, BMP, TIFF and GIF, the first frame; upright by its EXIF orientation.
    Transparent pixels are laid on white. 16 bits become 8 by leaving out the lower byte; 32-bit
    integers and floats as `core.decoding.eight_bits` says. The header says how many pixels
    there are before any is decoded.

    Parameters
    ----------
    data : the file's content, or its path
    at_least : the image may be decoded smaller as long as both sides stay this long (pixels)

    Raises
    ------
    InputError
        The reason why the file is no image, is damaged, or has more than 100 megapixels.

    Examples
    --------
    >>> decode(encode_png(np.zeros((2, 3), np.uint8))).shape
    (2, 3)
    """
    if isinstance(data, Path):
        try:
            data = data.read_bytes()
        except OSError as error:
            reason = f"{error.strerror}."
            raise input_error("image", data, "a file that can be read", reason) from None
    return decoded(data, at_least).pixels


@dataclass(frozen=True)
class Inspection:
    """What one look at an image told: usable where `reason` is empty.

    `width` and `height` in pixels after EXIF rotation; `mode` as Pillow names it (RGB, L, P, …);
    `digest` is the key of the content; `fingerprint` a 64-bit difference hash; `constant` says
    that all pixels are the same; `look` is the image stretched to 12 x 12 RGB pixels.
    `transient` says that the reason may be gone the next time: no memory, say.
    """

    digest: str
    reason: str = ""
    width: int = 0
    height: int = 0
    mode: str = ""
    fingerprint: int = 0
    constant: bool = False
    look: bytes = bytes(math.prod(LOOK))
    transient: bool = False


def inspect(data: bytes) -> Inspection:
    """Read the header of an image file and all of its content, and say what it is.

    >>> inspect(b"hello").reason
    'not a JPEG, PNG, WebP, BMP, TIFF or GIF image'
    """
    digest = key_of_bytes((data,))
    try:
        image = decoded(data, _ENOUGH)
        constant = _is_constant(image.pixels)
        if constant and image.pixels.shape[:2] != (image.height, image.width):
            constant = _is_constant(decoded(data).pixels)
    except InputError as error:
        return Inspection(digest, str(error), transient=isinstance(error, NoMemoryError))
    return _inspection(digest, image, constant)


def inspect_pixels(pixels: np.ndarray) -> Inspection:
    """What `inspect` tells of a file, for an image in memory, (h, w) or (h, w, 3) uint8."""
    height, width = pixels.shape[:2]
    image = Decoded(pixels, width, height, "L" if pixels.ndim == 2 else "RGB")
    return _inspection(key_of_array(pixels), image, _is_constant(pixels))


def _inspection(digest: str, image: Decoded, constant: bool) -> Inspection:
    look = resized(rgb(image.pixels), *LOOK[:2]).tobytes()
    print_ = fingerprint(image.pixels)
    return Inspection(digest, "", image.width, image.height, image.mode, print_, constant, look)


def fingerprint(image: np.ndarray) -> int:
    """Hash what an image looks like into 64 bits: few differing bits mean near duplicates.

    The difference hash (N. Krawetz, "Kind of like that", hackerfactor.com, 2013): the grey image
    shrunk to 9 x 8, a bit for each pixel brighter than its right neighbour. Departure: brighter
    by at least 2 of 255, so that the noise of a flat background sets no bits.

    >>> fingerprint(np.full((20, 20), 7, np.uint8))
    0
    """
    small = resized(gray(image), 9, 8).astype(np.int16)
    bits = small[:, :-1] - small[:, 1:] >= 2
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def gray(image: np.ndarray) -> np.ndarray:
    """Turn (h, w) or (h, w, 3) RGB into (h, w) uint8: luma by ITU-R BT.601."""
    import cv2

    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def rgb(image: np.ndarray) -> np.ndarray:
    """Turn (h, w) or (h, w, 3) into (h, w, 3) uint8."""
    return image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)


def resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Stretch to height x width: a side that shrinks by area, one that grows by cubic."""
    import cv2

    h, w = image.shape[:2]
    shrunk = (min(w, width), min(h, height))
    if shrunk != (w, h):
        image = cv2.resize(image, shrunk, interpolation=cv2.INTER_AREA)
    if shrunk != (width, height):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    return image


def fitted(
    image: np.ndarray,
    size: int | None,
    mode: Literal["gray", "rgb"] = "rgb",
    fit: Literal["square", "longest"] = "square",
) -> np.ndarray:
    """Bring an image to a size and a mode: (h, w) uint8 for gray, (h, w, 3) uint8 for rgb.

    `square` stretches to size x size; `longest` keeps the shape and makes the longer side `size`,
    the shorter at least 1; `size=None` keeps the pixels.

    >>> fitted(np.zeros((10, 20), np.uint8), 8, "rgb", "longest").shape
    (4, 8, 3)
    """
    if mode not in ("gray", "rgb"):
        raise input_error("mode", mode, "gray or rgb")
    if fit not in ("square", "longest"):
        raise input_error("fit", fit, "square or longest")
    if size is not None and size < 1:
        raise input_error("size", size, "a whole number of at least 1")
    if mode == "gray":
        image = gray(image)
    if size is not None:
        width, height = (size, size) if fit == "square" else _within(image, size)
        image = resized(image, width, height)
    return image if mode == "gray" else rgb(image)


def thumbnail(image: np.ndarray, size: int) -> np.ndarray:
    """Shrink an image so that its longer side is at most `size` pixels; never enlarge it."""
    if max(image.shape[:2]) <= size:
        return image
    return resized(image, *_within(image, size))


def encode_png(image: np.ndarray) -> bytes:
    """Write (h, w) or (h, w, 3) RGB uint8 as a PNG file."""
    import cv2

    return _encoded(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 6])


def encode_jpeg(image: np.ndarray, quality: int = 90) -> bytes:
    """Write (h, w) or (h, w, 3) RGB uint8 as a JPEG file, `quality` from 1 to 100."""
    import cv2

    return _encoded(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encoded(suffix: str, image: np.ndarray, options: list[int]) -> bytes:
    import cv2

    pixels = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(suffix, np.ascontiguousarray(pixels), options)
    if not done:
        raise FacetteError(f"An image of {image.shape[1]} x {image.shape[0]} cannot be written.")
    return data.tobytes()


def _within(image: np.ndarray, size: int) -> tuple[int, int]:
    """Width and height with the same shape and a longer side of `size`."""
    h, w = image.shape[:2]
    scale = size / max(h, w)
    return max(1, round(w * scale)), max(1, round(h * scale))


def _is_constant(image: np.ndarray) -> bool:
    return bool((image == image[:1, :1]).all())
