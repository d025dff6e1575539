"""How many pixels have which colour."""

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
HUES = 180  # OpenCV writes hue in steps of 2 degrees, 0 .. 179


@dataclass(frozen=True)
class HsvHistogram(Descriptor):
    """Shares of pixels by hue, saturation and value (brightness).

    `joint` counts combinations of the three, (n, h_bins * s_bins * v_bins); `per_channel` joins
    the three separate histograms, (n, h_bins + s_bins + v_bins). float32 in 0 .. 1, every row
    sums to 1.

    Hue is a circle, so the first bin is centred on pure red: reds of both sides fall together.
    Greys have no hue; by OpenCV's convention they count as red, with saturation 0.

    References
    ----------
    M. Swain and D. Ballard, "Color indexing", International Journal of Computer Vision 7, 1991.
    """

    name = "hsv_histogram"
    label = "HSV histogram"
    aspect = "colours"
    reads = "rgb"
    summary = "Counts how many pixels have which colour."
    sees = "Which colours there are, how vivid they are, and how much of each."
    blind_to = "Shape, texture and position: a red ball and a red car look the same to it."

    h_bins: int = param(8, "Hue bins", "Steps of colour around the circle.", low=1, high=180)
    s_bins: int = param(8, "Saturation bins", "Steps from grey to vivid.", low=1, high=64)
    v_bins: int = param(8, "Value bins", "Steps from dark to bright.", low=1, high=64)
    mode: str = param(
        "joint",
        "Mode",
        "joint counts combinations (dark vivid red); per_channel counts hue, saturation and "
        "value apart, which is shorter and coarser.",
        choices=("joint", "per_channel"),
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
        """Count RGB images, each (h, w, 3) uint8, as (n, d) float32.

        >>> red, blue = np.full((2, 1, 1, 3), [[[[255, 0, 0]]], [[[0, 0, 255]]]], np.uint8)
        >>> HsvHistogram(4, 1, 1).describe([red, blue])
        array([[1., 0., 0., 0.],
               [0., 0., 0., 1.]], dtype=float32)
        """
        count = self._joint if self.mode == "joint" else self._per_channel
        shares = np.stack([count(_hsv(image)) for image in images])
        return shares / shares.sum(axis=1, keepdims=True)

    def explain(self, image: np.ndarray) -> Explanation:
        """Draw the three histograms as curves."""
        names, bins = ("hue", "saturation", "value"), (self.h_bins, self.s_bins, self.v_bins)
        parts = np.split(self._per_channel(_hsv(image)), np.cumsum(bins)[:-1])
        curves = {name: part / part.sum() for name, part in zip(names, parts, strict=True)}
        length = np.prod(bins) if self.mode == "joint" else sum(bins)
        steps = " x ".join(map(str, bins)) if self.mode == "joint" else " + ".join(map(str, bins))
        return Explanation(
            caption=f"{length} values ({steps} steps of hue, saturation and value): the share of "
            "pixels of each colour. The hue runs from red over yellow, green, blue to pink.",
            curves=curves,
        )

    def _joint(self, hsv: np.ndarray) -> np.ndarray:
        import cv2

        bins, ranges = [2 * self.h_bins, self.s_bins, self.v_bins], [0, HUES, 0, 256, 0, 256]
        counts = cv2.calcHist([hsv], [0, 1, 2], None, bins, ranges)
        return self._hue_bins(counts).ravel()

    def _per_channel(self, hsv: np.ndarray) -> np.ndarray:
        import cv2

        channels = zip((2 * self.h_bins, self.s_bins, self.v_bins), (HUES, 256, 256), strict=True)
        hue, saturation, value = (
            cv2.calcHist([hsv], [channel], None, [bins], [0, top]).ravel()
            for channel, (bins, top) in enumerate(channels)
        )
        return np.concatenate([self._hue_bins(hue), saturation, value])

    def _hue_bins(self, halves: np.ndarray) -> np.ndarray:
        """Join half bins of hue, the last one with the first, along the first axis."""
        pairs = np.roll(halves, 1, axis=0).reshape(self.h_bins, 2, *halves.shape[1:])
        return pairs.sum(axis=1)


def _hsv(image: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
