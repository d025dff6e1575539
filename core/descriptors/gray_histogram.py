"""How many pixels have which brightness."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from core.components import Descriptor
from core.params import param
from core.types import Dataset, Explanation

LARGE = 256  # above this many pixels an automatic size shrinks the image: it decodes faster


@dataclass(frozen=True)
class GrayHistogram(Descriptor):
    """The share of pixels in each of `bins` equal ranges of brightness.

    (n, bins) float32 in 0 .. 1, every row sums to 1. The whole image counts, whatever its shape.
    """

    name = "gray_histogram"
    label = "Grey histogram"
    aspect = "brightness"
    summary = "Counts how many pixels are dark, medium or bright."
    sees = "How bright the image is overall and how strong its contrast is."
    blind_to = "Where things are and what shape they have: shuffled pixels look the same to it."

    bins: int = param(
        256, "Bins", "Steps of brightness; fewer are coarser and less noisy.", low=2, high=256
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
        """Shrink images that are larger than the count needs."""
        if self.size is None and dataset.typical_side > LARGE:
            return dataclasses.replace(self, size=LARGE)
        return self

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Count gray images, each (h, w) uint8, as (n, bins) float32.

        >>> GrayHistogram(bins=2).describe([np.array([[0, 0, 9, 200]], np.uint8)])
        array([[0.75, 0.25]], dtype=float32)
        """
        import cv2

        counts = [cv2.calcHist([image], [0], None, [self.bins], [0, 256]) for image in images]
        shares = np.stack(counts).reshape(len(images), self.bins)
        return shares / shares.sum(axis=1, keepdims=True)

    def explain(self, image: np.ndarray) -> Explanation:
        """Draw the histogram as a curve."""
        return Explanation(
            caption=f"{self.bins} values: the share of pixels at each brightness, dark to bright. "
            f"The mean is {image.mean():.0f} of 255.",
            curves={"share of pixels": self.describe([image])[0]},
        )
