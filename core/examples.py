"""Which images to show of a cluster, and which are near an image."""

from __future__ import annotations

import numpy as np

from core.types import UNLABELLED


def neighbours(X: np.ndarray, row: int, k: int) -> np.ndarray:
    """The `k` rows of X (n, d) nearest to a row by Euclidean distance, itself left out.

    >>> neighbours(np.array([[0.0], [5.0], [1.0]]), 0, 2).tolist()
    [2, 1]
    """
    distance = np.square(X - X[row]).sum(axis=1, dtype=np.float64)
    distance[row] = np.inf
    return np.argsort(distance, kind="stable")[: min(k, len(X) - 1)]


def misfits(members: np.ndarray, classes: np.ndarray | None, silhouette: np.ndarray) -> np.ndarray:
    """The rows of a cluster that may not belong there, the worst first.

    Parameters
    ----------
    members : (m,) rows of one cluster
    classes : (n,) class numbers of all rows, or None
    silhouette : (m,) of the members, NaN where unknown

    Returns
    -------
    numpy.ndarray
        With classes, the members of another class than most of the cluster; without, those
        with a silhouette below 0, which are nearer to another cluster.
    """
    order = np.argsort(np.where(np.isnan(silhouette), np.inf, silhouette), kind="stable")
    if classes is None:
        return members[order][silhouette[order] < 0]
    own = classes[members]
    known = own[own != UNLABELLED]
    if not len(known):
        return members[:0]
    majority = np.bincount(known).argmax()
    return members[order][(own[order] != majority) & (own[order] != UNLABELLED)]


def best_cluster(
    labels: np.ndarray, classes: np.ndarray | None, silhouette: np.ndarray
) -> int | None:
    """The cluster to show first: the purest by class, or the one with the best mean silhouette.

    Clusters of less than half the usual size are passed over. None where there is no cluster.
    """
    clusters, sizes = np.unique(labels[labels >= 0], return_counts=True)
    if not len(clusters):
        return None
    large = clusters[sizes >= sizes.mean() / 2]

    def worth(cluster: int) -> float:
        members = labels == cluster
        if classes is None:
            values = silhouette[members]
            return float(np.nanmean(values)) if np.isfinite(values).any() else -1.0
        known = classes[members & (classes != UNLABELLED)]
        return np.bincount(known).max() / len(known) if len(known) else 0.0

    return int(max(large, key=lambda cluster: (worth(cluster), -cluster)))
