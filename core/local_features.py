"""Local descriptors of an image: at SIFT keypoints, or on a regular grid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

LENGTH = 128  # values of one local descriptor: 4 x 4 cells of 8 directions
BINS = (6, 12)  # side of a dense descriptor's cells in pixels: it covers 24 and 48 pixels
CLIP = 0.2  # Lowe's bound on a single value, against lighting that changes one edge


def keypoints(image: np.ndarray, most: int) -> list[Any]:
    """OpenCV's SIFT keypoints of a gray image (h, w) uint8, the `most` strongest first."""
    import cv2

    found = cv2.SIFT.create(nfeatures=most).detect(image, None)
    return sorted(found, key=lambda k: (-k.response, k.pt, k.size, k.angle))[:most]


def keypoint_features(image: np.ndarray, most: int) -> np.ndarray:
    """SIFT at the keypoints of a gray image (h, w) uint8, (k, 128) uint8; k may be 0."""
    import cv2

    points = keypoints(image, most)
    if not points:
        return np.zeros((0, LENGTH), np.uint8)
    _, values = cv2.SIFT.create().compute(image, points)
    return values.astype(np.uint8)  # OpenCV rounds them to 0 .. 255 itself


def grid(shape: tuple[int, ...], most: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (in pixels) of a regular grid with at most `most` / 2 points, or 1.

    >>> grid((64, 64), 8)
    (array([16., 48.]), array([16., 48.]))
    """
    height, width = shape
    n = max(1, most // len(BINS))
    step = np.sqrt(height * width / n)
    rows = min(n, max(1, int(height / step)))
    columns = min(n // rows, max(1, int(width / step)))
    return _centres(height, rows), _centres(width, columns)


def dense_features(image: np.ndarray, most: int) -> np.ndarray:
    """Upright SIFT on a regular grid of a gray image (h, w) uint8, at two scales: (k, 128) uint8.

    k is the same for all images of one shape, at most `most` where that is 2 or more. Cells weigh
    their pixels by a triangle and the window's Gaussian weighs whole cells (a "flat window"),
    which makes all descriptors of an image in a few filters; outside the image there are no
    gradients.

    References
    ----------
    A. Vedaldi and B. Fulkerson, "VLFeat: an open and portable library of computer vision
    algorithms", ACM Multimedia 2010 (dense SIFT).
    """
    rows, columns = grid(image.shape, most)
    scales = [_at_scale(image, rows, columns, side) for side in BINS]
    return np.concatenate(scales)


def _at_scale(image: np.ndarray, rows: np.ndarray, columns: np.ndarray, side: int) -> np.ndarray:
    """(len(rows) * len(columns), 128) uint8 descriptors with cells of `side` pixels."""
    import cv2

    triangle = np.bartlett(2 * side + 1)[1:-1].astype(np.float32) / side
    smooth = cv2.GaussianBlur(image, (0, 0), side / 6)
    margin, (height, width) = 2 * side, image.shape
    maps = np.zeros((height + 2 * margin, width + 2 * margin, 8), np.float32)
    maps[margin:-margin, margin:-margin] = cv2.sepFilter2D(
        _direction_maps(smooth), -1, triangle, triangle, borderType=cv2.BORDER_CONSTANT
    )
    offsets = (np.arange(4) - 1.5) * side + margin
    y = (rows[:, None] + offsets).astype(np.intp)
    x = (columns[:, None] + offsets).astype(np.intp)
    cells = maps[y[:, None, :, None], x[None, :, None, :]]  # (rows, columns, 4, 4, 8)
    weight = np.exp(-0.5 * ((np.arange(4) - 1.5) / 2) ** 2).astype(np.float32)
    cells = cells * (weight[:, None] * weight)[..., None]
    values = np.minimum(_unit(cells.reshape(-1, LENGTH)), CLIP)
    return np.minimum(np.round(_unit(values) * 512), 255).astype(np.uint8)


def _direction_maps(image: np.ndarray) -> np.ndarray:
    """(h, w, 8) float32: the gradient's strength shared between its two nearest directions."""
    import cv2

    right = cv2.Sobel(image, cv2.CV_32F, 1, 0, ksize=1)
    down = cv2.Sobel(image, cv2.CV_32F, 0, 1, ksize=1)
    strength, angle = cv2.cartToPolar(right, down)
    position = angle * np.float32(8 / (2 * np.pi))
    low = np.floor(position)
    share = (position - low) * strength
    pixel = np.arange(0, image.size * 8, 8).reshape(image.shape)
    first = low.astype(np.intp)
    maps = np.zeros((*image.shape, 8), np.float32)
    maps.ravel()[pixel + first % 8] = strength - share
    maps.ravel()[pixel + (first + 1) % 8] = share
    return maps


def _unit(values: np.ndarray) -> np.ndarray:
    """Rows of length 1; rows without any gradient stay 0."""
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)


def _centres(length: int, n: int) -> np.ndarray:
    return (np.arange(n) + 0.5) * length / n


def drawable(image: np.ndarray, most: int, dense: bool) -> Iterator[Any]:
    """What an explanation draws: the keypoints, or the grid's points as small circles."""
    import cv2

    if not dense:
        yield from keypoints(image, most)
        return
    rows, columns = grid(image.shape, most)
    size = max(1.0, image.shape[1] / len(columns) / 2)
    for y in rows:
        for x in columns:
            yield cv2.KeyPoint(x - 0.5, y - 0.5, size, -1)
