"""Balancing, splits and folds on hand-made labels: counts, groups, seeds, and a million rows."""

from __future__ import annotations

import time

import numpy as np
import pytest

from core.datasets.balance import balanced, folds, split
from core.errors import InputError

SHARES = (0.6, 0.2, 0.2)


def counts(labels, parts, n=3):
    return [np.bincount(parts[labels == c], minlength=n).tolist() for c in np.unique(labels)]


def torn(groups, parts):
    return [g for g in np.unique(groups) if len(set(parts[groups == g].tolist())) > 1]


def test_every_class_keeps_as_many_as_the_smallest():
    labels = np.repeat([0, 1, 2], [1477, 553, 231])
    keep = balanced(labels, None, seed=3)
    assert np.bincount(labels[keep]).tolist() == [231, 231, 231]
    assert keep[labels == 2].all()
    assert (keep == balanced(labels, None, seed=3)).all()
    assert (keep != balanced(labels, None, seed=4)).any()
    chosen = np.flatnonzero(keep[:1477])
    assert 600 < chosen.mean() < 870  # not simply the first


def test_balancing_keeps_groups_whole_where_they_fit():
    labels = np.repeat([0, 1], [400, 101])
    groups = np.concatenate([np.arange(400) // 2, 1000 + np.arange(101)])
    for seed in range(5):
        keep = balanced(labels, groups, seed)
        assert np.bincount(labels[keep]).tolist() == [101, 101]
        assert len(torn(groups, keep)) == 1  # pairs cannot make 101, so one is torn


def test_nothing_is_balanced_to_nothing():
    assert balanced(np.zeros(0, int), None, 0).tolist() == []


def test_most_bounds_every_class_and_leaves_smaller_ones():
    labels = np.repeat([0, 1, 2], [50, 20, 5])
    assert np.bincount(labels[balanced(labels, None, 0, most=10)]).tolist() == [10, 10, 5]


def test_a_split_has_the_shares_of_every_class():
    labels = np.repeat([0, 1], [231, 150])
    parts = split(labels, None, SHARES, seed=0)
    assert parts.dtype == np.int8 and parts.shape == labels.shape
    assert counts(labels, parts) == [[139, 46, 46], [90, 30, 30]]
    assert (parts == split(labels, None, (60, 20, 20), seed=0)).all()
    assert (parts != split(labels, None, SHARES, seed=1)).any()


def test_the_order_of_the_rows_within_a_class_is_no_pattern():
    parts = split(np.zeros(1000, int), None, SHARES, seed=0)
    for part in range(3):
        assert 400 < np.flatnonzero(parts == part).mean() < 600


def test_equal_groups_stay_together_across_classes_too():
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 4, 600), rng.integers(0, 250, 600)
    parts = split(labels, groups, SHARES, seed=0)
    assert torn(groups, parts) == []
    for have in counts(labels, parts):
        assert np.abs(np.array(have) / sum(have) - SHARES).max() < 0.06


@pytest.mark.parametrize("sizes", [[3, 3, 3], [10, 1, 1], [5, 5, 1], [1, 1, 1], [9, 9, 9, 1]])
def test_three_groups_are_in_three_splits(sizes):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    parts = split(np.zeros(len(groups), int), groups, SHARES, seed=0)
    assert set(parts.tolist()) == {0, 1, 2}
    assert torn(groups, parts) == []


def test_too_few_for_three_splits_go_to_training_first():
    assert split(np.array([5]), None, SHARES, 0).tolist() == [0]
    assert sorted(split(np.array([5, 5]), None, SHARES, 0).tolist())[0] == 0
    assert split(np.zeros(0, int), None, SHARES, 0).tolist() == []


def test_a_share_of_nothing_gets_nothing():
    labels = np.repeat([0, 1], [3, 30])
    assert counts(labels, split(labels, None, (80, 0, 20), 0)) == [[2, 0, 1], [24, 0, 6]]
    assert set(split(labels, None, (1, 0, 0), 0).tolist()) == {0}


@pytest.mark.parametrize("shares", [(0, 1, 1), (1, -1, 1), (float("nan"), 1, 1), (1, 1)])
def test_wrong_shares_are_refused(shares):
    with pytest.raises(InputError, match="60,20,20"):
        split(np.zeros(3, int), None, shares, 0)


def test_folds_are_equal_stratified_and_keep_groups():
    labels = np.repeat([0, 1, 2], [52, 33, 17])
    parts = folds(labels, None, 5, seed=1)
    assert np.ptp(np.bincount(parts)) <= 1
    for have in counts(labels, parts, 5):
        assert np.ptp(have) <= 1
    groups = np.arange(102) // 3
    assert torn(groups, folds(labels, groups, 5, seed=1)) == []
    for k in (1, 0, 101):
        with pytest.raises(InputError, match="folds"):
            folds(labels, None, k, 0)


def test_names_serve_as_labels_and_groups():
    labels = np.array(["a", "a", "b", "b"] * 5)
    groups = np.array([f"g{i}" for i in range(20)])
    assert counts(labels, split(labels, groups, SHARES, 0)) == [[6, 2, 2], [6, 2, 2]]


def test_the_work_grows_with_the_rows_alone():
    labels = np.random.default_rng(0).integers(0, 1000, 60_000)
    groups = np.arange(60_000) // 2 * 2
    begin = time.process_time()
    split(labels, groups, SHARES, 0)
    balanced(labels, groups, 0)
    assert time.process_time() - begin < 15  # a quadratic step would take minutes
