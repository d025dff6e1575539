"""K-Means as Lloyd wrote it down, short enough to read in class."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from core.components import Clusterer
from core.events import Context
from core.params import param
from core.partitions import checked_k, k_param, numbered, too_few
from core.types import Partition

CHUNK_VALUES = 8_000_000  # distances held at a time
HISTORY_VALUES = 20_000_000  # labels kept of all iterations together


class Iteration(NamedTuple):
    """The centres at one moment, and the rows nearest to each of them."""

    centers: np.ndarray  # (k, d) float64
    labels: np.ndarray  # (n,) int16, the nearest of these centres
    inertia: float  # the sum of the squared distances to it


def initialize_centers(
    X: np.ndarray, k: int, rng: np.random.Generator, method: str = "k-means++"
) -> np.ndarray:
    """Choose `k` rows of `X` (n, d) as the first centres, (k, d).

    `random` draws them alike. `k-means++` draws each with a probability that grows with the
    squared distance to the centres it has, so that they lie apart (Arthur and Vassilvitskii,
    2007, https://theory.stanford.edu/~sergei/papers/kMeansPP-soda.pdf; one candidate a draw,
    where scikit-learn takes the best of several).
    """
    n = len(X)
    if method == "random":
        return X[rng.choice(n, k, replace=False)]
    chosen = [int(rng.integers(n))]
    nearest = ((X - X[chosen[0]]) ** 2).sum(axis=1)
    for _ in range(1, k):
        total = nearest.sum()
        row = int(rng.choice(n, p=nearest / total) if total > 0 else rng.integers(n))
        chosen.append(row)
        nearest = np.minimum(nearest, ((X - X[row]) ** 2).sum(axis=1))
    return X[chosen]


def nearest_cluster(X: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest centre of every row, and the squared distance to it.

    |x - c|^2 = |x|^2 - 2 x.c + |c|^2, and |x|^2 is the same for every centre: one matrix
    product finds the nearest, a few thousand rows at a time.

    Parameters
    ----------
    X : (n, d) float64
    centers : (k, d) float64

    Returns
    -------
    labels : (n,) int64, the lowest number where two centres are equally near
    distances : (n,) float64, squared

    Examples
    --------
    >>> nearest_cluster(np.array([[0.0], [4.0]]), np.array([[1.0], [5.0]]))[0].tolist()
    [0, 1]
    """
    labels = np.empty(len(X), np.int64)
    norms = (centers**2).sum(axis=1)
    step = max(1, CHUNK_VALUES // len(centers))
    for start in range(0, len(X), step):
        part = X[start : start + step]
        labels[start : start + step] = (norms - 2 * part @ centers.T).argmin(axis=1)
    return labels, ((X - centers[labels]) ** 2).sum(axis=1)


def move_centers(
    X: np.ndarray, labels: np.ndarray, distances: np.ndarray, centers: np.ndarray
) -> np.ndarray:
    """Move every centre to the mean of its rows.

    A centre without a row takes the row that is farthest from its own centre, which then no
    longer counts there (as scikit-learn does). It stays where it is when no row is away from
    its centre: there are fewer distinct rows than clusters.
    """
    labels = labels.copy()
    empty = np.setdiff1d(np.arange(len(centers)), labels)
    if len(empty) and distances.max() > 0:
        labels[np.argsort(-distances, kind="stable")[: len(empty)]] = empty
    moved = centers.copy()
    for j in range(len(centers)):
        members = X[labels == j]
        if len(members):
            moved[j] = members.mean(axis=0)
    return moved


def fit(
    X: np.ndarray,
    centers: np.ndarray,
    max_iter: int = 300,
    tol: float = 1e-4,
    after_each: Callable[[], None] = lambda: None,
) -> list[Iteration]:
    """Assign rows to centres and move the centres, in turn, until nothing changes.

    Stops when no row changes its cluster, when the centres together move by less than `tol`
    times the mean variance of a column, or after `max_iter` moves. From the same start the
    result is that of scikit-learn's ``KMeans(algorithm="lloyd", n_init=1, init=centers)``.
    Lloyd (1982), https://doi.org/10.1109/TIT.1982.1056489

    Parameters
    ----------
    X : (n, d) float64
    centers : (k, d) float64, the start
    after_each : called after each iteration; what it raises stops the fit

    Returns
    -------
    Every iteration. The first has the given centres, the last is the result.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [9.0], [10.0]])
    >>> fit(X, np.array([[0.0], [1.0]]))[-1].centers.ravel().tolist()
    [0.5, 9.5]
    """
    history: list[Iteration] = []
    small = tol * X.var(axis=0).mean()
    before = None
    for _ in range(max_iter):
        labels, distances = nearest_cluster(X, centers)
        history.append(_iteration(centers, labels, distances))
        moved = move_centers(X, labels, distances, centers)
        shift = ((moved - centers) ** 2).sum()
        centers = moved
        after_each()
        if before is not None and np.array_equal(labels, before):
            distances = ((X - centers[labels]) ** 2).sum(axis=1)
            break
        before = labels
        if shift <= small:
            labels, distances = nearest_cluster(X, centers)
            break
    else:
        labels, distances = nearest_cluster(X, centers)
    return [*history, _iteration(centers, labels, distances)]


def _iteration(centers: np.ndarray, labels: np.ndarray, distances: np.ndarray) -> Iteration:
    return Iteration(centers, labels.astype(np.int16), float(distances.sum()))


@dataclass(frozen=True)
class KMeansLloyd(Clusterer):
    """Lloyd's algorithm from several starts; the one with the lowest inertia counts."""

    name: ClassVar[str] = "kmeans_lloyd"
    label: ClassVar[str] = "K-Means (Lloyd)"
    summary: ClassVar[str] = (
        "K-Means in a few readable lines: every step is kept, so that you can watch it work."
    )
    uses_seed: ClassVar[bool] = True

    n_clusters: int | None = k_param()
    n_init: int = param(10, "starts", "More starts make a bad result less likely.", low=1, high=100)
    init: str = param(
        "k-means++", "first centres", "k-means++ spreads the first centres, random does not.",
        choices=("k-means++", "random"), advanced=True,
    )  # fmt: skip
    max_iter: int = param(
        300, "most iterations", "When to stop at the latest.", low=1, high=10_000, advanced=True
    )
    tol: float = param(
        1e-4, "tolerance", "Stop when the centres move less than this.",
        low=0, high=1, advanced=True,
    )  # fmt: skip

    def cluster(self, X: np.ndarray, context: Context) -> Partition:
        """Group the rows of `X` (n, d).

        `arrays` of the result: `centers` (k, d); of the best start, `history_inertia` (t,),
        `history_centers` (t, k, d), and `history_labels` (t, n) where that is not too large.
        The numbers of the clusters are the same all along the history.
        """
        k = checked_k(self.n_clusters, len(X))
        rng = np.random.default_rng(context.seed)
        X = X.astype(np.float64)
        origin = X.mean(axis=0)
        X -= origin  # distances from dot products lose digits far from the origin
        best: list[Iteration] = []
        for start in range(self.n_init):
            centers = initialize_centers(X, k, rng, self.init)
            after_each = functools.partial(context.report, start, self.n_init)
            history = fit(X, centers, self.max_iter, self.tol, after_each)
            if not best or history[-1].inertia < best[-1].inertia:
                best = history
        context.report(self.n_init, self.n_init)
        return _partition(best, k, origin)


def _partition(history: list[Iteration], k: int, origin: np.ndarray) -> Partition:
    labels, order = numbered(history[-1].labels, k)
    centers = np.stack([step.centers[order] for step in history]) + origin
    arrays = {
        "centers": centers[-1].astype(np.float32),
        "history_centers": centers.astype(np.float32),
        "history_inertia": np.array([step.inertia for step in history]),
    }
    if len(history) * len(labels) <= HISTORY_VALUES:
        new = np.argsort(order).astype(np.int16)
        arrays["history_labels"] = np.stack([new[step.labels] for step in history])
    about = {"n_clusters": k, "inertia": history[-1].inertia, "iterations": len(history) - 1}
    return Partition(labels, about, arrays, too_few(labels, k))
