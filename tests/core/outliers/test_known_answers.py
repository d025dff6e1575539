"""Outlier detectors against scikit-learn, and how many they leave out."""

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

from core.events import Context
from core.registry import parse_outliers

X = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)


def test_isolation_forest_equals_scikit_learn():
    ours = parse_outliers("isolation_forest:contamination=0.1").outliers(X, Context(3))
    theirs = IsolationForest(contamination=0.1, random_state=3).fit_predict(X) == -1
    assert np.array_equal(ours, theirs) and ours.sum() == 40


def test_five_percent_are_left_out_unless_another_share_is_given():
    assert parse_outliers("isolation_forest").outliers(X, Context()).sum() == 20
    assert parse_outliers("local_outlier_factor").outliers(X, Context()).sum() == 20


def test_local_outlier_factor_equals_scikit_learn():
    ours = parse_outliers("local_outlier_factor:n_neighbors=7").outliers(X, Context())
    theirs = LocalOutlierFactor(n_neighbors=7, contamination=0.05).fit_predict(X) == -1
    assert np.array_equal(ours, theirs)


def test_more_neighbours_than_rows_and_too_few_rows():
    for name in ("isolation_forest", "local_outlier_factor"):
        assert parse_outliers(name).outliers(X[:12], Context()).sum() == 1
        assert not parse_outliers(name).outliers(X[:9], Context()).any()
