"""Principal component analysis: the directions in which the images differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.components import Reducer
from core.events import Context
from core.params import param
from core.principal import principal_components


@dataclass(frozen=True)
class PCA(Reducer):
    """Principal components, computed in double precision; see `core.principal`."""

    name: ClassVar[str] = "pca"
    label: ClassVar[str] = "PCA"
    summary: ClassVar[str] = "Keeps the directions in which the images differ most."
    uses_seed: ClassVar[bool] = True

    n_components: int = param(50, "dimensions", "How many directions are kept.", low=1, high=10_000)
    whiten: bool = param(
        False, "whiten", "Make every direction count alike, even the weak ones.", advanced=True
    )

    def reduce(self, X: np.ndarray, context: Context) -> np.ndarray:
        """The scores, (n, m) float32; m is at most n and at most d."""
        scores = principal_components(X, self.n_components, context.seed, self.whiten)
        return scores.astype(np.float32)
