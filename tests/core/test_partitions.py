"""Clusters are numbered in one way, by size and then by first row."""

import numpy as np

from core.partitions import numbered, partition
from core.types import NOISE


def test_largest_first_then_first_row_then_those_without_rows():
    labels, order = numbered(np.array([4, 2, 2, -1, 4, 0, 6, 6, 6]), 8)
    assert labels.tolist() == [1, 2, 2, NOISE, 1, 3, 0, 0, 0]
    assert order.tolist() == [6, 4, 2, 0, 1, 3, 5, 7]


def test_numbers_do_not_depend_on_the_numbers_before():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 9, 200)
    renamed = rng.permutation(9)[labels]
    assert np.array_equal(numbered(labels)[0], numbered(renamed)[0])


def test_nothing_but_noise():
    labels, order = numbered(np.array([-1, -1]))
    assert labels.tolist() == [-1, -1] and order.tolist() == []


def test_rows_of_clusters_follow_and_a_missing_cluster_is_said():
    made = partition(np.array([2, 2, 0]), {"n_clusters": 3}, per_cluster={"c": np.arange(3)})
    assert made.arrays["c"].tolist() == [2, 0, 1]
    assert made.notes == ("Only 2 of the 3 clusters hold images.",)
