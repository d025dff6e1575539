"""Mean, spread and skewness of the colours."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np

from core.components import Descriptor
from core.params import param
from core.types import Dataset, Explanation

LARGE = 128  # above this many pixels an automatic size shrinks the image: means hardly change
SHOWN = 256  # side of the explanation's picture
ZERO = {"lab": (0, 128, 128), "hsv": (128, 128, 0)}  # the 8-bit code that stands for 0
UNIT = {"lab": (255, 100, 100), "hsv": (127, 127, 255)}  # how many codes make 1


@dataclass(frozen=True)
class ColorMoments(Descriptor):
    """The first three moments of every colour channel, in each cell of a grid.

    (n, grid * grid * 9) float32: cell by cell from the top left, channel by channel, the mean,
    the standard deviation and the signed cube root of the third central moment, all three in
    the channel's unit.

    In `lab` the channels are CIELAB's L, a and b divided by 100, in OpenCV's 8-bit steps.
    In `hsv` hue is an angle whose mean is undefined for opposite colours; so hue and saturation
    enter as the point (s cos h, s sin h) in -1 .. 1, in 8-bit steps, beside value in 0 .. 1. The
    paper takes the moments of the hue itself.

    References
    ----------
    M. Stricker and M. Orengo, "Similarity of color images", Storage and Retrieval for Image and
    Video Databases III, SPIE 2420, 1995.
    """

    name = "color_moments"
    label = "Colour moments"
    aspect = "colours"
    reads = "rgb"
    summary = "The average colour, how much it varies and to which side it leans."
    sees = "The overall colour and how mixed it is, roughly where when there is a grid."
    blind_to = "Shape and texture, and which colours made up the average."

    space: str = param(
        "lab",
        "Colour space",
        "lab follows how people see differences; hsv looks at hue, vividness and brightness.",
        choices=("lab", "hsv"),
    )
    grid: int = param(
        1, "Grid", "Cells a side; 1 takes the image as a whole, more say where.", low=1, high=16
    )
    size: int | None = param(
        None,
        "Size",
        f"Side of the working image in pixels. Auto: as it is up to {LARGE} pixels, {LARGE} above.",
        low=1,
        high=1024,
        type=int,
        advanced=True,
    )

    def resolve(self, dataset: Dataset) -> Self:
        """Shrink images that are larger than the averages need."""
        if self.size is None and dataset.typical_side > LARGE:
            return dataclasses.replace(self, size=LARGE)
        return self

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Measure RGB images, each (h, w, 3) uint8, as (n, grid * grid * 9) float32.

        >>> ColorMoments().describe([np.zeros((4, 4, 3), np.uint8)]).shape
        (1, 9)
        """
        return np.stack([self._moments(self._coded(image)) for image in images])

    def explain(self, image: np.ndarray) -> Explanation:
        """Show the mean colour of every cell."""
        rows, columns = (edges(length, self.grid) for length in image.shape[:2])
        means = [
            [image[top:bottom, left:right].mean(axis=(0, 1)) for left, right in columns]
            for top, bottom in rows
        ]
        picture = np.round(means).astype(np.uint8)
        factor = max(1, SHOWN // self.grid)
        cells = f"each of {self.grid} x {self.grid} cells" if self.grid > 1 else "the whole image"
        return Explanation(
            caption=f"{9 * self.grid**2} values: mean, spread and skewness of 3 colour channels "
            f"in {cells}. The picture shows the mean colour.",
            image=picture.repeat(factor, axis=0).repeat(factor, axis=1),
        )

    def _coded(self, image: np.ndarray) -> np.ndarray:
        """(h, w, 3) uint8, the channels that are measured, before ZERO and UNIT are applied."""
        import cv2

        if self.space == "lab":
            return cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
        hsv[..., :2] = _chroma_table()[hsv[..., 0], hsv[..., 1]]
        return hsv

    def _moments(self, coded: np.ndarray) -> np.ndarray:
        """(grid * grid * 9,) float32, from the histograms of coded pixels: quick and exact."""
        zero, unit = ZERO[self.space], UNIT[self.space]
        values = (np.arange(256) - np.array(zero)[:, None]) / np.array(unit)[:, None]
        rows, columns = (edges(length, self.grid) for length in coded.shape[:2])
        shares = np.stack(
            [
                _shares(coded[top:bottom, left:right])
                for top, bottom in rows
                for left, right in columns
            ]
        )  # (cells, 3, 256)
        mean = (shares * values).sum(axis=2)
        rest = values - mean[..., None]
        deviation = np.sqrt((shares * rest**2).sum(axis=2))
        skewness = np.cbrt((shares * rest**3).sum(axis=2))
        return np.stack([mean, deviation, skewness], axis=2).ravel().astype(np.float32)


def _shares(cell: np.ndarray) -> np.ndarray:
    """(3, 256) share of each value in each channel of (h, w, 3) uint8."""
    import cv2

    counts = [cv2.calcHist([cell], [c], None, [256], [0, 256]).ravel() for c in range(3)]
    return np.array(counts, np.float64) / (cell.shape[0] * cell.shape[1])


@cache
def _chroma_table() -> np.ndarray:
    """(180, 256, 2) uint8: (s cos h, s sin h) in steps of 1 / 127 around 128, by hue and s."""
    angle = np.arange(180) * (np.pi / 90)
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    amount = np.arange(256) / 255
    return np.round(128 + 127 * direction[:, None] * amount[:, None]).astype(np.uint8)


def edges(length: int, cells: int) -> list[tuple[int, int]]:
    """Where each of `cells` parts of `length` pixels starts and stops; none is ever empty.

    >>> edges(5, 2), edges(1, 2)
    ([(0, 3), (2, 5)], [(0, 1), (0, 1)])
    """
    return [(length * i // cells, -(-length * (i + 1) // cells)) for i in range(cells)]
