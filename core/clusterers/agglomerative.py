"""Agglomerative clustering: joins the two closest groups, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.components import Clusterer
from core.errors import input_error
from core.events import Context
from core.params import param
from core.partitions import checked_k, k_param, partition
from core.types import Partition

MOST_ROWS = 20_000  # all distances between pairs are held: 1.6 GB, and a copy of them
DENDROGRAM_LEAVES = 30


@dataclass(frozen=True)
class Agglomerative(Clusterer):
    """Hierarchical clustering by nearest-neighbour chains (Müllner, 2011), as SciPy has it.

    https://arxiv.org/abs/1109.2378
    """

    name: ClassVar[str] = "agglomerative"
    label: ClassVar[str] = "Agglomerative"
    summary: ClassVar[str] = "Starts with each image alone and joins the two closest groups, again."

    n_clusters: int | None = k_param()
    linkage: str = param(
        "ward", "linkage", "What close means: ward keeps groups compact, average takes the mean "
        "distance, complete the largest, single the smallest (it makes chains).",
        choices=("ward", "average", "complete", "single"),
    )  # fmt: skip

    def cluster(self, X: np.ndarray, context: Context) -> Partition:
        """Group the rows of `X` (n, d), n at most 20,000.

        `arrays` describes the top of the dendrogram: `merges` (p - 1, 4), the last joins as
        SciPy writes a linkage (two nodes, height, leaves), over p leaves, which are groups of
        images themselves; their `leaf_sizes` (p,) in images, and the cluster that each is in,
        `leaf_clusters` (p,).
        """
        from scipy.cluster.hierarchy import linkage

        n = len(X)
        k = checked_k(self.n_clusters, n)
        if n > MOST_ROWS:
            do = "Use kmeans, minibatch_kmeans or hdbscan, or fewer images."
            raise input_error("agglomerative: images", n, f"at most {MOST_ROWS}", do)
        joins = linkage(X.astype(np.float64), self.linkage)
        n_leaves = min(n, max(DENDROGRAM_LEAVES, k))
        leaves = cut(joins, n_leaves)
        result = partition(cut(joins, k), {"n_clusters": k, "linkage": self.linkage})
        first_rows = np.unique(leaves, return_index=True)[1]
        arrays = {
            "merges": top(joins, leaves),
            "leaf_sizes": np.bincount(leaves),
            "leaf_clusters": result.labels[first_rows],
        }
        return Partition(result.labels, result.about, arrays)


def cut(joins: np.ndarray, k: int) -> np.ndarray:
    """The groups that are left when the last k - 1 joins of a linkage are undone.

    Parameters
    ----------
    joins : (n - 1, 4) a linkage of SciPy, by height

    Returns
    -------
    (n,) int32 labels from 0, numbered by first row; exactly k of them
    """
    n = len(joins) + 1
    group = np.arange(2 * n - 1)
    for node in range(2 * n - k - 1, n - 1, -1):  # from the top: children take the parent's group
        children = joins[node - n, :2].astype(np.int64)
        group[children] = group[node]
    _, first, labels = np.unique(group[:n], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[labels].astype(np.int32)


def top(joins: np.ndarray, leaves: np.ndarray) -> np.ndarray:
    """The last joins, as a linkage whose leaves are the groups `leaves` (n,) numbers."""
    n, n_leaves = len(leaves), int(leaves.max()) + 1
    node_of = np.full(2 * n - 1, -1)
    node_of[:n] = leaves
    for node in range(n, 2 * n - n_leaves):
        node_of[node] = node_of[int(joins[node - n, 0])]
    last = 2 * n - n_leaves
    node_of[last:] = np.arange(n_leaves, 2 * n_leaves - 1)
    merges = joins[last - n :].copy()
    merges[:, :2] = np.sort(node_of[merges[:, :2].astype(np.int64)], axis=1)
    held = np.ones(2 * n_leaves - 1)
    for i, (left, right) in enumerate(merges[:, :2].astype(np.int64)):
        held[n_leaves + i] = merges[i, 3] = held[left] + held[right]
    return merges
