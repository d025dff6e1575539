"""Every metric with its name, range, direction and reference, and one call for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.agreement import Contingency, agreement, contingency
from core.types import UNLABELLED

__all__ = [
    "METRICS",
    "Contingency",
    "Metric",
    "best_in",
    "compute",
    "contingency",
    "silhouette_values",
]

SILHOUETTE_ROWS = 10_000  # more images than this are sampled for the silhouette


@dataclass(frozen=True)
class Metric:
    """One figure of merit; `low` and `high` bound it, None where nothing does."""

    name: str
    label: str
    low: float | None
    high: float | None
    higher_is_better: bool
    needs_labels: bool
    sentence: str
    reference: str


METRICS: tuple[Metric, ...] = (
    Metric("coverage", "coverage", 0, 1, True, False,
           "The share of images that are in a cluster, neither noise nor outlier.",
           "A count; read it beside every density method."),
    Metric("ami", "AMI", -1, 1, True, True,
           "How much the clusters tell about the classes beyond luck: 1 is perfect, 0 is chance.",
           "Vinh, Epps and Bailey (2010), adjusted mutual information, arithmetic mean"),
    Metric("ari", "ARI", -0.5, 1, True, True,
           "How often clusters and classes agree on pairs of images, beyond luck: 0 is chance.",
           "Hubert and Arabie (1985), adjusted Rand index"),
    Metric("rand", "Rand", 0, 1, True, True,
           "The share of all pairs of images that clusters and classes both join or both part.",
           "Rand (1971)"),
    Metric("nmi", "NMI", 0, 1, True, True,
           "Like AMI without taking luck away, so that many small clusters look too good.",
           "Strehl and Ghosh (2002), arithmetic mean"),
    Metric("mutual_info", "mutual information", 0, None, True, True,
           "How much knowing the cluster tells about the class, in nats.",
           "Shannon (1948)"),
    Metric("jaccard", "Jaccard", 0, 1, True, True,
           "Of the pairs joined by the clusters or by the classes, the share joined by both.",
           "Pair-counting Jaccard index, TP / (TP + FP + FN); Ben-Hur et al. (2002)"),
    Metric("fowlkes_mallows", "Fowlkes-Mallows", 0, 1, True, True,
           "The mean, by multiplication, of how pure and how complete the joined pairs are.",
           "Fowlkes and Mallows (1983)"),
    Metric("homogeneity", "homogeneity", 0, 1, True, True,
           "1 when every cluster holds images of one class only.",
           "Rosenberg and Hirschberg (2007)"),
    Metric("completeness", "completeness", 0, 1, True, True,
           "1 when all images of a class are in the same cluster.",
           "Rosenberg and Hirschberg (2007)"),
    Metric("v_measure", "V-measure", 0, 1, True, True,
           "Homogeneity and completeness in one figure: high only when both are.",
           "Rosenberg and Hirschberg (2007), beta = 1"),
    Metric("purity", "purity", 0, 1, True, True,
           "The share of images that belong to the most frequent class of their cluster.",
           "Manning, Raghavan and Schütze (2008), chapter 16"),
    Metric("entropy", "entropy", 0, None, False, True,
           "How mixed the classes are inside the clusters, in bits: 0 is not mixed at all.",
           "Zhao and Karypis (2004), mean over clusters weighted by size"),
    Metric("accuracy", "accuracy", 0, 1, True, True,
           "The share of images that are right when each cluster is given the class fitting best.",
           "Optimal one-to-one matching; Kuhn (1955)"),
    Metric("silhouette", "silhouette", -1, 1, True, False,
           "How much closer images are to their own cluster than to the next one: 1 is far apart.",
           "Rousseeuw (1987); noise and outliers left out"),
    Metric("davies_bouldin", "Davies-Bouldin", 0, None, False, False,
           "How wide the clusters are against how far apart their centres lie: small is good.",
           "Davies and Bouldin (1979); noise and outliers left out"),
    Metric("calinski_harabasz", "Calinski-Harabasz", 0, None, True, False,
           "How spread the centres are against the spread inside the clusters: large is good.",
           "Caliński and Harabasz (1974); noise and outliers left out"),
)  # fmt: skip


def compute(
    classes: np.ndarray | None,
    labels: np.ndarray,
    X: np.ndarray,
    seed: int = 0,
    silhouettes: np.ndarray | None = None,
) -> dict[str, float | None]:
    """Every metric of one clustering, in the order of `METRICS`; None where it is undefined.

    Label-based metrics are over all images that have a class, noise being one more group and
    outliers another. Silhouette, Davies-Bouldin and Calinski-Harabasz leave both out and need
    2 clusters or more, and more images than clusters.

    Parameters
    ----------
    classes : (n,) int, `UNLABELLED` for an image without a class; None when none has one
    labels : (n,) int, `NOISE` and `OUTLIER` for images in no cluster
    X : (n, m) float, the space the distances are measured in
    seed : draws the sample of the silhouette when there are more than 10,000 images
    silhouettes : what `silhouette_values` gave, where it is known already

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [9.0], [10.0]])
    >>> scores = compute(np.array([0, 0, 1, 1]), np.array([0, 0, 1, -1]), X)
    >>> scores["coverage"], scores["homogeneity"], scores["accuracy"]
    (0.75, 1.0, 0.75)
    """
    labels = np.asarray(labels)
    values: dict[str, float | None] = dict.fromkeys(metric.name for metric in METRICS)
    kept = labels >= 0
    if len(labels):
        values["coverage"] = float(kept.mean())
    if classes is not None and (np.asarray(classes) != UNLABELLED).any():
        values |= agreement(contingency(classes, labels).counts)
    if 2 <= len(np.unique(labels[kept])) < kept.sum():
        measured = silhouette_values(X, labels, seed) if silhouettes is None else silhouettes
        measured = measured[~np.isnan(measured)]
        values["silhouette"] = float(measured.mean()) if len(measured) else None
        values |= _spread(np.asarray(X)[kept].astype(np.float64), labels[kept])
    return values


def silhouette_values(X: np.ndarray, labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """The silhouette of every row, from -1 to 1; NaN for noise and outliers.

    (b - a) / max(a, b), a being the mean distance to the rest of the row's own cluster and b
    that to the nearest other cluster; 0 for a row alone in its cluster, NaN where there is only
    one cluster. Of more than 10,000 rows in clusters a random 10,000 are measured against each
    other, and the rest is NaN. Rousseeuw (1987), https://doi.org/10.1016/0377-0427(87)90125-7

    Parameters
    ----------
    X : (n, m) float
    labels : (n,) int
    seed : draws the sample

    Returns
    -------
    (n,) float64

    Examples
    --------
    >>> silhouette_values(np.array([[0.0], [1.0], [10.0]]), np.array([0, 0, 1])).round(2).tolist()
    [0.9, 0.89, 0.0]
    """
    labels = np.asarray(labels)
    values = np.full(len(labels), np.nan)
    measured = np.flatnonzero(labels >= 0)
    if len(measured) > SILHOUETTE_ROWS:
        rng = np.random.default_rng(seed)
        measured = np.sort(rng.choice(measured, SILHOUETTE_ROWS, replace=False))
    names, own = np.unique(labels[measured], return_inverse=True)
    if len(names) < 2:
        return values
    rows = np.asarray(X)[measured].astype(np.float64)
    rows -= rows.mean(axis=0)  # distances from dot products lose digits far from the origin
    norms, ones = np.einsum("ij,ij->i", rows, rows)[:, None], np.ones((len(rows), 1))
    left, right = np.hstack([-2.0 * rows, norms, ones]), np.hstack([rows, ones, norms]).T
    member = np.eye(len(names))[own]
    sizes = member.sum(axis=0)
    for start in range(0, len(rows), 128):
        part = slice(start, min(start + 128, len(rows)))
        squared = left[part] @ right  # |x - y|^2 = -2 x.y + |x|^2 + |y|^2
        at = np.arange(part.start, part.stop)
        squared[at - start, at] = 0.0
        sums = np.sqrt(np.maximum(squared, 0.0, out=squared), out=squared) @ member
        values[measured[part]] = _silhouettes(sums, sizes, own[part])
    return values


def _silhouettes(sums: np.ndarray, sizes: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Silhouettes from the summed distances of some rows to every cluster."""
    at = np.arange(len(own))
    alone = sizes[own] == 1
    inside = sums[at, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[at, own] = np.inf
    outside = means.min(axis=1)
    larger = np.maximum(inside, outside)
    result = np.divide(outside - inside, larger, out=np.zeros(len(own)), where=larger > 0)
    result[alone] = 0.0
    return result


def _spread(X: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    """Davies-Bouldin and Calinski-Harabasz; None where the distances they divide by are 0."""
    names, own = np.unique(labels, return_inverse=True)
    k, n = len(names), len(X)
    centers = np.stack([X[own == i].mean(axis=0) for i in range(k)])
    squared = ((X - centers[own]) ** 2).sum(axis=1)
    within = float(squared.sum())
    sizes = np.bincount(own)
    between = float((sizes * ((centers - X.mean(axis=0)) ** 2).sum(axis=1)).sum())
    return {
        "davies_bouldin": _davies_bouldin(centers, np.bincount(own, np.sqrt(squared)) / sizes),
        "calinski_harabasz": between / within * (n - k) / (k - 1) if within > 0 else None,
    }


def _davies_bouldin(centers: np.ndarray, widths: np.ndarray) -> float | None:
    """Pairs of clusters whose centres coincide are left out, as scikit-learn does."""
    worst = np.zeros(len(centers))
    for i, center in enumerate(centers):
        apart = np.sqrt(((centers - center) ** 2).sum(axis=1))
        apart[apart == 0] = np.inf
        worst[i] = ((widths + widths[i]) / apart).max()
    return float(worst.mean()) if (centers != centers[0]).any() else None


def best_in(rows: Sequence[Mapping[str, float | None]], metric: str) -> list[int]:
    """Which rows are the best by a metric; equals all count, and a missing value never does.

    Examples
    --------
    >>> best_in([{"ami": 0.5}, {"ami": None}, {"ami": 0.9}, {"ami": 0.9}], "ami")
    [2, 3]
    """
    higher = next(m.higher_is_better for m in METRICS if m.name == metric)
    found = {i: v for i, row in enumerate(rows) if (v := row.get(metric)) is not None}
    if not found:
        return []
    best = max(found.values()) if higher else min(found.values())
    return [i for i, value in found.items() if value == best]
