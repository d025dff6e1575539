"""Which images to show of a cluster, and which are near an image."""

from __future__ import annotations

import numpy as np

from core.types import UNLABELLED

BLOCK = 1 << 16  # values of X looked at in one go, so that they stay in the processor's cache


def neighbours(X: np.ndarray, row: int, k: int) -> np.ndarray:
    """The `k` rows of X (n, d) nearest to a row by Euclidean distance, itself left out.

    >>> neighbours(np.array([[0.0], [5.0], [1.0]]), 0, 2).tolist()
    [2, 1]
    """
    count = min(k, len(X) - 1)
    if count < 1:
        return np.zeros(0, int)
    # Differences, not norms and a product: those lose the near ones among large values.
    own = np.asarray(X[row])
    distance = np.empty(len(X))
    step = max(1, BLOCK // max(1, X.shape[1]))
    for start in range(0, len(X), step):
        apart = X[start : start + step] - own
        np.multiply(apart, apart, out=apart)
        distance[start : start + step] = apart.sum(axis=1, dtype=np.float64)
    distance[row] = np.inf
    far = np.partition(distance, count - 1)[count - 1]
    near = np.flatnonzero(distance <= far)
    return near[np.argsort(distance[near], kind="stable")][:count]


def in_turn(classes: np.ndarray) -> np.ndarray:
    """All rows, one of each class after the other, then the next of each, and so on.

    >>> in_turn(np.array([0, 0, 0, 1, 1])).tolist()
    [0, 3, 1, 4, 2]
    """
    order = np.argsort(classes, kind="stable")
    _, starts, sizes = np.unique(classes[order], return_index=True, return_counts=True)
    place = np.empty(len(classes), int)
    place[order] = np.arange(len(classes)) - np.repeat(starts, sizes)
    return np.lexsort((classes, place))


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
