"""Histogram of oriented gradients: which way edges run, place by place."""

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
SHOWN = 384  # side of the explanation's picture
GROUND = 40  # its background, a dark grey


@dataclass(frozen=True)
class Hog(Descriptor):
    """Gradient directions counted in cells, then normalised in overlapping blocks of cells.

    (n, b * b * block * block * orientations) float32 in 0 .. 1 with c = size // cell cells and
    b = c - block + 1 blocks a side; values stand in the order of scikit-image.

    A pixel votes with its gradient's strength for the one direction bin (of 0 .. 180 degrees)
    that its gradient falls in; a block is divided by its L2 norm, clipped at 0.2 and divided
    again ("L2-Hys"). The reference is `skimage.feature.hog`, which this equals within 1e-5; the
    paper also shares each vote between neighbouring bins and cells.

    References
    ----------
    N. Dalal and B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
    """

    name = "hog"
    label = "HOG"
    aspect = "shape"
    summary = "Measures in which direction edges run in each part of the image."
    sees = "Outlines and strokes: where edges are and which way they run."
    blind_to = "Colour and brightness; a shape that is turned or sits elsewhere looks different."

    orientations: int = param(9, "Orientations", "Directions told apart.", low=1, high=36)
    size: int | None = param(
        None,
        "Size",
        "Side of the working image in pixels. Auto: 32 for images below 64 pixels, 128 above.",
        low=4,
        high=512,
        type=int,
    )
    cell: int | None = param(
        None,
        "Cell",
        "Side of a cell in pixels; smaller cells see finer detail. Auto: 8 below a size of 64 "
        "pixels, 16 above, less where blocks would not fit.",
        low=2,
        high=256,
        type=int,
    )
    block: int = param(
        2, "Block", "Cells a side that share one contrast normalisation.", low=1, high=8
    )

    def __post_init__(self) -> None:
        """Check that at least one block fits."""
        super().__post_init__()
        if self.size is None:
            return
        cell = self._cell(self.size)
        if cell * self.block > self.size:
            raise input_error(
                "hog: size",
                self.size,
                f"at least cell * block = {cell} * {self.block} = {cell * self.block}",
                "Enlarge size, or choose a smaller cell or block.",
            )

    def resolve(self, dataset: Dataset) -> Self:
        """Settle size and cell for this dataset."""
        size = self.size or (32 if dataset.typical_side < SMALL else 128)
        return dataclasses.replace(self, size=size, cell=self._cell(size))

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Describe gray images of one shape, each (h, w) uint8.

        >>> Hog(size=8, cell=4).describe([np.zeros((8, 8), np.uint8)]).shape
        (1, 36)
        """
        cells = np.stack([self._cells(image) for image in images])
        windows = np.lib.stride_tricks.sliding_window_view(
            cells, (self.block, self.block), axis=(1, 2)
        )  # (n, blocks, blocks, orientations, block, block)
        blocks = np.moveaxis(windows, 3, -1).reshape(*windows.shape[:3], -1)
        clipped = np.minimum(_unit(blocks), 0.2)
        return _unit(clipped).reshape(len(images), -1).astype(np.float32)

    def explain(self, image: np.ndarray) -> Explanation:
        """Draw a star in every cell: a stroke runs along the edges of its direction."""
        cells = self._cells(image)
        rows, columns = cells.shape[:2]
        n = self.describe([image]).shape[1]
        return Explanation(
            caption=f"{n:,} values: how strongly edges run in {self.orientations} directions in "
            f"each of {rows} x {columns} cells. Bright strokes are strong edges.",
            image=_stars(cells),
        )

    def _cell(self, size: int) -> int:
        """The cell's side for a working size."""
        return self.cell or max(2, min(8 if size < SMALL else 16, size // self.block))

    def _cells(self, image: np.ndarray) -> np.ndarray:
        """(rows, columns, orientations) float64: mean strength of each direction in each cell."""
        cell = self._cell(min(image.shape))
        rows, columns = image.shape[0] // cell, image.shape[1] // cell
        high, wide = rows * cell, columns * cell
        down, right = _gradients(image)
        down, right = down[:high, :wide], right[:high, :wide]
        bins, strength = _tables(self.orientations)
        index = down.astype(np.int32) * 511 + right + 255 * 512
        place = np.arange(high)[:, None] // cell * columns + np.arange(wide) // cell
        place = place * self.orientations + bins[index]
        n = rows * columns * self.orientations
        total = np.bincount(place.ravel(), strength[index].ravel(), minlength=n)
        return total.reshape(rows, columns, self.orientations) / cell**2


def _gradients(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Central differences of (h, w) uint8 as int16, down and to the right; 0 at the border."""
    signed = image.astype(np.int16)
    down, right = np.zeros_like(signed), np.zeros_like(signed)
    np.subtract(signed[2:], signed[:-2], out=down[1:-1])
    np.subtract(signed[:, 2:], signed[:, :-2], out=right[:, 1:-1])
    return down, right


@cache
def _tables(orientations: int) -> tuple[np.ndarray, np.ndarray]:
    """Direction bin and strength for every pair of uint8 differences, by down * 511 + right."""
    difference = np.arange(-255.0, 256.0)
    down, right = difference[:, None], difference[None, :]
    degrees = np.rad2deg(np.arctan2(down, right)) % 180
    stops = 180.0 / orientations * np.arange(1, orientations + 1)
    bins = np.minimum(np.searchsorted(stops, degrees, side="right"), orientations - 1)
    return bins.ravel().astype(np.int32), np.hypot(down, right).ravel()


def _unit(blocks: np.ndarray) -> np.ndarray:
    """Divide by the L2 norm of the last axis, scikit-image's small constant keeping 0 at 0."""
    return blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1e-10)


def _stars(cells: np.ndarray) -> np.ndarray:
    """The picture of (rows, columns, orientations) strengths, as gray uint8."""
    import cv2

    rows, columns, orientations = cells.shape
    side = max(8, SHOWN // max(rows, columns))
    picture = np.full((rows * side, columns * side), GROUND, np.uint8)
    shades = GROUND + (255 - GROUND) * (cells / max(cells.max(), 1e-9)) ** 0.7
    angles = np.pi * (np.arange(orientations) + 0.5) / orientations
    # The gradient points across the edge; image rows run downwards.
    arms = np.stack([-np.sin(angles), np.cos(angles)], axis=1) * (side / 2 - 1)
    width = max(1, side // 24)
    for row, column in np.ndindex(rows, columns):
        centre = np.array([column + 0.5, row + 0.5]) * side
        for o in np.argsort(cells[row, column]):  # the strongest on top
            if cells[row, column, o] > 0:
                x0, y0, x1, y1 = (int(v) for v in np.append(centre - arms[o], centre + arms[o]))
                shade = float(shades[row, column, o])
                cv2.line(picture, (x0, y0), (x1, y1), shade, width, cv2.LINE_AA)
    return picture
