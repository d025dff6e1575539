"""Exact nearest neighbours by matrix products: quick to start, and the same every time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

CHUNK_BYTES = 64e6


def nearest(
    X: np.ndarray,
    k: int,
    queries: np.ndarray | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[np.ndarray, np.ndarray]:
    """The `k` rows of `X` nearest to each query, the nearest first.

    Parameters
    ----------
    X : (n, d) float
    k : from 1 to n
    queries : (q, d) float; the rows of `X` themselves where None, and then the first neighbour
        of a row is the row itself
    report : called with the queries done and their number after each chunk

    Returns
    -------
    indices : (q, k) int32
    distances : (q, k) float32, Euclidean

    Examples
    --------
    >>> nearest(np.array([[0.0], [1.0], [5.0]]), 2)[0].tolist()
    [[0, 1], [1, 0], [2, 1]]
    """
    origin = np.asarray(X).mean(axis=0, dtype=np.float64)
    X = np.asarray(X - origin, np.float32)  # dot products lose digits far from the origin
    Q = X if queries is None else np.asarray(queries - origin, np.float32)
    indices = np.empty((len(Q), k), np.int32)
    distances = np.empty((len(Q), k), np.float32)
    norms = np.einsum("ij,ij->i", X, X)
    step = max(1, int(CHUNK_BYTES / 4 / max(len(X), k * X.shape[1])))
    for start in range(0, len(Q), step):
        part = Q[start : start + step]
        squared = norms - 2.0 * (part @ X.T)  # without the query's own norm: the order is the same
        if queries is None:
            squared[np.arange(len(part)), np.arange(start, start + len(part))] = -np.inf
        found = np.argpartition(squared, k - 1, axis=1)[:, :k]
        exact = np.sqrt(((X[found] - part[:, None]) ** 2).sum(axis=2))
        if queries is None:
            exact[found == np.arange(start, start + len(part))[:, None]] = -1.0
        order = np.lexsort((found, exact), axis=1)
        indices[start : start + step] = np.take_along_axis(found, order, 1)
        distances[start : start + step] = np.take_along_axis(exact, order, 1)
        report(start + len(part), len(Q))
    return indices, np.maximum(distances, 0.0)
