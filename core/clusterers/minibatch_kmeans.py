"""K-Means on small batches: for very many images."""

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
class MiniBatchKMeans(Clusterer):
    """Sculley (2010), https://doi.org/10.1145/1772690.1772862, as scikit-learn has it."""

    name: ClassVar[str] = "minibatch_kmeans"
    label: ClassVar[str] = "Mini-batch K-Means"
    summary: ClassVar[str] = "K-Means that looks at a few images at a time: faster, a bit rougher."
    uses_seed: ClassVar[bool] = True

    n_clusters: int | None = k_param()
    n_init: int = param(10, "starts", "More starts make a bad result less likely.", low=1, high=100)
    batch_size: int = param(
        1024, "batch", "How many images each step looks at.", low=1, high=100_000, advanced=True
    )

    def cluster(self, X: np.ndarray, context: Context) -> Partition:
        """Group the rows of `X` (n, d); `arrays` has the `centers` (k, d)."""
        from sklearn.cluster import MiniBatchKMeans as Fitted

        k = checked_k(self.n_clusters, len(X))
        model = Fitted(k, n_init=self.n_init, batch_size=self.batch_size, random_state=context.seed)
        with repeatable(len(X)):
            model.fit(np.ascontiguousarray(X))
        about = {"n_clusters": k, "inertia": float(model.inertia_), "steps": int(model.n_steps_)}
        centers = model.cluster_centers_.astype(np.float32)
        return partition(model.labels_, about, per_cluster={"centers": centers})
