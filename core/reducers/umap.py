"""UMAP: few dimensions that keep each image's neighbours."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from core.components import Reducer
from core.events import Context
from core.neighbors import nearest
from core.params import param
from core.principal import principal_components
from core.store import home

FEWEST_ROWS = 5  # below there are no neighbourhoods to keep
EXACT_ROWS = 30_000  # beyond, neighbours are searched for approximately, by umap-learn itself
WIDE, PCA_COLUMNS = 2_048, 256  # wider matrices are reduced to so many columns first
_ONE_AT_A_TIME = threading.Lock()  # numba's own threads abort the process on concurrent calls


@dataclass(frozen=True)
class UMAP(Reducer):
    """McInnes, Healy and Melville (2018), https://arxiv.org/abs/1802.03426, by umap-learn.

    Two things differ from its defaults. Up to 30,000 rows the neighbours are exact, which is
    quicker there and does not depend on the seed. The start is the principal components: it
    cannot fail, as the eigenvectors of a broken graph can, and is as good (Kobak and Linderman,
    2021, https://doi.org/10.1038/s41587-020-00809-z). Matrices of more than 2,048 columns are
    first reduced to 256 principal components.
    """

    name: ClassVar[str] = "umap"
    label: ClassVar[str] = "UMAP"
    summary: ClassVar[str] = "Keeps who is near whom in few dimensions; groups come out clearly."
    uses_seed: ClassVar[bool] = True

    n_components: int = param(
        10, "dimensions", "How many are kept; 10 for clustering, 2 or 3 for looking.",
        low=1, high=100,
    )  # fmt: skip
    n_neighbors: int = param(
        15, "neighbours", "Few show small groups, many show the large picture.", low=2, high=500
    )
    min_dist: float = param(
        0.0, "least distance", "0 packs groups tightly, for clustering; more spreads them.",
        low=0, high=0.99,
    )  # fmt: skip
    metric: str = param(
        "euclidean", "distance", "cosine and correlation look at the pattern, not at the size.",
        choices=("euclidean", "cosine", "correlation"), advanced=True,
    )  # fmt: skip

    def load(self) -> None:
        """Import umap and let numba compile it, which takes longer than fitting 1,000 rows."""
        _compiled()

    def reduce(self, X: np.ndarray, context: Context) -> np.ndarray:
        """The embedding, (n, n_components) float32.

        PCA, of at most min(n, d) columns, for fewer than 5 rows, or rows all the same. The
        neighbours are at most n - 1.
        """
        n, m = len(X), self.n_components
        points = _for_metric(np.asarray(X, np.float32), self.metric)
        if n < FEWEST_ROWS or (points == points[0]).all():
            return principal_components(X, m, context.seed).astype(np.float32)
        if points.shape[1] > WIDE:
            points = principal_components(points, PCA_COLUMNS, context.seed).astype(np.float32)
        n_neighbors = min(self.n_neighbors, n - 1)
        options: dict[str, Any] = {}
        if n <= EXACT_ROWS:
            options["precomputed_knn"] = self._neighbors(points, n_neighbors, context)
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that new rows cannot be transformed, which none are
            model = import_umap().UMAP(
                n_components=m,
                n_neighbors=n_neighbors,
                min_dist=self.min_dist,
                init=_start(points, m, context.seed),
                random_state=context.seed,
                n_jobs=1,  # with more the result depends on the order of the threads
                **options,
            )
            return np.asarray(model.fit_transform(points), np.float32)

    def _neighbors(
        self, points: np.ndarray, n_neighbors: int, context: Context
    ) -> tuple[np.ndarray, np.ndarray, None]:
        indices, distances = nearest(points, n_neighbors, report=context.report)
        if self.metric != "euclidean":  # of vectors of length 1: 1 - cos = |u - v|^2 / 2
            distances = distances**2 / 2
        return indices, distances, None


@cache
def _compiled() -> bool:
    UMAP(n_components=2).reduce(np.random.default_rng(0).normal(size=(40, 4)), Context())
    return True


def import_umap() -> ModuleType:
    """Import umap without TensorFlow, which it pulls in where there is one, 5 to 20 s long.

    Its compiled functions are kept in the folder of the store, unless NUMBA_CACHE_DIR says
    otherwise: with an empty one the import takes 18 s, and 3 s later.
    """
    os.environ.setdefault("NUMBA_CACHE_DIR", str(home() / "numba"))
    hidden = "umap" not in sys.modules and "tensorflow" not in sys.modules
    if hidden:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)
            import umap
    finally:
        if hidden:
            del sys.modules["tensorflow"]
    return umap


def _for_metric(X: np.ndarray, metric: str) -> np.ndarray:
    """Rows whose Euclidean distances order neighbours as the metric does."""
    if metric == "euclidean":
        return X
    if metric == "correlation":
        X = X - X.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(lengths > 0, lengths, 1)


def _start(points: np.ndarray, m: int, seed: int) -> np.ndarray:
    """The principal components, at most 10 from the origin, with a little noise.

    Where there are fewer than `m`, the rest is noise alone. It also parts equal rows.
    """
    rng = np.random.default_rng(seed)
    lead = principal_components(points, m, seed)
    start = rng.normal(0, 1e-4, (len(points), m))
    start[:, : lead.shape[1]] += 10 * lead / np.abs(lead).max()
    return start.astype(np.float32)
