"""Mean, spread and skewness of the colours."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from core.components import Descriptor
from core.params import param
from core.types import Dataset, Explanation

LARGE = 128  # above this many pixels an automatic size shrinks the image: means hardly change
SHOWN = 256  # side of the explanation's picture


@dataclass(frozen=True)
class ColorMoments(Descriptor):
    """The first three moments of every colour channel, in each cell of a grid.

    (n, grid * grid * 9) float32: cell by cell from the top left, channel by channel, the mean,
    the standard deviation and the signed cube root of the third central moment, all three in
    the channel's unit.

    In `lab` the channels are CIELAB's L, a and b divided by 100, from OpenCV's 8-bit conversion.
    In `hsv` hue is an angle whose mean is undefined for opposite colours; so hue and saturation
    enter as the point (s cos h, s sin h) in -1 .. 1, beside value in 0 .. 1. The paper takes the
    moments of the hue itself.

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
        return np.stack([self._moments(self._channels(image)) for image in images])

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

    def _channels(self, image: np.ndarray) -> np.ndarray:
        """(3, h, w) float32, the channels that are measured."""
        import cv2

        if self.space == "lab":
            lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).transpose(2, 0, 1).astype(np.float32)
            lab[0] /= 255
            lab[1:] -= 128
            lab[1:] /= 100
            return lab
        hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
        angle = np.arange(256, dtype=np.float32) * (np.pi / 90)
        amount = saturation.astype(np.float32) / 255
        x, y = np.cos(angle)[hue] * amount, np.sin(angle)[hue] * amount
        return np.stack([x, y, value.astype(np.float32) / 255])

    def _moments(self, channels: np.ndarray) -> np.ndarray:
        """(grid * grid * 9,) float32 of (3, h, w) float32."""
        rows, columns = (edges(length, self.grid) for length in channels.shape[1:])
        values = []
        for top, bottom in rows:
            for left, right in columns:
                cell = channels[:, top:bottom, left:right].reshape(3, -1)
                mean = cell.mean(axis=1, dtype=np.float64)
                rest = cell - mean[:, None].astype(np.float32)
                square = rest * rest
                deviation = np.sqrt(square.mean(axis=1, dtype=np.float64))
                skewness = np.cbrt((square * rest).mean(axis=1, dtype=np.float64))
                values.append(np.stack([mean, deviation, skewness], axis=1))
        return np.concatenate(values).ravel().astype(np.float32)


def edges(length: int, cells: int) -> list[tuple[int, int]]:
    """Where each of `cells` parts of `length` pixels starts and stops; none is ever empty.

    >>> edges(5, 2), edges(1, 2)
    ([(0, 3), (2, 5)], [(0, 1), (0, 1)])
    """
    return [(length * i // cells, -(-length * (i + 1) // cells)) for i in range(cells)]
