"""No outlier detection: every image stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.components import OutlierDetector
from core.events import Context


@dataclass(frozen=True)
class NoOutliers(OutlierDetector):
    """Keeps every row."""

    name: ClassVar[str] = "none"
    summary: ClassVar[str] = "Keeps every image."

    def outliers(self, X: np.ndarray, context: Context) -> np.ndarray:
        """(n,) bool, all False."""
        return np.zeros(len(X), bool)
