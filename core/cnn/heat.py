"""A heat map laid over its image, for people."""

from __future__ import annotations

import numpy as np

STRONGEST = 0.7  # how much of the image the colour covers where the heat is 1


def overlaid(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """An image under its heat map, dark violet over orange to yellow, (h, w, 3) uint8 RGB.

    The colours are matplotlib's "inferno" (S. van der Walt and N. Smith, 2015), which grows
    evenly brighter and so can be read without telling red from green.

    Parameters
    ----------
    image : (h, w) or (h, w, 3) uint8 RGB
    heat : (h, w) float from 0 to 1; brought to the image's size if it has another. Where it is
        0 the image stays as it is.
    """
    import cv2

    rgb = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
    height, width = rgb.shape[:2]
    if heat.shape != (height, width):
        heat = cv2.resize(np.asarray(heat, np.float32), (width, height))
    heat = np.clip(np.nan_to_num(np.asarray(heat, np.float32)), 0, 1)
    bgr = cv2.applyColorMap(np.rint(heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    cover = STRONGEST * heat[..., None]
    mixed = rgb * (1 - cover) + bgr[..., ::-1] * cover
    return np.rint(mixed).astype(np.uint8)
