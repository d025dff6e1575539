"""Chooses the number of clusters where nobody and no label says it."""

from __future__ import annotations

import dataclasses

import numpy as np

from core.components import Clusterer
from core.events import Context
from core.metrics import silhouette_values
from core.types import Partition

SAMPLE_ROWS = 2_000


def best_k(
    clusterer: Clusterer, X: np.ndarray, context: Context, low: int = 2, high: int = 20
) -> tuple[Partition, dict[int, float]]:
    """Cluster with the k whose mean silhouette is the best; of equals the smallest.

    Each k is tried with the clusterer itself. Of more than 2,000 rows a random 2,000 are used
    to try, and only the k found is fitted to all. Kaufman and Rousseeuw (1990), chapter 2.

    Parameters
    ----------
    X : (n, d) float32, n at least 2
    low, high : the first and the last k; at most n - 1 are tried, where n is more than 2

    Returns
    -------
    partition : of all rows
    scores : k -> mean silhouette, 0 where it is undefined (one cluster, or one row in each);
        empty for a method without a k
    """
    if not clusterer.has_k:
        return clusterer.cluster(X, context), {}
    rows = np.arange(len(X))
    if len(X) > SAMPLE_ROWS:
        rng = np.random.default_rng(context.seed)
        rows = np.sort(rng.choice(len(X), SAMPLE_ROWS, replace=False))
    sample = np.ascontiguousarray(X[rows])
    tried = range(low, max(low, min(high, len(sample) - 1)) + 1)
    quiet = Context(context.seed, lambda done, total: context.report(len(scores), len(tried)))
    scores: dict[int, float] = {}
    partitions: dict[int, Partition] = {}
    for k in tried:
        partitions[k] = _with_k(clusterer, k).cluster(sample, quiet)
        measured = silhouette_values(sample, partitions[k].labels)
        measured = measured[~np.isnan(measured)]
        scores[k] = float(measured.mean()) if len(measured) else 0.0
        context.report(len(scores), len(tried))
    best = max(scores, key=lambda k: (scores[k], -k))
    if len(sample) == len(X):
        return partitions[best], scores
    return _with_k(clusterer, best).cluster(X, quiet), scores


def _with_k(clusterer: Clusterer, k: int) -> Clusterer:
    return dataclasses.replace(clusterer, n_clusters=k)  # type: ignore[call-arg]
