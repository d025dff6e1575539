"""Exact neighbours, and rows placed among them."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from core import neighbors
from core.neighbors import nearest
from core.placing import place


def test_nearest_equals_scikit_learn_in_chunks_and_far_from_the_origin(monkeypatch):
    monkeypatch.setattr(neighbors, "CHUNK_BYTES", 4 * 300 * 17)
    rng = np.random.default_rng(0)
    X, Q = rng.normal(size=(300, 5)) + 1000, rng.normal(size=(40, 5)) + 1000
    distances, indices = NearestNeighbors(n_neighbors=6).fit(X).kneighbors(Q)
    ours = nearest(X, 6, Q)
    assert np.array_equal(ours[0], indices) and np.allclose(ours[1], distances, atol=1e-3)
    done = []
    ours = nearest(X, 6, report=lambda n, total: done.append((n, total)))
    distances, indices = NearestNeighbors(n_neighbors=6).fit(X).kneighbors(X)
    assert np.array_equal(ours[0], indices) and np.allclose(ours[1], distances, atol=1e-3)
    assert done[0] == (17, 300) and done[-1] == (300, 300)


def test_a_row_is_its_own_first_neighbour_even_among_duplicates():
    X = np.repeat([[1.0, 2.0], [3.0, 4.0]], 5, axis=0)
    indices, distances = nearest(X, 3)
    assert indices[:, 0].tolist() == list(range(10))
    assert (distances == 0).all() and (indices // 5 == np.arange(10)[:, None] // 5).all()


def test_placed_rows_lie_where_their_neighbours_are():
    rng = np.random.default_rng(1)
    X = rng.uniform(size=(500, 2)).astype(np.float32)
    embedding = X @ np.array([[2.0, 0, 1], [0, 3.0, 1]], np.float32)
    new = rng.uniform(0.2, 0.8, (20, 2)).astype(np.float32)
    placed = place(X, embedding, new)
    assert placed.dtype == np.float32 and placed.shape == (20, 3)
    assert np.abs(placed - new @ np.array([[2.0, 0, 1], [0, 3.0, 1]])).max() < 0.3
    assert np.array_equal(place(X, embedding, X[:7]), embedding[:7])


def test_few_fitted_rows_and_no_new_ones():
    X, embedding = np.zeros((1, 4)), np.array([[5.0, 6.0]])
    assert place(X, embedding, np.ones((2, 4))).tolist() == [[5, 6], [5, 6]]
    assert place(X, embedding, np.empty((0, 4))).shape == (0, 2)
