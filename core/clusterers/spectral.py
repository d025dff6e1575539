"""Spectral clustering: cuts the graph of nearest neighbours where it is thin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.components import Clusterer
from core.errors import input_error
from core.events import Context
from core.neighbors import nearest
from core.params import param
from core.partitions import checked_k, k_param, partition, repeatable
from core.types import Partition

MOST_ROWS = 20_000  # beyond, the eigenvectors take many minutes and several gigabytes
DENSE_ROWS = 200  # up to here all eigenvectors are computed, which cannot fail


@dataclass(frozen=True)
class Spectral(Clusterer):
    """Ng, Jordan and Weiss (2001) on the graph of nearest neighbours.

    The leading eigenvectors of the normalised graph, rows scaled to length 1, go to K-Means.
    https://papers.nips.cc/paper/2092-on-spectral-clustering-analysis-and-an-algorithm
    """

    name: ClassVar[str] = "spectral"
    label: ClassVar[str] = "Spectral"
    summary: ClassVar[str] = "Links each image to its neighbours and cuts where few links are."
    uses_seed: ClassVar[bool] = True

    n_clusters: int | None = k_param()
    n_neighbors: int = param(
        15, "neighbours", "Links of each image: few follow thin shapes, many smooth them over.",
        low=1, high=500,
    )  # fmt: skip
    n_init: int = param(
        10, "starts", "Starts of the K-Means at the end.", low=1, high=100, advanced=True
    )

    def cluster(self, X: np.ndarray, context: Context) -> Partition:
        """Group the rows of `X` (n, d), n at most 20,000."""
        from sklearn.cluster import KMeans

        n = len(X)
        k = checked_k(self.n_clusters, n)
        if n > MOST_ROWS:
            do = "Use kmeans, minibatch_kmeans or hdbscan, or fewer images."
            raise input_error("spectral: images", n, f"at most {MOST_ROWS}", do)
        with repeatable(n):
            vectors = _leading_vectors(X, k, min(self.n_neighbors + 1, n), context)
            model = KMeans(k, n_init=self.n_init, random_state=context.seed).fit(vectors)
        return partition(model.labels_, {"n_clusters": k, "n_neighbors": self.n_neighbors})


def _leading_vectors(X: np.ndarray, k: int, n_neighbors: int, context: Context) -> np.ndarray:
    """The `k` leading eigenvectors of the normalised graph, (n, k), rows of length 1."""
    from scipy.sparse import csr_array, diags_array
    from scipy.sparse.linalg import eigsh

    n = len(X)
    neighbors, _ = nearest(X, n_neighbors, report=context.report)
    ends = np.arange(0, n * n_neighbors + 1, n_neighbors)
    links = csr_array((np.ones(neighbors.size), neighbors.ravel(), ends), shape=(n, n))
    graph = (links + links.T) / 2
    scale = diags_array(1 / np.sqrt(graph.sum(axis=1)))
    graph = scale @ graph @ scale
    if n <= max(DENSE_ROWS, 2 * k + 2):
        vectors = np.linalg.eigh(graph.toarray())[1][:, -k:]
    else:
        start = np.random.default_rng(context.seed).uniform(-1, 1, n)
        # Shifted a little beyond its largest eigenvalue, 1, the graph can be inverted.
        vectors = eigsh(graph.tocsc(), k, sigma=1.001, which="LM", v0=start)[1]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)
