"""Rows chosen for training: classes made equal, shares and folds that tear no group apart.

A group is a set of rows that must stay together, above all files of the same content: a copy of
a training image in the test split would flatter every figure. As in scikit-learn's
StratifiedGroupKFold, groups are dealt one by one, the largest first, to where most is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.errors import input_error

SPLITS = ("train", "validation", "test")
_MAX_FOLDS = 100


def balanced(
    labels: np.ndarray, groups: np.ndarray | None, seed: int, most: int | None = None
) -> np.ndarray:
    """Which rows to keep so that every class has as many as the smallest.

    The rows of a class are chosen by the seed, whole groups as long as they fit.

    Parameters
    ----------
    labels : (n,) class of each row
    groups : (n,) equal values belong together; None where every row stands alone
    seed : of the choice
    most : an upper bound on the rows of a class; without it the size of the smallest class

    Returns
    -------
    (n,) bool

    Examples
    --------
    >>> balanced(np.array([0, 0, 0, 0, 1, 1]), None, seed=0).tolist().count(True)
    4
    """
    label, group = _numbers(labels, groups)
    counts = np.bincount(label)
    wanted = most if most is not None else int(counts.min()) if len(counts) else 0
    keep = np.zeros(len(label), bool)
    for c, rows in enumerate(_rows_by(label, len(counts))):
        keep[rows[_chosen(group[rows], wanted, np.random.default_rng([seed, c]))]] = True
    return keep


def split(
    labels: np.ndarray,
    groups: np.ndarray | None,
    shares: tuple[float, float, float],
    seed: int,
) -> np.ndarray:
    """Deal rows to training, validation and test, each class by the shares.

    A class with three groups or more has at least one in every split whose share is not 0 (a
    group of several classes counts for its rarest); one with two is in two splits.

    Parameters
    ----------
    labels : (n,) class of each row
    groups : (n,) equal values stay together; None where every row stands alone
    shares : of training, validation and test; any numbers of at least 0, the first more than 0
    seed : of the order in which they are dealt

    Returns
    -------
    (n,) int8, the position in `SPLITS`

    Raises
    ------
    InputError
        When the shares are not as above.

    Examples
    --------
    >>> parts = split(np.repeat([0, 1], 10), None, (60, 20, 20), seed=0)
    >>> np.bincount(parts[:10]).tolist()
    [6, 2, 2]
    """
    fine = len(shares) == 3 and all(0 <= s < float("inf") for s in shares) and shares[0] > 0
    if not fine:
        raise input_error(
            "shares", ",".join(f"{s:g}" for s in shares),
            "three numbers of at least 0, the first more than 0, as in 60,20,20",
        )  # fmt: skip
    return _dealt(labels, groups, shares, seed)


def folds(labels: np.ndarray, groups: np.ndarray | None, k: int, seed: int) -> np.ndarray:
    """Deal rows to k folds of equal size, with equal shares of every class; groups stay whole.

    Returns (n,) int8 from 0 to k - 1. Raises `InputError` for a k that is not from 2 to 100.

    Examples
    --------
    >>> np.bincount(folds(np.repeat([0, 1], 10), None, 5, seed=0)).tolist()
    [4, 4, 4, 4, 4]
    """
    if not 2 <= k <= _MAX_FOLDS:
        raise input_error("folds", k, f"a whole number from 2 to {_MAX_FOLDS}")
    return _dealt(labels, groups, [1.0] * k, seed)


def _numbers(labels: np.ndarray, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Labels and groups as numbers from 0."""
    label = np.unique(labels, return_inverse=True)[1].reshape(-1)
    if groups is None:
        return label, np.arange(len(label))
    return label, np.unique(groups, return_inverse=True)[1].reshape(-1)


def _rows_by(values: np.ndarray, n: int) -> list[np.ndarray]:
    """The positions of each of the values 0 to n - 1."""
    order = np.argsort(values, kind="stable")
    return np.split(order, np.searchsorted(values[order], np.arange(1, n))) if n else []


def _chosen(group: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of at most `wanted` rows: whole groups in random order, then what fits of one."""
    if len(group) <= wanted:
        return np.arange(len(group))
    own = np.unique(group, return_inverse=True)[1]
    members = _rows_by(own, int(own.max()) + 1)
    taken: list[np.ndarray] = []
    spare: list[np.ndarray] = []
    room = wanted
    for g in rng.permutation(len(members)):
        fits = len(members[g]) <= room
        (taken if fits else spare).append(members[g])
        room -= len(members[g]) if fits else 0
    if room:
        taken.append(spare[0][:room])  # a group that does not fit is torn, or too few are kept
    return np.concatenate(taken) if taken else np.arange(0)


def _dealt(
    labels: np.ndarray, groups: np.ndarray | None, shares: Sequence[float], seed: int
) -> np.ndarray:
    """The part of each row. Classes with few groups first, as they have the least choice."""
    label, group = _numbers(labels, groups)
    if not len(label):
        return np.zeros(0, np.int8)
    pairs, times = np.unique(np.stack([group, label], axis=1), axis=0, return_counts=True)
    n_groups = np.bincount(pairs[:, 1])  # of each class
    size = np.bincount(group)
    order = np.lexsort((pairs[:, 1], n_groups[pairs[:, 1]], pairs[:, 0]))
    begin = np.searchsorted(pairs[order, 0], np.arange(len(size)))
    home = pairs[order[begin], 1]  # of a group with several classes: its rarest
    share = np.asarray(shares, float) / sum(shares)
    need = np.bincount(label)[:, None] * share
    part = np.zeros(len(size), np.int8)
    holds = _holdings(pairs, times, begin, order)
    homes = _rows_by(home, len(n_groups))
    empty = np.repeat((share > 0)[None], len(n_groups), axis=0)
    rank = np.zeros(len(share))  # a tie goes to the part with the fewest rows so far
    for c in np.argsort(n_groups, kind="stable"):
        mine = np.random.default_rng([seed, int(c)]).permutation(homes[c])
        mine = mine[np.argsort(-size[mine], kind="stable")]
        for left, g in zip(range(len(mine), 0, -1), mine.tolist(), strict=True):
            part[g] = p = _neediest(need[c], empty[c], rank, left)
            for other, rows in holds.get(g, ((c, size[g]),)):
                need[other, p] -= rows
                empty[other, p] = False
            rank[p] += size[g]
    return part[group]


def _holdings(
    pairs: np.ndarray, times: np.ndarray, begin: np.ndarray, order: np.ndarray
) -> dict[int, list[tuple[int, int]]]:
    """The classes of each group that has several, with how many rows are in each."""
    end = np.append(begin[1:], len(pairs))
    mixed = np.flatnonzero(end - begin > 1).tolist()
    return {g: [(int(pairs[k, 1]), int(times[k])) for k in order[begin[g] : end[g]]] for g in mixed}


def _neediest(need: np.ndarray, empty: np.ndarray, rank: np.ndarray, left: int) -> int:
    """Where the next of `left` groups of a class goes."""
    parts = range(len(need))
    if left <= int(empty.sum()):  # just enough for every empty part to get one
        parts = np.flatnonzero(empty).tolist()  # type: ignore[assignment]
    return max(parts, key=lambda p: (round(float(need[p]), 6), -float(rank[p])))
