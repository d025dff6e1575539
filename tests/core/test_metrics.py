"""Metrics against scikit-learn and against figures worked out by hand."""

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.metrics.cluster import expected_mutual_information, pair_confusion_matrix

import core.metrics
from core.agreement import _expected_mutual_information, agreement, pair_counts
from core.metrics import METRICS, best_in, compute, contingency, silhouette_values
from core.types import NOISE, OUTLIER, UNLABELLED

LABELLED = {
    "ami": reference.adjusted_mutual_info_score,
    "ari": reference.adjusted_rand_score,
    "rand": reference.rand_score,
    "nmi": reference.normalized_mutual_info_score,
    "mutual_info": reference.mutual_info_score,
    "fowlkes_mallows": reference.fowlkes_mallows_score,
    "homogeneity": reference.homogeneity_score,
    "completeness": reference.completeness_score,
    "v_measure": reference.v_measure_score,
}


def random_pair(n: int, n_classes: int, n_groups: int, seed: int, noise: float = 0.5):
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, n_classes, n)
    labels = np.where(rng.random(n) < noise, rng.integers(-2, n_groups, n), classes % n_groups)
    return classes, labels.astype(np.int32)


CASES = {
    "mixed": random_pair(500, 7, 9, 0),
    "chance": random_pair(300, 4, 5, 1, noise=1),
    "perfect": (np.arange(60) % 3, (np.arange(60) % 3).astype(np.int32)),
    "one group": (np.arange(20) % 4, np.zeros(20, np.int32)),
    "one class": (np.zeros(20, int), (np.arange(20) % 4).astype(np.int32)),
    "one of both": (np.zeros(5, int), np.zeros(5, np.int32)),
    "all alone": (np.arange(6), np.arange(6, dtype=np.int32)),
    "alone in one class": (np.zeros(6, int), np.arange(6, dtype=np.int32)),
    "one image": (np.zeros(1, int), np.zeros(1, np.int32)),
}


@pytest.mark.parametrize("name", LABELLED)
@pytest.mark.parametrize("case", CASES)
def test_label_based_metrics_equal_scikit_learn(case, name):
    classes, labels = CASES[case]
    value = compute(classes, labels, np.zeros((len(labels), 2)))[name]
    assert value == pytest.approx(LABELLED[name](classes, labels), abs=1e-10)


def test_by_hand():
    # Clusters {a a b}, {b b}, noise {c}, outlier {c}
    classes = np.array([0, 0, 1, 1, 1, 2, 2])
    labels = np.array([0, 0, 0, 1, 1, NOISE, OUTLIER])
    values = compute(classes, labels, np.arange(14.0).reshape(7, 2))
    assert values["coverage"] == pytest.approx(5 / 7)
    # Same cluster: 3 + 1 pairs. Same class: 1 + 3 + 1. Both: aa and the second cluster's bb.
    assert pair_counts(contingency(classes, labels).counts) == (2, 2, 3, 14)
    assert values["jaccard"] == pytest.approx(2 / 7)
    assert values["rand"] == pytest.approx(16 / 21)
    assert values["purity"] == pytest.approx((2 + 2 + 1 + 1) / 7)
    assert values["accuracy"] == pytest.approx((2 + 2 + 1) / 7)
    first = -(2 / 3 * np.log2(2 / 3) + 1 / 3 * np.log2(1 / 3))
    assert values["entropy"] == pytest.approx(3 / 7 * first)


def test_entropy_is_bits_in_the_clusters_and_accuracy_is_the_best_matching():
    classes, labels = CASES["mixed"]
    values = agreement(contingency(classes, labels).counts)
    expected = 0.0
    for group in np.unique(labels):
        share = np.bincount(classes[labels == group]) / (labels == group).sum()
        share = share[share > 0]
        expected -= (labels == group).mean() * (share * np.log2(share)).sum()
    assert values["entropy"] == pytest.approx(expected)
    swapped = np.array([2, 0, 1])[np.arange(30) % 3]
    swapped[:3] = 0
    assert compute(np.arange(30) % 3, swapped, np.zeros((30, 1)))["accuracy"] == 28 / 30


def test_names_order_and_ranges():
    assert [m.name for m in METRICS] == (
        "coverage ami ari rand nmi mutual_info jaccard fowlkes_mallows homogeneity completeness "
        "v_measure purity entropy accuracy silhouette davies_bouldin calinski_harabasz"
    ).split()
    rng = np.random.default_rng(0)
    for case in ("mixed", "chance", "perfect"):
        classes, labels = CASES[case]
        values = compute(classes, labels, rng.normal(size=(len(labels), 3)))
        assert list(values) == [m.name for m in METRICS]
        for metric in METRICS:
            assert metric.sentence.endswith(".") and len(metric.sentence) <= 95
            value = values[metric.name]
            assert type(value) is float
            assert metric.low is None or value >= metric.low
            assert metric.high is None or value <= metric.high + 1e-12


