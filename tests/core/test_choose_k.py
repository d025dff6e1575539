"""The k with the best silhouette, on data where it is known."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_score

from core.choose_k import best_k
from core.clusterers.hdbscan import HDBSCAN
from core.clusterers.kmeans import KMeans
from core.errors import Cancelled
from core.events import Context
from core.registry import parse_clusterer


@pytest.mark.parametrize("name", ["kmeans", "agglomerative", "gaussian_mixture:n_init=1"])
def test_the_number_of_separate_blobs_is_found(name):
    X = make_blobs(300, centers=5, n_features=8, cluster_std=0.5, random_state=1)[0]
    partition, scores = best_k(parse_clusterer(name), X.astype(np.float32), Context(), high=9)
    assert list(scores) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert max(scores, key=scores.__getitem__) == 5 == len(np.unique(partition.labels))
    assert scores[5] == pytest.approx(silhouette_score(X, partition.labels), abs=1e-5)


def test_many_rows_are_tried_on_a_sample_and_all_are_clustered():
    X = make_blobs(2500, centers=3, cluster_std=0.3, random_state=2)[0].astype(np.float32)
    partition, scores = best_k(KMeans(n_init=1), X, Context(), high=6)
    assert partition.labels.shape == (2500,) and set(partition.labels) == {0, 1, 2}
    again, same = best_k(KMeans(n_init=1), X, Context(), high=6)
    assert same == scores and np.array_equal(again.labels, partition.labels)


def test_few_rows_bound_k_and_identical_rows_give_the_smallest():
    X = np.arange(8.0, dtype=np.float32).reshape(4, 2) ** 3
    assert list(best_k(KMeans(), X, Context())[1]) == [2, 3]
    assert best_k(KMeans(), X[:2], Context())[1] == {2: 0.0}
    partition, scores = best_k(KMeans(), np.ones((30, 2), np.float32), Context(), high=3)
    assert scores == {2: 0.0, 3: 0.0} and partition.about["n_clusters"] == 2


def test_a_method_without_k_is_left_alone():
    X = make_blobs(100, centers=3, cluster_std=0.3, random_state=0)[0].astype(np.float32)
    partition, scores = best_k(HDBSCAN(), X, Context())
    assert scores == {} and partition.labels.max() == 2


def test_progress_counts_the_k_tried_and_can_stop():
    seen = []

    def listen(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        best_k(KMeans(), np.random.default_rng(0).normal(size=(50, 2)), Context(0, listen), high=5)
    assert seen == [(1, 4), (2, 4)]
