"""What every clusterer needs: a checked k, and clusters numbered in one way."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from core.errors import input_error
from core.params import param
from core.types import NOISE, Partition

FEW_ROWS = 2_000
K_HELP = "How many groups to make; auto takes the number of classes, or the best silhouette."


def k_param() -> Any:
    """The declaration of `n_clusters`, the same for every method that has a k."""
    return param(None, "clusters", K_HELP, low=2, high=10_000, type=int)


def checked_k(n_clusters: int | None, n: int) -> int:
    """The number of clusters, or an `InputError` where it is not settled or more than `n`."""
    if n_clusters is None:
        raise input_error("n_clusters", "auto", f"a whole number from 2 to {n}", "Give a number.")
    if n_clusters > n:
        allowed = f"at most {n}, the number of images that are left to cluster"
        raise input_error("n_clusters", n_clusters, allowed)
    return n_clusters


def numbered(labels: np.ndarray, n_clusters: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Number clusters by size, the largest 0; equal ones by their first row.

    Parameters
    ----------
    labels : (n,) int, below 0 for noise
    n_clusters : how many there were before; by default the largest label and one more

    Returns
    -------
    labels : (n,) int32, from 0 without a gap, `NOISE` for noise
    order : (n_clusters,) the former number of each cluster, those without a row last

    Examples
    --------
    >>> numbered(np.array([7, 3, 3, -1]))[0].tolist()
    [1, 0, 0, -1]
    """
    labels = np.asarray(labels)
    inside = labels >= 0
    found, first, sizes = np.unique(labels[inside], return_index=True, return_counts=True)
    k = n_clusters or (int(found[-1]) + 1 if len(found) else 0)
    order = found[np.lexsort((first, -sizes))]
    order = np.concatenate([order, np.setdiff1d(np.arange(k), order)]).astype(np.int64)
    new = np.empty(k, np.int32)
    new[order] = np.arange(k)
    result = np.full(len(labels), NOISE, np.int32)
    result[inside] = new[labels[inside]]
    return result, order


def partition(
    labels: np.ndarray,
    about: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray] | None = None,
    per_cluster: Mapping[str, np.ndarray] | None = None,
    notes: tuple[str, ...] = (),
) -> Partition:
    """A `Partition` with its clusters numbered by size.

    `arrays` are kept as they are; those of `per_cluster` have a row a cluster, which follow the
    new numbers. Where `about` holds an `n_clusters` that was not reached, a note says so.
    """
    rows = {len(array) for array in (per_cluster or {}).values()}
    labels, order = numbered(labels, rows.pop() if rows else None)
    if "n_clusters" in about:
        notes += too_few(labels, about["n_clusters"])
    moved = {name: array[order] for name, array in (per_cluster or {}).items()}
    return Partition(labels, dict(about), {**(arrays or {}), **moved}, notes)


def too_few(labels: np.ndarray, k: int) -> tuple[str, ...]:
    """A note for people where fewer than `k` clusters came out of it."""
    n_found = int(labels.max(initial=NOISE)) + 1
    if n_found == k:
        return ()
    return (f"Only {n_found} of the {k} clusters hold images.",)


@contextlib.contextmanager
def repeatable(n: int) -> Iterator[None]:
    """Make scikit-learn's loops over `n` rows give the same bytes each time, without warnings.

    Its threads add up partial sums in the order in which they finish. Two threads are the most
    for which that order does not matter, since a + b = b + a. For few rows, threads cost more
    than they bring, and very much more on a busy machine.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits = 1 if n <= FEW_ROWS else {"openmp": 2}
    with threadpool_limits(limits), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
