"""Local binary patterns: what the texture is like."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np

from core.components import Descriptor
from core.errors import input_error
from core.params import param
from core.types import Dataset, Explanation

SMALL = 64  # images below this many pixels are described at 32 pixels
SHOWN = 384  # an explanation is enlarged to about this many pixels
MOST_VALUES = 65_536


@dataclass(frozen=True)
class Lbp(Descriptor):
    """Histograms of local binary patterns, one a cell of the grid.

    Every pixel is compared with `points` samples on a circle of `radius` pixels around it (a
    sample is interpolated, and 0 outside the image); the results, 1 where the sample is at least
    as bright, are its code. Codes are counted in grid x grid cells: (n, grid * grid * codes)
    float32 in 0 .. 1, every cell's part sums to 1. Codes are those of
    `skimage.feature.local_binary_pattern`, bit for bit: `uniform` has points + 2 of them,
    `nri_uniform` points * (points - 1) + 3, `default` 2 ** points.

    References
    ----------
    T. Ojala, M. Pietikainen and T. Maenpaa, "Multiresolution gray-scale and rotation invariant
    texture classification with local binary patterns", IEEE TPAMI 24, 2002.
    """

    name = "lbp"
    label = "LBP"
    aspect = "texture"
    summary = "Compares every pixel with its neighbours and counts the patterns."
    sees = "Texture: smooth, grainy, striped, woven."
    blind_to = "Colour, large shapes, and how bright or how strong the contrast is."

    points: int = param(8, "Points", "Neighbours that a pixel is compared with.", low=4, high=16)
    radius: float = param(
        1.0, "Radius", "Distance of the neighbours in pixels; larger is coarser.", low=1, high=16
    )
    method: str = param(
        "uniform",
        "Method",
        "uniform ignores how a pattern is turned; nri_uniform keeps it; default keeps every code.",
        choices=("uniform", "nri_uniform", "default"),
    )
    grid: int = param(
        1, "Grid", "Cells a side; 1 takes the image as a whole, more say where.", low=1, high=16
    )
    size: int | None = param(
        None,
        "Size",
        "Side of the working image in pixels. Auto: 32 for images below 64 pixels, 128 above.",
        low=1,
        high=512,
        type=int,
    )

    def __post_init__(self) -> None:
        """Check that the vector stays of a sensible length."""
        super().__post_init__()
        if (length := self._codes * self.grid**2) > MOST_VALUES:
            raise input_error(
                "lbp: grid",
                self.grid,
                f"at most {MOST_VALUES:,} values in all, this makes {length:,}",
                "Choose a smaller grid, fewer points, or the method uniform.",
            )

    @property
    def _codes(self) -> int:
        n = self.points
        return {"uniform": n + 2, "nri_uniform": n * (n - 1) + 3, "default": 2**n}[self.method]

    def resolve(self, dataset: Dataset) -> Self:
        """Settle an automatic size for this dataset."""
        if self.size is not None:
            return self
        return dataclasses.replace(self, size=32 if dataset.typical_side < SMALL else 128)

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Count the codes of gray images, each (h, w) uint8.

        >>> Lbp().describe([np.zeros((16, 16), np.uint8)]).shape
        (1, 10)
        """
        return np.stack([self._histogram(self.codes(image)) for image in images])

    def explain(self, image: np.ndarray) -> Explanation:
        """Show the code of every pixel as a shade, and the histogram."""
        codes = self.codes(image)
        factor = max(1, SHOWN // max(codes.shape))
        shades = (codes * (255 / (self._codes - 1))).astype(np.uint8)
        values = self._histogram(codes)
        return Explanation(
            caption=f"{len(values):,} values: how often each of {self._codes} patterns of "
            f"brighter and darker neighbours occurs{' in each cell' if self.grid > 1 else ''}. "
            "In the picture every pixel has the shade of its pattern.",
            image=shades.repeat(factor, axis=0).repeat(factor, axis=1),
            curves={"share of pixels": values},
        )

    def codes(self, image: np.ndarray) -> np.ndarray:
        """The code of every pixel, (h, w) uint16, of a gray image (h, w) uint8."""
        angles = 2 * np.pi * np.arange(self.points) / self.points
        down = np.round(-self.radius * np.sin(angles), 5)
        right = np.round(self.radius * np.cos(angles), 5)
        sampler = _Sampler(image, int(np.ceil(self.radius)))
        bits = np.zeros(image.shape, np.uint8 if self.points <= 8 else np.uint16)
        for i, (y, x) in enumerate(zip(down, right, strict=True)):
            bits |= sampler.not_darker(y, x).astype(bits.dtype) << bits.dtype.type(i)
        return _code_table(self.points, self.method).take(bits)

    def _histogram(self, codes: np.ndarray) -> np.ndarray:
        """(grid * grid * codes,) float32 of (h, w) codes."""
        counts = [
            np.bincount(cell.ravel(), minlength=self._codes) / max(cell.size, 1)
            for band in np.array_split(codes, self.grid, axis=0)
            for cell in np.array_split(band, self.grid, axis=1)
        ]
        return np.concatenate(counts).astype(np.float32)


class _Sampler:
    """An image between its pixels, by bilinear interpolation, 0 outside.

    Sums are formed in the order and precision of scikit-image: in flat areas the last bit decides
    whether a sample counts as darker.
    """

    def __init__(self, image: np.ndarray, margin: int) -> None:
        self.image, self.precise = image, image.astype(np.float64)
        self.margin = margin + 1
        self.padded = np.pad(image, self.margin)
        self.columns: dict[float, np.ndarray] = {}  # interpolated along x, for all y

    def not_darker(self, y: float, x: float) -> np.ndarray:
        """(h, w) bool: the place `y` below and `x` to the right is at least as bright."""
        height, width = self.image.shape
        if x not in self.columns:
            self.columns[x] = self._along(self.padded, x, width, axis=1)
        values = self._along(self.columns[x], y, height, axis=0)
        return values >= (self.image if values.dtype == np.uint8 else self.precise)

    def _along(self, values: np.ndarray, shift: float, length: int, axis: int) -> np.ndarray:
        """Interpolate along one axis at 0 + shift, 1 + shift and so on."""
        start = self.margin + int(np.floor(shift))
        low = _part(values, start, length, axis)
        if shift == int(shift):
            return low
        positions = np.arange(length) + shift
        share = positions - np.floor(positions)
        share = share[:, None] if axis == 0 else share
        high = _part(values, start + 1, length, axis)
        between = (1 - share) * low
        between += share * high
        return between


def _part(values: np.ndarray, start: int, length: int, axis: int) -> np.ndarray:
    return values[start : start + length] if axis == 0 else values[:, start : start + length]


@cache
def _code_table(points: int, method: str) -> np.ndarray:
    """The code of every pattern of bits, (2 ** points,) uint16, bit i for sample i."""
    patterns = np.arange(2**points)
    if method == "default":
        return patterns.astype(np.uint16)
    bits = patterns[:, None] >> np.arange(points) & 1
    ones = bits.sum(axis=1)
    uniform = (bits != np.roll(bits, 1, axis=1)).sum(axis=1) <= 2
    if method == "uniform":
        return np.where(uniform, ones, points + 1).astype(np.uint16)
    # A run of ones that starts at sample s is numbered (points - s) % points; a run that passes
    # over the last sample starts at the zeros' end.
    starts = (bits & ~np.roll(bits, 1, axis=1) & 1).argmax(axis=1)
    code = 1 + (ones - 1) * points + (points - starts) % points
    code = np.where(ones == 0, 0, np.where(ones == points, points * (points - 1) + 1, code))
    return np.where(uniform, code, points * (points - 1) + 2).astype(np.uint16)
