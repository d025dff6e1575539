"""DBSCAN: groups are where images lie close together; the rest is noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.components import Clusterer
from core.errors import input_error
from core.events import Context
from core.neighbors import nearest
from core.params import param
from core.partitions import partition, repeatable
from core.types import Partition

CURVE_ROWS = 5_000  # the k-distance curve is drawn from at most so many rows
MOST_PAIRS = 4e8  # neighbours held at a time, 8 bytes each


@dataclass(frozen=True)
class DBSCAN(Clusterer):
    """Ester, Kriegel, Sander and Xu (1996), https://cdn.aaai.org/KDD/1996/KDD96-037.pdf.

    Where `eps` is not given it is read off the bend of the sorted distances to the
    `min_samples`-th neighbour, as the paper does by eye: here the point of the curve farthest
    below the line between its ends (Satopää et al., 2011, "Finding a Kneedle in a Haystack").
    """

    name: ClassVar[str] = "dbscan"
    label: ClassVar[str] = "DBSCAN"
    summary: ClassVar[str] = "Finds crowded places of any shape; images in no crowd are noise."
    finds_noise: ClassVar[bool] = True

    eps: float | None = param(
        None, "radius", "How near a neighbour is; auto reads it off the data.",
        low=1e-12, high=1e12, type=float,
    )  # fmt: skip
    min_samples: int = param(
        5, "crowd", "How many images within the radius make a crowd.", low=1, high=1000
    )

    def cluster(self, X: np.ndarray, context: Context) -> Partition:
        """Group the rows of `X` (n, d).

        `arrays` has `k_distance`, the sorted distances of (at most 5,000) rows to the last of
        the `min_samples` images nearest to them, the row itself being the first.
        """
        from sklearn.cluster import DBSCAN as Fitted

        curve = k_distances(X, self.min_samples, context)
        eps = self.eps if self.eps is not None else float(curve[knee(curve)])
        if eps <= 0:  # most rows are duplicates: only they are neighbours
            eps = float(curve[curve > 0].min()) / 2 if (curve > 0).any() else 1.0
        self._check_size(X, eps)
        with repeatable(len(X)):
            labels = Fitted(eps=eps, min_samples=self.min_samples).fit(X).labels_
        about: dict[str, Any] = {"eps": eps, "eps_chosen": self.eps is None}
        notes: tuple[str, ...] = ()
        if self.eps is None:
            notes = (f"DBSCAN's radius eps={eps:.4g} was read off the bend of the distances to "
                     f"neighbour {self.min_samples}; set eps to change it.",)  # fmt: skip
        return partition(labels, about, {"k_distance": curve}, notes=notes)

    def _check_size(self, X: np.ndarray, eps: float) -> None:
        """Refuse a radius with which the lists of neighbours would fill the memory."""
        n = len(X)
        some = X[np.linspace(0, n - 1, min(n, 200)).astype(int)]
        _, distances = nearest(X, n, some)
        mean = float((distances <= eps).sum(axis=1).mean())
        if mean * n > MOST_PAIRS:
            allowed = f"a radius with fewer than {MOST_PAIRS / n:,.0f} neighbours an image"
            got = f"{eps:.4g} ({mean:,.0f} neighbours an image)"
            raise input_error("dbscan: eps", got, allowed, "Use a smaller eps, or hdbscan.")


def k_distances(X: np.ndarray, k: int, context: Context) -> np.ndarray:
    """Sorted distances, (at most 5,000,) float32, to the last of the k nearest rows."""
    n = len(X)
    k = min(k, n)
    some = np.linspace(0, n - 1, min(n, CURVE_ROWS)).astype(int)
    _, distances = nearest(X, k, X[some], context.report)
    return np.sort(distances[:, -1])


def knee(curve: np.ndarray) -> int:
    """Where a rising curve bends most: farthest below the line between its ends.

    Examples
    --------
    >>> knee(np.array([1.0, 1.1, 1.2, 1.3, 9.0]))
    3
    """
    if len(curve) < 2 or curve[0] == curve[-1]:
        return len(curve) - 1
    along = np.linspace(0, 1, len(curve))
    up = (curve - curve[0]) / (curve[-1] - curve[0])
    return int(np.argmax(along - up))
