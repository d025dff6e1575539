"""Which images stand for a cluster, on hand-made cases."""

from __future__ import annotations

import numpy as np

from core.examples import best_cluster, in_turn, misfits, neighbours
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


def test_near_ones_are_told_apart_among_large_values_and_ties_keep_their_order() -> None:
    rng = np.random.default_rng(0)
    X = (10_000 + rng.integers(0, 9, (5000, 40))).astype(np.float32)
    X[4000] = X[17] = X[3]
    exact = np.square(X.astype(np.float64) - X[3]).sum(axis=1)
    exact[3] = np.inf
    wanted = np.argsort(exact, kind="stable")[:50]
    assert neighbours(X, 3, 50).tolist() == wanted.tolist()
    assert wanted[:2].tolist() == [17, 4000]
    assert neighbours(X[:1], 0, 6).tolist() == []


def test_classes_take_turns() -> None:
    classes = np.random.default_rng(0).integers(-1, 7, 300)
    groups = [np.flatnonzero(classes == c) for c in np.unique(classes)]
    wanted = [int(g[i]) for i in range(300) for g in groups if i < len(g)]
    assert in_turn(classes).tolist() == wanted
