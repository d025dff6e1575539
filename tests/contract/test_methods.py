"""One suite over every clusterer, reducer and outlier detector."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from core import registry
from core.components import Clusterer, Component, OutlierDetector, Reducer
from core.errors import InputError
from core.events import Context
from core.types import NOISE

KINDS = ("clusterer", "reducer", "outliers")
ALL = [(kind, name) for kind in KINDS for name in registry.components(kind)]
CLUSTERERS = list(registry.components("clusterer"))
WITH_K = [c for c in CLUSTERERS if hasattr(registry.find("clusterer", c), "n_clusters")]


def made(kind: str, name: str, **values: object) -> Component:
    """The component, with k = 2 where it has one and no other is given."""
    cls = registry.find(kind, name)
    if any(p.name == "n_clusters" for p in cls.params()):
        values = {"n_clusters": 2, **values}
    return registry.create(kind, name, values)


def applied(component: Component, X: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Every array that comes out, checked for what holds for any input."""
    context, before = Context(seed), X.copy()
    if isinstance(component, OutlierDetector):
        out = {"mask": component.outliers(X, context)}
        assert out["mask"].dtype == bool and out["mask"].shape == (len(X),)
        assert out["mask"].sum() <= 0.5 * len(X)
    elif isinstance(component, Reducer):
        out = {"values": component.reduce(X, context)}
        assert out["values"].dtype == np.float32 and out["values"].ndim == 2
        assert len(out["values"]) == len(X) and out["values"].shape[1] >= 1
    else:
        assert isinstance(component, Clusterer)
        partition = component.cluster(X, context)
        json.dumps(dict(partition.about), allow_nan=False)
        out = {"labels": partition.labels, **partition.arrays}
        check_labels(partition.labels, len(X), component.finds_noise)
    for name, array in out.items():
        assert array.dtype.kind != "f" or np.isfinite(array).all(), name
    assert np.array_equal(X, before), "the input was changed"
    return out


def check_labels(labels: np.ndarray, n: int, finds_noise: bool) -> None:
    assert labels.dtype == np.int32 and labels.shape == (n,)
    assert labels.min() >= (NOISE if finds_noise else 0)
    sizes = np.bincount(labels[labels >= 0])
    assert (sizes > 0).all() and (np.diff(sizes) <= 0).all(), "the largest cluster is 0"


