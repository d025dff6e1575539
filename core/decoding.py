"""From a file's bytes to pixels, by Pillow.

OpenCV would take two thirds of the time, but writes to standard error about every imperfect JPEG
or PNG file, cannot be told not to, and does not know half of the modes.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

MAX_PIXELS = 100_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF")
_ORIENTATION = 0x0112  # the EXIF tag
_QUARTER_TURNED = (5, 6, 7, 8)


class NoMemoryError(InputError):
    """There was no memory for an image just now; that says nothing of the image."""

    def __init__(self) -> None:
        super().__init__("it does not fit into the memory that is left")


class TooManyPixelsError(InputError):
    """The header promises more pixels than are allowed."""


@dataclass(frozen=True)
class Decoded:
    """Pixels (h, w) or (h, w, 3) uint8, the size of the whole image upright, Pillow's mode."""

    pixels: np.ndarray
    width: int
    height: int
    mode: str


@cache
def _pillow() -> Any:
    """Pillow's Image module; what it says of large images and odd metadata concerns no reader."""
    from PIL import Image

    Image.init()
    warnings.filterwarnings("ignore", module=r"PIL\.")
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    return Image


def opened(data: bytes) -> PilImage:
    """Read the header alone, and refuse what is no image or has too many pixels."""
    image_module = _pillow()
    if not data:
        raise InputError("the file is empty")
    try:
        header = image_module.open(io.BytesIO(data), formats=FORMATS)
    except image_module.DecompressionBombError as error:
        counted = re.search(r"\((\d+) pixels\)", str(error))
        raise _too_large(int(counted[1]) if counted else 2 * MAX_PIXELS) from None
    except image_module.UnidentifiedImageError:
        raise InputError("not a JPEG, PNG, WebP, BMP, TIFF or GIF image") from None
    except MemoryError:
        raise NoMemoryError from None
    except Exception as error:  # hostile headers make Pillow's plugins raise nearly anything
        raise InputError(f"the image header is damaged ({type(error).__name__})") from None
    if header.width * header.height > MAX_PIXELS:
        raise _too_large(header.width * header.height)
    return header


def _too_large(pixels: int) -> InputError:
    return TooManyPixelsError(
        f"{pixels / 1e6:,.0f} megapixels, more than the {MAX_PIXELS // 1_000_000} allowed"
    )


def decoded(data: bytes, at_least: int | None = None) -> Decoded:
    """All pixels, upright; a JPEG at reduced size where both sides stay at least as long.

    Raises
    ------
    InputError
        The reason why it is no image, is damaged, or has too many pixels.
    """
    image = opened(data)
    width, height = image.size
    try:
        if at_least is not None:
            image.draft(None, (at_least, at_least))  # only JPEG knows how
        reduced, mode = image.size != (width, height), image.mode
        pixels = _pixels(image)
        # after the pixels: a PNG may have its EXIF data behind them
        orientation = image.getexif().get(_ORIENTATION, 1)
        pixels = _upright(pixels, orientation)
    except MemoryError:
        raise NoMemoryError from None
    except Exception as error:  # as in `opened`
        raise InputError(_damage(error)) from None
    if not reduced:
        height, width = pixels.shape[:2]
    elif orientation in _QUARTER_TURNED:
        width, height = height, width
    return Decoded(pixels, width, height, mode)


def _damage(error: Exception) -> str:
    text = str(error)
    if any(word in text for word in ("truncated", "data stream", "not enough", "EOF")):
        return "the file is damaged or cut short"
    return f"the image cannot be decoded ({type(error).__name__})"


def _pixels(image: PilImage) -> np.ndarray:
    """Decode the first frame to (h, w) or (h, w, 3) uint8."""
    image.load()
    if image.mode.startswith("I;16"):
        return (np.asarray(image) >> 8).astype(np.uint8)
    if image.mode in ("I", "F"):
        return eight_bits(np.asarray(image))
    is_gray = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        straight = image.convert("LA") if image.mode == "La" else image
        layer = straight.convert("RGBA")
        paper = _pillow().new("RGB", image.size, "white")
        paper.paste(layer, mask=layer.getchannel("A"))
        return np.array(paper.convert("L") if is_gray else paper)
    return np.array(image.convert("L" if is_gray else "RGB"))


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo the EXIF orientation 1 to 8 (CIPA DC-008, tag 0x0112)."""
    if orientation in (2, 7, 5, 4):  # mirrored; what remains is a plain turn
        pixels = pixels[:, ::-1]
    quarter_turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(pixels, quarter_turns))


def eight_bits(values: np.ndarray) -> np.ndarray:
    """Bring pixels of any number type to uint8 by one rule, from their largest value.

    Up to 1 for floats: 0..1. Up to 255: as they are. Up to 65,535: 16 bits, the lower byte left
    out. Anything else, negative numbers too: stretched from the smallest to the largest. What is
    no number becomes 0.

    >>> eight_bits(np.array([0.0, 0.5, 1.0])), eight_bits(np.array([0, 65535]))
    (array([  0, 128, 255], dtype=uint8), array([  0, 255], dtype=uint8))
    """
    floats = np.issubdtype(values.dtype, np.floating)
    x = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)
    if low < 0 or high > 65535:
        x = (x - low) * (255 / max(high - low, 1e-12))
    elif high > 255:
        x = np.floor(x / 256)
    elif floats and high <= 1:
        x = x * 255
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)
