"""The pixels themselves, the simplest description there is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from core.components import Descriptor
from core.params import param
from core.types import Dataset, Explanation

SMALL = 64  # images below this many pixels keep their own size
SHRUNK = 32
SHOWN = 256  # an explanation is enlarged to about this many pixels


@dataclass(frozen=True)
class RawPixels(Descriptor):
    """The brightness of every pixel of the resized image, row by row.

    Values lie in 0 .. 1; there are size * size of them, three times as many with colour.
    """

    name = "raw_pixels"
    label = "Raw pixels"
    aspect = "pixels"
    summary = "The image shrunk to a small square, every pixel one number."
    sees = "Which places of the image are bright and which are dark."
    blind_to = "Shapes that moved, turned or changed size: they count as something else."

    size: int | None = param(
        None,
        "Size",
        "Side of the square in pixels; larger keeps more detail. Auto: the images' own size "
        f"below {SMALL} pixels, {SHRUNK} above.",
        low=1,
        high=256,
        type=int,
    )
    color: bool = param(False, "Colour", "Keep red, green and blue apart instead of brightness.")

    def resolve(self, dataset: Dataset) -> Self:
        """Settle an automatic size for this dataset."""
        if self.size is not None:
            return self
        side = dataset.typical_side
        return dataclasses.replace(self, size=side if side < SMALL else SHRUNK)

    def prepare(self, dataset: Dataset, index: int) -> np.ndarray:
        """The image resized, in colour where `color` says so."""
        return dataset.image(index, size=self.size, mode="rgb" if self.color else "gray")

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Flatten images of one shape, (h, w) or (h, w, 3) uint8, to (n, h * w [* 3]) in 0 .. 1.

        >>> RawPixels().describe([np.array([[0, 255]], np.uint8)])
        array([[0., 1.]], dtype=float32)
        """
        stack = np.stack(images).reshape(len(images), -1)
        return stack.astype(np.float32) / 255

    def explain(self, image: np.ndarray) -> Explanation:
        """Show the shrunk image, every pixel as a square."""
        height, width = image.shape[:2]
        factor = max(1, SHOWN // max(height, width))
        return Explanation(
            caption=f"{image.size:,} values: the {width} x {height} pixels that are compared.",
            image=image.repeat(factor, axis=0).repeat(factor, axis=1),
        )
