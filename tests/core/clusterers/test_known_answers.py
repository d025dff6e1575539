"""Clusterers against scikit-learn, SciPy and published figures."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import dendrogram, is_valid_linkage
from sklearn import cluster as reference
from sklearn.datasets import load_digits, load_iris, make_blobs, make_moons
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.mixture import GaussianMixture

import core.clusterers.agglomerative as agglomerative
import core.clusterers.dbscan as dbscan
import core.clusterers.spectral as spectral
from core.errors import InputError
from core.events import Context
from core.registry import parse_clusterer
from core.types import NOISE

IRIS = load_iris().data.astype(np.float32)


def clustered(spec: str, X: np.ndarray, seed: int = 0):
    return parse_clusterer(spec).cluster(X, Context(seed))


def same(ours: np.ndarray, theirs: np.ndarray) -> bool:
    return adjusted_rand_score(ours, theirs) == 1 and np.array_equal(ours < 0, theirs < 0)


def test_ward_on_raw_digits_gives_the_published_figure():
    digits = load_digits()
    labels = clustered("agglomerative:n_clusters=10", digits.data.astype(np.float32)).labels
    assert adjusted_mutual_info_score(digits.target, labels) == pytest.approx(0.867, abs=0.001)


@pytest.mark.parametrize("linkage", ["ward", "average", "complete", "single"])
def test_agglomerative_equals_scikit_learn(linkage):
    X = np.random.default_rng(0).normal(size=(150, 3))
    for k in (2, 7, 40):
        ours = clustered(f"agglomerative:n_clusters={k},linkage={linkage}", X).labels
        assert same(ours, reference.AgglomerativeClustering(k, linkage=linkage).fit_predict(X))


def test_the_dendrogram_is_drawn_from_the_last_merges():
    partition = clustered("agglomerative:n_clusters=3", IRIS)
    merges, sizes = partition.arrays["merges"], partition.arrays["leaf_sizes"]
    assert merges.shape == (29, 4) and is_valid_linkage(merges)
    assert sizes.sum() == 150 and merges[-1, 3] == 30
    drawn = dendrogram(merges, no_plot=True)
    assert sorted(drawn["leaves"]) == list(range(30))
    of_clusters = np.bincount(partition.arrays["leaf_clusters"], sizes)
    assert np.array_equal(of_clusters, np.bincount(partition.labels))
    full = agglomerative.cut(merges, 3)
    assert same(full, partition.arrays["leaf_clusters"])


def test_few_rows_and_equal_heights_are_cut_exactly():
    X = np.array([[0.0], [1], [2], [3]])
    for k in (2, 3, 4):
        assert len(np.unique(clustered(f"agglomerative:n_clusters={k}", X).labels)) == k
    assert clustered("agglomerative:n_clusters=2", X).arrays["merges"].shape == (3, 4)


@pytest.mark.parametrize("module", [agglomerative, spectral])
def test_too_many_rows_are_refused_with_a_way_out(module, monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 100)
    name = module.__name__.rsplit(".", 1)[1]
    with pytest.raises(InputError, match=f"^{name}: images: got 150, allowed is at most 100. Use "):
        clustered(f"{name}:n_clusters=3", IRIS)


def test_kmeans_equals_scikit_learn():
    theirs = reference.KMeans(3, n_init=10, random_state=7).fit(IRIS)
    ours = clustered("kmeans:n_clusters=3", IRIS, 7)
    assert same(ours.labels, theirs.labels_)
    assert ours.about["inertia"] == pytest.approx(theirs.inertia_)


def test_minibatch_kmeans_comes_near_kmeans():
    X = make_blobs(3000, centers=8, n_features=5, random_state=0)[0].astype(np.float32)
    whole, batches = (clustered(f"{m}:n_clusters=8", X) for m in ("kmeans", "minibatch_kmeans"))
    assert adjusted_rand_score(whole.labels, batches.labels) > 0.95
    assert batches.about["inertia"] < 1.05 * whole.about["inertia"]


def test_gaussian_mixture_equals_scikit_learn_and_finds_stretched_groups():
    X, truth = make_blobs(400, centers=[[0, 0], [0, 6]], random_state=0)
    X *= [4, 1]
    ours = clustered("gaussian_mixture:n_clusters=2", X.astype(np.float32))
    theirs = GaussianMixture(2, n_init=10, random_state=0).fit_predict(X.astype(np.float32))
    assert same(ours.labels, theirs)
    assert adjusted_rand_score(truth, ours.labels) > 0.95
    assert adjusted_rand_score(truth, clustered("kmeans:n_clusters=2", X).labels) < 0.5
    assert (ours.arrays["probability"] >= 0.5).all()


def test_gaussian_mixture_refuses_a_covariance_that_is_too_large():
    X = np.zeros((5, 1001), np.float32)
    with pytest.raises(InputError, match=r"=full: got 1001, .*covariance_type=diag"):
        clustered("gaussian_mixture:n_clusters=2", X)
    clustered("gaussian_mixture:n_clusters=2,covariance_type=diag", X)


@pytest.mark.parametrize("n", [150, 600])
def test_spectral_parts_the_moons(n):
    X, truth = make_moons(n, noise=0.05, random_state=0)
    labels = clustered("spectral:n_clusters=2,n_neighbors=7", X.astype(np.float32)).labels
    assert adjusted_rand_score(truth, labels) == 1
    assert adjusted_rand_score(truth, clustered("kmeans:n_clusters=2", X).labels) < 0.6


def test_dbscan_equals_scikit_learn():
    for eps, min_samples in ((0.5, 5), (0.8, 3), (0.2, 10)):
        ours = clustered(f"dbscan:eps={eps},min_samples={min_samples}", IRIS)
        theirs = reference.DBSCAN(eps=eps, min_samples=min_samples).fit_predict(IRIS)
        assert same(ours.labels, theirs)
        assert ours.notes == () and ours.about == {"eps": eps, "eps_chosen": False}


def test_dbscan_proposes_a_radius_at_the_bend():
    X, truth = make_blobs(400, centers=4, cluster_std=0.4, random_state=3)
    X = np.vstack([X, np.random.default_rng(0).uniform(-40, 40, (15, 2))]).astype(np.float32)
    ours = clustered("dbscan", X)
    assert adjusted_rand_score(truth, ours.labels[:400]) > 0.95
    assert (ours.labels[400:] == NOISE).mean() > 0.8
    curve = ours.arrays["k_distance"]
    assert (np.diff(curve) >= 0).all() and curve[0] <= ours.about["eps"] <= curve[-1]
    assert "eps=" in ours.notes[0]
    again = clustered(f"dbscan:eps={ours.about['eps']!r}", X)
    assert np.array_equal(again.labels, ours.labels)


def test_the_knee_of_a_known_curve():
    x = np.linspace(0, 1, 1001)
    assert x[dbscan.knee(x**2)] == pytest.approx(0.5)  # where the slope is that of the line
    assert dbscan.knee(np.ones(4)) == 3


def test_dbscan_refuses_a_radius_that_fills_the_memory(monkeypatch):
    monkeypatch.setattr(dbscan, "MOST_PAIRS", 10_000)
    with pytest.raises(InputError, match=r"^dbscan: eps: got 9 \(150 neighbours an image\)"):
        clustered("dbscan:eps=9", IRIS)


def test_hdbscan_equals_scikit_learn():
    X = make_blobs(300, centers=4, random_state=1)[0]
    ours = clustered("hdbscan:min_cluster_size=10,min_samples=4", X)
    theirs = reference.HDBSCAN(min_cluster_size=10, min_samples=4, copy=True).fit_predict(X)
    assert same(ours.labels, theirs)
    assert clustered("hdbscan", X).about["min_cluster_size"] == 5
    assert clustered("hdbscan", np.repeat(X, 4, axis=0)).about["min_cluster_size"] == 12
