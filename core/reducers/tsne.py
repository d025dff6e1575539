"""t-SNE: a map on which neighbours stay neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.components import Reducer
from core.events import Context
from core.params import param
from core.partitions import repeatable
from core.principal import principal_components

FEWEST_ROWS = 5  # below there are no neighbourhoods to keep
PCA_COLUMNS = 50  # wider matrices are reduced to so many columns first


@dataclass(frozen=True)
class TSNE(Reducer):
    """Van der Maaten and Hinton (2008), Barnes-Hut (2014), as scikit-learn has it.

    Starts from the principal components, which keeps the large picture (Kobak and Berens, 2019,
    https://doi.org/10.1038/s41467-019-13056-x). Distances between far groups mean nothing.
    """

    name: ClassVar[str] = "tsne"
    label: ClassVar[str] = "t-SNE"
    summary: ClassVar[str] = "Draws a map on which similar images are neighbours; slow for many."
    uses_seed: ClassVar[bool] = True

    n_components: int = param(2, "dimensions", "A flat map or one in space.", low=2, high=3)
    perplexity: float = param(
        30.0, "perplexity", "About how many neighbours each image has; few show small groups.",
        low=1, high=500,
    )  # fmt: skip

    def reduce(self, X: np.ndarray, context: Context) -> np.ndarray:
        """The map, (n, n_components) float32; PCA for fewer than 5 rows, or rows all the same.

        The perplexity is at most a third of the other rows.
        """
        from sklearn.manifold import TSNE as Fitted

        n, m = len(X), self.n_components
        columns = principal_components(X, PCA_COLUMNS, context.seed)
        if n < FEWEST_ROWS or not columns.any():
            return columns[:, :m].astype(np.float32)
        start = np.random.default_rng(context.seed).normal(0, 1e-6, (n, m))
        lead = columns[:, :m]
        start[:, : lead.shape[1]] += 1e-4 * lead / lead[:, 0].std()
        model = Fitted(
            m,
            perplexity=min(self.perplexity, max(1.0, (n - 1) / 3)),
            init=start.astype(np.float32),
            learning_rate="auto",
            random_state=context.seed,
        )
        wide = X.shape[1] > PCA_COLUMNS
        with repeatable(n):
            return model.fit_transform(columns if wide else X.astype(np.float64)).astype(np.float32)
