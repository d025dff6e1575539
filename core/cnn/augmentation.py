"""Training images changed at random, so that a network cannot learn them by heart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """How far an image may be changed; each change is drawn anew for every image and epoch.

    Attributes
    ----------
    flip : mirror left and right, half of the time
    shift : in shares of the side, up to so much in both directions
    rotation : in degrees, up to so much in both directions
    zoom : enlarged or shrunk by up to this share
    contrast : strengthened or weakened by up to this share

    Examples
    --------
    >>> image = np.full((8, 8, 3), 100, np.uint8)
    >>> Augmentation(contrast=0).apply(image, np.random.default_rng(0)).shape
    (8, 8, 3)
    """

    flip: bool = True
    shift: float = 0.1
    rotation: float = 10.0
    zoom: float = 0.1
    contrast: float = 0.2

    def apply(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A changed copy of an image (h, w, 3) uint8; what moves in repeats the edge's pixels."""
        import cv2

        h, w = image.shape[:2]
        flip, angle, zoom, x, y, contrast = rng.uniform(-1, 1, 6)
        turn = cv2.getRotationMatrix2D(
            ((w - 1) / 2, (h - 1) / 2), angle * self.rotation, 1 + zoom * self.zoom
        )
        turn[:, 2] += (x * self.shift * w, y * self.shift * h)
        if self.flip and flip > 0:
            turn = turn @ np.array([[-1, 0, w - 1], [0, 1, 0], [0, 0, 1]], float)
        changed = cv2.warpAffine(
            image, turn, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        if self.contrast:
            mean, levels = changed.mean(), np.arange(256)
            table = mean + (levels - mean) * (1 + contrast * self.contrast)
            changed = cv2.LUT(changed, np.rint(table).clip(0, 255).astype(np.uint8))
        return changed

    def view(self, images: np.ndarray, seed: int, number: int, rows: np.ndarray) -> np.ndarray:
        """Changed copies of images (n, h, w, 3) uint8; the same seed, number and row, the same.

        `rows` (n,) names the images, so that a copy does not depend on what else is in the batch.
        """
        rngs = (np.random.default_rng([seed, number, int(row)]) for row in rows)
        pairs = zip(images, rngs, strict=True)
        return np.stack([self.apply(np.asarray(image), rng) for image, rng in pairs])
