"""How well groups agree with classes: every figure from one contingency table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.types import UNLABELLED


@dataclass(frozen=True)
class Contingency:
    """How many images of each class are in each group.

    Attributes
    ----------
    counts : (n_classes, n_groups) int64
    classes : (n_classes,) the class numbers of the rows, ascending
    groups : (n_groups,) the labels of the columns: clusters first, then noise, then outliers
    """

    counts: np.ndarray
    classes: np.ndarray
    groups: np.ndarray

    def matched(self) -> Contingency:
        """The same with the cluster that fits each class best below the class's place.

        Clusters without a class of their own follow, then noise, then outliers.

        >>> table = Contingency(np.array([[0, 5], [4, 1]]), np.array([0, 1]), np.array([0, 1]))
        >>> table.matched().groups.tolist()
        [1, 0]
        """
        from scipy.optimize import linear_sum_assignment

        n_clusters = int((self.groups >= 0).sum())
        _, taken = linear_sum_assignment(self.counts[:, :n_clusters], maximize=True)
        rest = np.setdiff1d(np.arange(len(self.groups)), taken)
        order = np.concatenate([taken, rest]).astype(int)
        return Contingency(self.counts[:, order], self.classes, self.groups[order])


def contingency(classes: np.ndarray, labels: np.ndarray) -> Contingency:
    """Count images by class and group; those without a class are left out.

    Parameters
    ----------
    classes : (n,) int, `UNLABELLED` for an image without a class
    labels : (n,) int, `NOISE` and `OUTLIER` being groups like the others

    Examples
    --------
    >>> contingency(np.array([0, 0, 1, -1]), np.array([0, -1, 0, 0])).counts.tolist()
    [[1, 1], [1, 0]]
    """
    classes, labels = np.asarray(classes), np.asarray(labels)
    known = classes != UNLABELLED
    rows, i = np.unique(classes[known], return_inverse=True)
    columns, j = np.unique(labels[known], return_inverse=True)
    flat = np.bincount(i * len(columns) + j, minlength=len(rows) * len(columns))
    counts = flat.reshape(len(rows), len(columns)).astype(np.int64)
    order = np.argsort(np.where(columns < 0, len(labels) - columns, columns), kind="stable")
    return Contingency(counts[:, order], rows, columns[order])


def agreement(counts: np.ndarray) -> dict[str, float]:
    """Every label-based metric of a table (n_classes, n_groups) that holds an image or more.

    Logarithms are natural, but for `entropy`, which is in bits.
    """
    return {**_information(counts), **_pairs(counts), **_matching(counts)}


def pair_counts(counts: np.ndarray) -> tuple[int, int, int, int]:
    """Pairs of images as (TP, FP, FN, TN), in whole numbers that cannot overflow.

    TP: same class and same group; FP: only the same group; FN: only the same class; TN: neither.

    Examples
    --------
    >>> pair_counts(np.array([[2, 1], [0, 1]]))
    (1, 1, 2, 2)
    """

    def pairs(sizes: np.ndarray) -> int:
        return sum(size * (size - 1) // 2 for size in sizes.ravel().tolist())

    n = int(counts.sum())
    both, same_group = pairs(counts), pairs(counts.sum(axis=0))
    same_class = pairs(counts.sum(axis=1))
    fp, fn = same_group - both, same_class - both
    return both, fp, fn, n * (n - 1) // 2 - both - fp - fn


def _pairs(counts: np.ndarray) -> Mapping[str, float]:
    """Rand (1971), Hubert and Arabie (1985), Jaccard, Fowlkes and Mallows (1983)."""
    tp, fp, fn, tn = pair_counts(counts)
    return {
        "ari": _ratio(2 * (tp * tn - fn * fp), (tp + fn) * (fn + tn) + (tp + fp) * (fp + tn)),
        "rand": _ratio(tp + tn, tp + fp + fn + tn),
        "jaccard": _ratio(tp, tp + fp + fn),
        "fowlkes_mallows": tp / (math.sqrt(tp + fp) * math.sqrt(tp + fn)) if tp else 0.0,
    }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _information(counts: np.ndarray) -> Mapping[str, float]:
    """Rosenberg and Hirschberg (2007); Vinh, Epps and Bailey (2010), arithmetic means."""
    n_classes, n_groups = counts.sum(axis=1), counts.sum(axis=0)
    h_class, h_group = _entropy(n_classes), _entropy(n_groups)
    mutual = _mutual_information(counts)
    mean = (h_class + h_group) / 2
    trivial = len(n_classes) == len(n_groups) == 1
    homogeneity = mutual / h_class if h_class else 1.0
    completeness = mutual / h_group if h_group else 1.0
    both = homogeneity + completeness
    return {
        "ami": 1.0 if trivial else _adjusted(mutual, mean, n_classes, n_groups),
        "nmi": 1.0 if trivial else mutual / mean,
        "mutual_info": mutual,
        "homogeneity": homogeneity,
        "completeness": completeness,
        "v_measure": 2 * homogeneity * completeness / both if both else 0.0,
        "entropy": max(h_class - mutual, 0.0) / math.log(2),
    }


def _entropy(sizes: np.ndarray) -> float:
    if len(sizes) < 2:
        return 0.0
    share = sizes / sizes.sum()
    return float(-(share * np.log(share)).sum())


def _mutual_information(counts: np.ndarray) -> float:
    """In nats: the sum of p(i, j) log(p(i, j) / p(i) p(j))."""
    if 1 in counts.shape:
        return 0.0
    n = counts.sum()
    i, j = np.nonzero(counts)
    cell = counts[i, j]
    outer = np.log(counts.sum(axis=1))[i] + np.log(counts.sum(axis=0))[j]
    value = float((cell / n * (np.log(cell) + np.log(n) - outer)).sum())
    return value if value > np.finfo(float).eps else 0.0


def _adjusted(mutual: float, mean: float, rows: np.ndarray, columns: np.ndarray) -> float:
    expected = _expected_mutual_information(rows, columns)
    eps = np.finfo(float).eps
    room = mean - expected
    room = min(room, -eps) if room < 0 else max(room, eps)
    return (mutual - expected) / room


def _expected_mutual_information(rows: np.ndarray, columns: np.ndarray) -> float:
    """What chance alone gives tables with these sums, in nats.

    Equation 24a of Vinh, Epps and Bailey (2010), https://jmlr.org/papers/v11/vinh10a.html:
    a cell of a row sum a and a column sum b is hypergeometric. Equal sums are done once, so
    there are at most about sqrt(2 n) steps of at most n terms.
    """
    n = int(rows.sum())
    log_factorial = np.fromiter((math.lgamma(i + 1) for i in range(n + 1)), float, n + 1)
    heights, height_counts = np.unique(rows, return_counts=True)
    widths, width_counts = np.unique(columns, return_counts=True)
    total = 0.0
    for a, times in zip(heights.tolist(), height_counts.tolist(), strict=True):
        first = np.maximum(1, a + widths - n)
        length = np.minimum(a, widths) - first + 1
        b = np.repeat(widths, length)
        start = np.repeat(np.cumsum(length) - length, length)
        cell = np.arange(len(b)) - start + np.repeat(first, length)
        log_chance = (
            (log_factorial[a] + log_factorial[n - a] - log_factorial[n])
            + (log_factorial[b] + log_factorial[n - b])
            - (log_factorial[cell] + log_factorial[a - cell])
            - (log_factorial[b - cell] + log_factorial[n - a - b + cell])
        )
        information = cell / n * (np.log(cell) + math.log(n) - math.log(a) - np.log(b))
        weight = np.repeat(width_counts, length)
        total += times * float((weight * information * np.exp(log_chance)).sum())
    return total


def _matching(counts: np.ndarray) -> Mapping[str, float]:
    """Purity, and accuracy after the best one-to-one matching (Kuhn, 1955)."""
    from scipy.optimize import linear_sum_assignment

    i, j = linear_sum_assignment(counts, maximize=True)
    n = int(counts.sum())
    return {
        "purity": int(counts.max(axis=0).sum()) / n,
        "accuracy": int(counts[i, j].sum()) / n,
    }
