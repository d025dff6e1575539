"""K-Means of scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.components import Clusterer
from core.events import Context
from core.params import param
from core.partitions import checked_k, k_param, partition, repeatable
from core.types import Partition


@dataclass(frozen=True)
class KMeans(Clusterer):
    """Lloyd's algorithm (1982) from k-means++ starts, as scikit-learn has it."""

    name: ClassVar[str] = "kmeans"
    label: ClassVar[str] = "K-Means"
    summary: ClassVar[str] = "Finds k centres so that every image is close to one of them."
    uses_seed: ClassVar[bool] = True

    n_clusters: int | None = k_param()
    n_init: int = param(10, "starts", "More starts make a bad result less likely.", low=1, high=100)
    max_iter: int = param(
        300, "most iterations", "When to stop at the latest.", low=1, high=10_000, advanced=True
    )

    def cluster(self, X: np.ndarray, context: Context) -> Partition:
        """Group the rows of `X` (n, d); `arrays` has the `centers` (k, d)."""
        from sklearn.cluster import KMeans as Fitted

        k = checked_k(self.n_clusters, len(X))
        model = Fitted(k, n_init=self.n_init, max_iter=self.max_iter, random_state=context.seed)
        with repeatable(len(X)):
            model.fit(np.ascontiguousarray(X))
        about = {
            "n_clusters": k,
            "inertia": float(model.inertia_),
            "iterations": int(model.n_iter_),
        }
        centers = model.cluster_centers_.astype(np.float32)
        return partition(model.labels_, about, per_cluster={"centers": centers})