def test_pairs_of_100_000_images_do_not_overflow():
    classes, labels = random_pair(100_000, 20, 25, 0)
    tn, fp, fn, tp = (v // 2 for v in pair_confusion_matrix(classes, labels).ravel().tolist())
    assert pair_counts(contingency(classes, labels).counts) == (tp, fp, fn, tn)
    values = compute(classes, np.maximum(labels, 0) * 0, np.zeros((100_000, 1)))
    assert values["ari"] == 0 and values["rand"] == pytest.approx(1 / 20, abs=1e-3)


def test_expected_mutual_information_of_a_large_table():
    classes, labels = random_pair(20_000, 30, 400, 5)
    table = contingency(classes, labels).counts
    ours = _expected_mutual_information(table.sum(axis=1), table.sum(axis=0))
    assert ours == pytest.approx(expected_mutual_information(table, 20_000), abs=1e-10)
    scores = agreement(table)
    assert scores["ami"] == pytest.approx(LABELLED["ami"](classes, labels), abs=1e-10)


def test_images_without_a_class_are_left_out_of_what_needs_one():
    classes, labels = (a.copy() for a in CASES["mixed"])
    classes[:100] = UNLABELLED
    X = np.random.default_rng(0).normal(size=(500, 2))
    partly = compute(classes, labels, X)
    assert partly["ari"] == pytest.approx(LABELLED["ari"](classes[100:], labels[100:]))
    assert partly["coverage"] == (labels >= 0).mean()
    for none in (None, np.full(500, UNLABELLED)):
        values = compute(none, labels, X)
        for metric in METRICS:
            assert (values[metric.name] is None) == metric.needs_labels, metric.name


def test_internal_metrics_equal_scikit_learn_without_noise_and_outliers():
    rng = np.random.default_rng(2)
    labels = rng.integers(-2, 5, 700).astype(np.int32)
    labels[labels == 4] = 9  # a number may be missing
    X = (rng.normal(size=(700, 8)) + labels[:, None] + 1000).astype(np.float32)
    labels[0] = 4  # alone in its cluster
    kept = labels >= 0
    values = compute(None, labels, X)
    inner, own = X[kept].astype(float), labels[kept]
    assert values["silhouette"] == pytest.approx(reference.silhouette_score(inner, own), abs=1e-6)
    assert values["davies_bouldin"] == pytest.approx(reference.davies_bouldin_score(inner, own))
    assert values["calinski_harabasz"] == pytest.approx(
        reference.calinski_harabasz_score(inner, own)
    )
    rows = silhouette_values(X, labels)
    assert np.array_equal(np.isnan(rows), ~kept)
    assert np.allclose(rows[kept], reference.silhouette_samples(inner, own), atol=1e-6)


@pytest.mark.parametrize(
    "labels",
    [[0, 0, 0, 0], [0, 1, 2, 3], [-1, -1, -2, -1], [0, 0, -1, -1], [0, 1, -1, -2]],
    ids=["one cluster", "all alone", "all noise", "one and noise", "alone and noise"],
)
def test_internal_metrics_are_none_where_undefined(labels):
    values = compute(None, np.array(labels), np.arange(8.0).reshape(4, 2))
    assert {values[m] for m in ("silhouette", "davies_bouldin", "calinski_harabasz")} == {None}


def test_identical_rows_give_no_nan_and_no_infinity():
    values = compute(None, np.array([0, 0, 1, 1]), np.ones((4, 2)))
    assert values["silhouette"] == 0
    assert values["davies_bouldin"] is None and values["calinski_harabasz"] is None


def test_the_silhouette_of_many_rows_is_sampled_by_the_seed(monkeypatch):
    assert core.metrics.SILHOUETTE_ROWS == 10_000
    monkeypatch.setattr(core.metrics, "SILHOUETTE_ROWS", 1_000)  # the same code, ten times sooner
    rng = np.random.default_rng(0)
    labels = np.arange(1_200) % 3
    X = rng.normal(size=(1_200, 2)) + 4 * labels[:, None]
    first = compute(None, labels, X, seed=0)["silhouette"]
    rows, other = silhouette_values(X, labels, seed=0), silhouette_values(X, labels, seed=1)
    assert (~np.isnan(rows)).sum() == 1_000
    assert np.nanmean(rows) == pytest.approx(first, abs=1e-12)
    assert np.nanmean(rows) != np.nanmean(other)
    assert np.nanmean(rows) == pytest.approx(np.nanmean(other), abs=0.02)


def test_contingency_orders_clusters_before_noise_and_outliers():
    table = contingency(np.array([5, 5, 2, 2, -1]), np.array([NOISE, OUTLIER, 1, 0, 1]))
    assert table.classes.tolist() == [2, 5]
    assert table.groups.tolist() == [0, 1, NOISE, OUTLIER]
    assert table.counts.tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]


def test_best_in():
    rows = [{"ami": 0.2, "entropy": 0.5}, {"ami": None, "entropy": 0.1}, {"ami": 0.9}]
    assert best_in(rows, "ami") == [2]
    assert best_in(rows, "entropy") == [1]
    assert best_in(rows, "silhouette") == []