def blobs(n: int = 120, d: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % 3
    return (rng.normal(size=(n, d)) + 20 * np.eye(3, d)[classes]).astype(np.float32), classes


def test_there_is_what_the_design_names():
    assert set(CLUSTERERS) == {
        "kmeans_lloyd", "kmeans", "minibatch_kmeans", "agglomerative", "dbscan", "hdbscan",
        "gaussian_mixture", "spectral",
    }  # fmt: skip
    assert set(registry.components("reducer")) == {"none", "pca", "tsne", "umap"}
    assert set(registry.components("outliers")) == {
        "none", "isolation_forest", "local_outlier_factor",
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_declaration(kind, name):
    cls = registry.find(kind, name)
    assert cls().spec() == name
    assert cls.summary.endswith(".") and len(cls.summary) <= 90
    for p in cls.params():
        assert p.label and p.help.endswith("."), p.name
        assert p.type in (bool, str, int, float)
        assert p.choices or p.type is bool or (p.low is not None and p.high is not None), p.name


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_spec_round_trip(kind, name):
    changed = {}
    for p in registry.find(kind, name).params():
        if p.type is bool:
            changed[p.name] = not p.default
        elif p.choices:
            changed[p.name] = next(c for c in p.choices if c != p.default)
        else:
            changed[p.name] = p.low if p.default != p.low else p.high
    component = registry.create(kind, name, changed)
    assert registry.parse(kind, component.spec()) == component
    json.dumps(component.identity(0))


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_same_bytes_twice_and_on_a_read_only_map(kind, name, tmp_path):
    X, _ = blobs()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    first, second = applied(made(kind, name), X, 3), applied(made(kind, name), mapped, 3)
    assert first.keys() == second.keys()
    for key, array in first.items():
        assert array.tobytes() == second[key].tobytes(), key


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_the_seed_counts_only_where_it_is_said(kind, name):
    component, X = made(kind, name), blobs(60)[0]
    if not component.uses_seed:
        a, b = applied(component, X, 1), applied(component, X, 2)
        assert all(a[key].tobytes() == b[key].tobytes() for key in a)
        assert component.identity(1) == component.identity(2)
    else:
        assert component.identity(1) != component.identity(2)


@pytest.mark.parametrize("n", [2, 3, 5, 11])
@pytest.mark.parametrize(("kind", "name"), ALL)
def test_few_rows(kind, name, n):
    applied(made(kind, name), blobs(n)[0])
    applied(made(kind, name), blobs(n, d=3)[0][:, :1])


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_rows_all_the_same(kind, name):
    for value in (0.0, 0.1):
        out = applied(made(kind, name), np.full((30, 4), value, np.float32))
        if "labels" in out:
            assert len(np.unique(out["labels"])) <= 2
        if "mask" in out:
            assert not out["mask"].any()


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_duplicates_and_a_constant_column(kind, name):
    rows = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    rows[:, 2] = 7
    applied(made(kind, name), np.repeat(rows, 10, axis=0))
    applied(made(kind, name), np.repeat(rows[:2], [39, 1], axis=0))


@pytest.mark.parametrize("name", WITH_K)
def test_k_larger_than_n(name):
    with pytest.raises(InputError) as caught:
        made("clusterer", name, n_clusters=50).cluster(blobs(12)[0], Context())
    assert str(caught.value) == (
        "n_clusters: got 50, allowed is at most 12, the number of images that are left to cluster."
    )


@pytest.mark.parametrize("name", WITH_K)
def test_k_not_settled(name):
    with pytest.raises(InputError, match="n_clusters: got auto, allowed is a whole number from 2"):
        made("clusterer", name, n_clusters=None).cluster(blobs(12)[0], Context())


@pytest.mark.parametrize("name", [c for c in WITH_K if c != "minibatch_kmeans"])
def test_k_equal_to_n(name):
    X, _ = blobs(12)
    assert sorted(applied(made("clusterer", name, n_clusters=12), X)["labels"]) == list(range(12))


@pytest.mark.parametrize("name", CLUSTERERS)
def test_separate_blobs_are_found(name):
    X, classes = blobs(300)
    values = {"n_clusters": 3} if name in WITH_K else {}
    out = applied(made("clusterer", name, **values), X)
    inside = out["labels"] >= 0
    assert inside.mean() > 0.9
    assert adjusted_rand_score(classes[inside], out["labels"][inside]) == 1


@pytest.mark.parametrize("name", CLUSTERERS)
def test_centers_follow_the_numbers_of_the_clusters(name):
    X, _ = blobs(100)
    values = {"n_clusters": 3} if name in WITH_K else {}
    out = applied(made("clusterer", name, **values), X)
    if "centers" in out:
        means = [X[out["labels"] == j].mean(axis=0) for j in range(3)]
        assert np.allclose(out["centers"], means, atol=0.5)


@pytest.mark.parametrize("name", [r for r in registry.components("reducer") if r != "none"])
def test_reducers_draw_the_map_and_keep_blobs_apart(name):
    X, classes = blobs()
    reducer = registry.find("reducer", name)().for_map()
    assert isinstance(reducer, Reducer) and dataclasses.asdict(reducer)["n_components"] == 3
    Y = applied(reducer, X)["values"]
    assert Y.shape == (len(X), 3)
    distance = np.linalg.norm(Y[:, None] - Y[None], axis=2) + np.diag(np.full(len(X), np.inf))
    assert (classes[distance.argmin(axis=1)] == classes).mean() > 0.95


def test_no_reduction_draws_no_map():
    assert registry.parse_reducer("none").for_map() is None


@pytest.mark.parametrize("name", [o for o in registry.components("outliers") if o != "none"])
def test_planted_outliers_are_found(name):
    X, _ = blobs(95)
    far = np.random.default_rng(1).normal(scale=200, size=(5, X.shape[1])).astype(np.float32)
    mask = applied(made("outliers", name), np.vstack([X, far]))["mask"]
    assert np.flatnonzero(mask).tolist() == [95, 96, 97, 98, 99]
