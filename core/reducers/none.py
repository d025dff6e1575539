"""No reduction: the matrix itself is clustered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.components import Reducer
from core.events import Context


@dataclass(frozen=True)
class NoReduction(Reducer):
    """Leaves the matrix as it is."""

    name: ClassVar[str] = "none"
    summary: ClassVar[str] = "Clusters the full description, without reducing it."

    def reduce(self, X: np.ndarray, context: Context) -> np.ndarray:
        """The matrix itself, (n, d) float32."""
        return np.asarray(X, np.float32)

    def for_map(self) -> None:
        """None: the map needs three dimensions, so PCA has to draw it."""
        return None
