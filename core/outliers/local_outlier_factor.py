"""Local outlier factor: an outlier lies in a thinner place than its neighbours do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.components import OutlierDetector
from core.events import Context
from core.params import param
from core.partitions import repeatable

FEWEST_ROWS = 10  # below, a share of them is not one image


@dataclass(frozen=True)
class LocalOutlierFactor(OutlierDetector):
    """Breunig et al. (2000), https://doi.org/10.1145/335191.335388, as scikit-learn has it."""

    name: ClassVar[str] = "local_outlier_factor"
    label: ClassVar[str] = "Local outlier factor"
    summary: ClassVar[str] = "Finds images that lie more alone than their neighbours do."

    n_neighbors: int = param(
        20, "neighbours", "With how many others an image is compared.", low=1, high=500
    )
    contamination: float = param(
        0.05, "share of outliers", "Which share of the images is left out.", low=0.001, high=0.5
    )

    def outliers(self, X: np.ndarray, context: Context) -> np.ndarray:
        """(n,) bool; no row is an outlier where there are fewer than 10, or all are the same."""
        from sklearn.neighbors import LocalOutlierFactor as Fitted

        if len(X) < FEWEST_ROWS:
            return np.zeros(len(X), bool)
        model = Fitted(
            n_neighbors=min(self.n_neighbors, len(X) - 1), contamination=self.contamination
        )
        with repeatable(len(X)):
            return model.fit_predict(X.astype(np.float64)) == -1
