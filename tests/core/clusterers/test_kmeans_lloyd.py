"""Our K-Means is scikit-learn's from the same start, and its history can be trusted."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, make_blobs

from core.clusterers.kmeans_lloyd import (
    KMeansLloyd,
    fit,
    initialize_centers,
    move_centers,
    nearest_cluster,
)
from core.errors import Cancelled
from core.events import Context


def empty_at_first() -> tuple[np.ndarray, np.ndarray]:
    """Three blobs, and a fourth centre so far away that no row is nearest to it."""
    X = make_blobs(90, centers=[[0, 0], [10, 0], [0, 10]], cluster_std=0.5, random_state=0)[0]
    return X, np.array([[0, 0], [1, 1], [2, 0], [500, 500.0]])


def from_rows(X: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Data and a start, with a little noise: which of two equally near centres wins is chance."""
    rng = np.random.default_rng(seed)
    X = X + rng.normal(scale=1e-3, size=X.shape)
    return X, X[rng.choice(len(X), k, replace=False)]


STARTS = {
    "iris": lambda: from_rows(load_iris().data, 3, 0),
    "digits": lambda: from_rows(load_digits().data, 10, 1),
    "far from the origin": lambda: from_rows(load_iris().data + 1e5, 4, 2),
    "wide": lambda: from_rows(np.random.default_rng(3).normal(size=(200, 300)), 8, 3),
    "an empty cluster": empty_at_first,
}


@pytest.mark.parametrize("name", STARTS)
def test_equal_to_scikit_learn_from_the_same_start(name):
    X, centers = STARTS[name]()
    theirs = KMeans(len(centers), algorithm="lloyd", init=centers, n_init=1).fit(X)
    ours = fit(X - X.mean(axis=0), centers - X.mean(axis=0))[-1]
    assert np.array_equal(ours.labels, theirs.labels_)
    assert ours.inertia == pytest.approx(theirs.inertia_, rel=1e-9)
    assert np.allclose(ours.centers + X.mean(axis=0), theirs.cluster_centers_)


def test_the_empty_cluster_gets_the_row_farthest_from_its_centre():
    X, centers = empty_at_first()
    labels, distances = nearest_cluster(X, centers)
    assert 3 not in labels
    assert np.array_equal(move_centers(X, labels, distances, centers)[3], X[distances.argmax()])
    assert set(fit(X, centers)[-1].labels) == {0, 1, 2, 3}


@pytest.mark.parametrize("max_iter", [1, 2, 300])
def test_stops_as_scikit_learn_does(max_iter):
    X, centers = STARTS["digits"]()
    theirs = KMeans(10, init=centers, n_init=1, max_iter=max_iter).fit(X)
    history = fit(X, centers, max_iter)
    assert len(history) - 1 == theirs.n_iter_
    assert history[-1].inertia == pytest.approx(theirs.inertia_, rel=1e-9)


def test_nearest_cluster_is_the_nearest_also_in_chunks(monkeypatch):
    monkeypatch.setattr("core.clusterers.kmeans_lloyd.CHUNK_VALUES", 50)
    rng = np.random.default_rng(0)
    X, centers = rng.normal(size=(101, 4)), rng.normal(size=(7, 4))
    squared = ((X[:, None] - centers) ** 2).sum(axis=2)
    labels, distances = nearest_cluster(X, centers)
    assert np.array_equal(labels, squared.argmin(axis=1))
    assert np.allclose(distances, squared.min(axis=1))


def test_k_means_plus_plus_spreads_the_centres_and_random_draws_rows():
    rng = np.random.default_rng(0)
    X = np.repeat([[0.0], [100.0], [200.0]], [98, 1, 1], axis=0)
    X[:98] += rng.normal(scale=0.01, size=(98, 1))
    spread = sum(np.ptp(initialize_centers(X, 3, rng)) > 150 for _ in range(50))
    at_random = sum(np.ptp(initialize_centers(X, 3, rng, "random")) > 150 for _ in range(50))
    assert spread == 50 and at_random < 10
    same = initialize_centers(np.ones((5, 2)), 3, rng)
    assert same.shape == (3, 2)


def test_history_is_of_one_piece():
    X = load_iris().data.astype(np.float32)
    partition = KMeansLloyd(n_clusters=4, init="random").cluster(X, Context(5))
    arrays = partition.arrays
    inertia, labels = arrays["history_inertia"], arrays["history_labels"]
    assert (np.diff(inertia) <= 1e-9).all()
    assert inertia[-1] == partition.about["inertia"]
    assert len(labels) == len(inertia) == partition.about["iterations"] + 1
    assert np.array_equal(labels[-1], partition.labels)
    assert np.array_equal(arrays["history_centers"][-1], arrays["centers"])
    for step, centers in enumerate(arrays["history_centers"]):
        nearest, _ = nearest_cluster(X.astype(float), centers.astype(float))
        assert np.array_equal(labels[step], nearest)
        if step:
            before = labels[step - 1]
            means = [X[before == j].mean(axis=0) for j in range(4)]
            assert np.allclose(centers, means, atol=1e-4)


def test_more_starts_are_not_worse():
    X = load_digits().data.astype(np.float32)
    few, many = (
        KMeansLloyd(n_clusters=10, n_init=n).cluster(X, Context(0)).about["inertia"] for n in (1, 5)
    )
    best = KMeans(10, n_init=10, random_state=0).fit(X).inertia_
    assert many <= few
    assert many < best * 1.01


def test_a_listener_can_stop_it():
    def stop(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        KMeansLloyd(n_clusters=2).cluster(load_iris().data, Context(0, stop))
