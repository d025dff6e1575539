"""Puts rows that took no part in fitting into an embedding of the others."""

from __future__ import annotations

import numpy as np

from core.neighbors import nearest


def place(X_fit: np.ndarray, embedding: np.ndarray, X_new: np.ndarray, k: int = 5) -> np.ndarray:
    """Coordinates for new rows: the mean of their nearest fitted rows' coordinates.

    The `k` nearest fitted rows count in inverse proportion to their distance; a new row equal
    to fitted ones gets their coordinates. The mean lies between its neighbours, so an outlier
    is drawn beside what it resembles most, not far away from everything (Shepard, 1968,
    https://doi.org/10.1145/800186.810616).

    Parameters
    ----------
    X_fit : (n, d) float, at least one row
    embedding : (n, m) float, what the fitted rows became
    X_new : (q, d) float

    Returns
    -------
    (q, m) float32

    Examples
    --------
    >>> place(
    ...     np.array([[0.0], [4.0]]), np.array([[0.0], [10.0]]), np.array([[1.0], [4.0]])
    ... ).tolist()
    [[2.5], [10.0]]
    """
    indices, distances = nearest(X_fit, min(k, len(X_fit)), X_new)
    same = distances == 0
    weights = np.where(same.any(axis=1, keepdims=True), same, 1.0 / np.where(same, 1.0, distances))
    weights /= weights.sum(axis=1, keepdims=True)
    neighbours = np.asarray(embedding, np.float64)[indices]
    return np.einsum("qk,qkm->qm", weights, neighbours).astype(np.float32)
