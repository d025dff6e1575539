"""HDBSCAN: DBSCAN at every radius at once, and the groups that last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.components import Clusterer
from core.events import Context
from core.params import param
from core.partitions import partition, repeatable
from core.types import NOISE, Partition


@dataclass(frozen=True)
class HDBSCAN(Clusterer):
    """Campello, Moulavi and Sander (2013), as scikit-learn has it.

    https://doi.org/10.1007/978-3-642-37456-2_14. `min_cluster_size` is a hundredth of the images
    where it is not given, and at least 5.
    """

    name: ClassVar[str] = "hdbscan"
    label: ClassVar[str] = "HDBSCAN"
    summary: ClassVar[str] = "Finds crowds of different density by itself; the rest is noise."
    finds_noise: ClassVar[bool] = True

    min_cluster_size: int | None = param(
        None, "smallest cluster", "Crowds of fewer images are noise; auto: 1 % of the images.",
        low=2, high=100_000, type=int,
    )  # fmt: skip
    min_samples: int = param(
        5, "crowd", "Neighbours that make a place dense; more calls more images noise.",
        low=1, high=1000,
    )  # fmt: skip

    def cluster(self, X: np.ndarray, context: Context) -> Partition:
        """Group the rows of `X` (n, d); `arrays` has the `probability` (n,) of membership."""
        from sklearn.cluster import HDBSCAN as Fitted

        n = len(X)
        smallest = self.min_cluster_size or max(5, n // 100)
        about = {"min_cluster_size": smallest}
        if n < smallest:
            note = f"All is noise: {n} images are fewer than the smallest cluster, {smallest}."
            return partition(np.full(n, NOISE), about, notes=(note,))
        if (X == X[0]).all():  # no density can be told from another, and 1 / 0 is everywhere
            return partition(np.zeros(n, np.int32), about)
        model = Fitted(
            min_cluster_size=smallest, min_samples=min(self.min_samples, n), n_jobs=1, copy=True
        )
        with repeatable(n):
            model.fit(X.astype(np.float64))
        probability = np.nan_to_num(model.probabilities_, nan=0.0).astype(np.float32)
        return partition(model.labels_, about, {"probability": probability})
