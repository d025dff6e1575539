"""A mixture of Gaussians: clusters that may be stretched and tilted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.components import Clusterer
from core.errors import FacetteError, input_error
from core.events import Context
from core.params import param
from core.partitions import checked_k, k_param, partition, repeatable
from core.types import Partition

MOST_COLUMNS = 1_000  # a full covariance has columns x columns values a cluster


@dataclass(frozen=True)
class GaussianMixture(Clusterer):
    """Expectation-maximisation (Dempster, Laird and Rubin, 1977), as scikit-learn has it.

    Computed in double precision. One start is unstable, hence the ten.
    """

    name: ClassVar[str] = "gaussian_mixture"
    label: ClassVar[str] = "Gaussian mixture"
    summary: ClassVar[str] = "Describes the images by k bells that may be stretched and tilted."
    uses_seed: ClassVar[bool] = True

    n_clusters: int | None = k_param()
    covariance_type: str = param(
        "full", "shape", "full: each bell its own ellipsoid; tied: one shape for all; "
        "diag: stretched along the axes only; spherical: balls.",
        choices=("full", "tied", "diag", "spherical"),
    )  # fmt: skip
    n_init: int = param(10, "starts", "More starts make a bad result less likely.", low=1, high=100)
    reg_covar: float = param(
        1e-6, "least variance", "Added to the variances, so that no bell becomes a needle.",
        low=0, high=1e6, advanced=True,
    )  # fmt: skip
    max_iter: int = param(
        100, "most iterations", "When to stop at the latest.", low=1, high=10_000, advanced=True
    )

    def cluster(self, X: np.ndarray, context: Context) -> Partition:
        """Group the rows of `X` (n, d).

        `arrays` has the `centers` (k, d), and how sure each row is of its cluster, `probability`
        (n,). Raises `InputError` for more than 1,000 columns with a full or tied covariance.
        """
        n, columns = X.shape
        k = checked_k(self.n_clusters, n)
        if columns > MOST_COLUMNS and self.covariance_type in ("full", "tied"):
            do = "Reduce first, for example to pca:n_components=50, or set covariance_type=diag."
            raise input_error(
                f"gaussian_mixture: columns with covariance_type={self.covariance_type}",
                columns, f"at most {MOST_COLUMNS}", do,
            )  # fmt: skip
        with repeatable(n):
            model, reg_covar = self._fitted(X.astype(np.float64), k, context.seed)
            probability = model.predict_proba(X.astype(np.float64))
        about = {
            "n_clusters": k,
            "reg_covar": reg_covar,
            "log_likelihood": float(model.lower_bound_),
            "iterations": int(model.n_iter_),
        }
        return partition(
            probability.argmax(axis=1),
            about,
            {"probability": probability.max(axis=1).astype(np.float32)},
            {"centers": model.means_.astype(np.float32)},
            self._notes(model.converged_, reg_covar),
        )

    def _fitted(self, X: np.ndarray, k: int, seed: int) -> tuple[Any, float]:
        """The fitted model, with a larger least variance where the given one is too small."""
        from sklearn.mixture import GaussianMixture as Fitted

        scale = max(float(X.var(axis=0).mean()), 1e-12)
        tries = (self.reg_covar, *(max(self.reg_covar, scale * r) for r in (1e-6, 1e-4, 1e-2)))
        for reg_covar in tries:
            model = Fitted(
                k, covariance_type=self.covariance_type, n_init=self.n_init,
                reg_covar=reg_covar, max_iter=self.max_iter, random_state=seed,
            )  # fmt: skip
            try:
                return model.fit(X), reg_covar
            except ValueError as error:
                if "ill-defined empirical covariance" not in str(error):
                    raise
        raise FacetteError(
            "gaussian_mixture: some clusters collapse to a point. Use fewer clusters, "
            "a larger reg_covar, or covariance_type=diag."
        )

    def _notes(self, converged: bool, reg_covar: float) -> tuple[str, ...]:
        notes = []
        if reg_covar != self.reg_covar:
            notes.append(f"reg_covar was raised to {reg_covar:.3g}: some clusters are very thin.")
        if not converged:
            notes.append(f"The mixture still moved after {self.max_iter} iterations.")
        return tuple(notes)
