"""Isolation Forest: an outlier is quickly alone when the images are split at random."""

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
class IsolationForest(OutlierDetector):
    """Liu, Ting and Zhou (2008), https://doi.org/10.1109/ICDM.2008.17, as scikit-learn has it."""

    name: ClassVar[str] = "isolation_forest"
    label: ClassVar[str] = "Isolation Forest"
    summary: ClassVar[str] = "Splits the images at random; those alone after few splits are odd."
    uses_seed: ClassVar[bool] = True

    contamination: float = param(
        0.05, "share of outliers", "Which share of the images is left out.", low=0.001, high=0.5
    )
    n_estimators: int = param(
        100, "trees", "More trees give a steadier choice.", low=1, high=2000, advanced=True
    )

    def outliers(self, X: np.ndarray, context: Context) -> np.ndarray:
        """(n,) bool; no row is an outlier where there are fewer than 10, or all are the same."""
        from sklearn.ensemble import IsolationForest as Fitted

        if len(X) < FEWEST_ROWS:
            return np.zeros(len(X), bool)
        model = Fitted(
            n_estimators=self.n_estimators,
            contamination=self.contamination,
            random_state=context.seed,
        )
        with repeatable(len(X)):
            return model.fit_predict(X) == -1
