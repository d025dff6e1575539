"""Which images stand for a cluster, on hand-made cases."""

from __future__ import annotations

import numpy as np

from core.examples import best_cluster, misfits, neighbours
from core.types import UNLABELLED


def test_the_nearest_come_first_and_the_row_itself_never() -> None:
    X = np.array([[0.0, 0.0], [3.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    assert neighbours(X, 0, 2).tolist() == [2, 3]
    assert neighbours(X, 0, 99).tolist() == [2, 3, 1]


def test_misfits_with_labels_are_of_another_class_than_most() -> None:
    members = np.array([4, 5, 6, 7])
    classes = np.array([9, 9, 9, 9, 1, 1, 2, UNLABELLED])
    silhouette = np.array([0.5, -0.5, 0.1, -0.9])
    assert misfits(members, classes, silhouette).tolist() == [6]


def test_misfits_without_labels_are_nearer_to_another_cluster() -> None:
    members = np.array([4, 5, 6])
    assert misfits(members, None, np.array([0.5, -0.5, np.nan])).tolist() == [5]


def test_the_best_cluster_is_the_purest_of_usual_size() -> None:
    labels = np.array([0] * 10 + [1] * 10 + [2] + [-1] * 5)
    classes = np.array([0] * 9 + [1] + [1] * 7 + [0] * 3 + [1] + [0] * 5)
    silhouette = np.concatenate([np.full(10, 0.1), np.full(10, 0.6), np.full(6, np.nan)])
    assert best_cluster(labels, classes, silhouette) == 0
    assert best_cluster(labels, None, silhouette) == 1
    assert best_cluster(np.full(4, -1), None, np.full(4, np.nan)) is None
