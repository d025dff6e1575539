"""How good a trained model is, computed from what it said of every image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

SPLITS = ("train", "validation", "test")
NO_LABEL = -1
BINS = 10


class Mistake(NamedTuple):
    """An image that was named wrong: what was said, how surely, and what it is."""

    row: int
    id: str
    label: int
    predicted: int
    p_predicted: float
    p_label: float


@dataclass(frozen=True)
class Report:
    """Precision, recall, F1 and support of every class, each (C,), and their means.

    `macro` and `weighted` are (precision, recall, f1) over the classes that occur among the
    labels or the predictions, as `sklearn.metrics.classification_report` has it; what is not
    defined there is 0.
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray
    accuracy: float
    macro: tuple[float, float, float]
    weighted: tuple[float, float, float]

    @property
    def n(self) -> int:
        """How many images there are."""
        return int(self.support.sum())


@dataclass(frozen=True)
class Calibration:
    """How often a model is right when it says it is so sure (Guo et al., 2017).

    `edges` (b + 1,); per bin (b,): `counts` int, mean `confidence`, `accuracy`, both 0 in an
    empty bin. `error` is the expected calibration error: the mean gap between the two, weighted
    by counts. 0 is perfect.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    error: float


@dataclass(frozen=True)
class Evaluation:
    """What one model said of n images in C classes.

    Attributes
    ----------
    classes : C names, all different
    ids : n names, as in the dataset
    split : (n,) str, each of `SPLITS`
    label, predicted : (n,) int32, index into `classes`; label -1 for an image without one
    probabilities : (n, C) float32

    Every method takes a `split`, "test" unless told; None means all images. Images without a
    label count in none of them.
    """

    classes: tuple[str, ...]
    ids: tuple[str, ...]
    split: np.ndarray
    label: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray

    @cached_property
    def confidence(self) -> np.ndarray:
        """(n,) float64, the probability of the predicted class."""
        return self.probabilities[np.arange(len(self.ids)), self.predicted].astype(np.float64)

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """The row of every id."""
        return {name: row for row, name in enumerate(self.ids)}

    def rows(self, split: str | None = "test") -> np.ndarray:
        """The rows of a split that have a label, in order."""
        mine = self.label != NO_LABEL
        return np.flatnonzero(mine if split is None else mine & (self.split == split))

    def accuracy(self, split: str | None = "test") -> float:
        """The share of right answers, 0 where there is no image."""
        rows = self.rows(split)
        return float((self.label[rows] == self.predicted[rows]).mean()) if len(rows) else 0.0

    def confusion(self, split: str | None = "test") -> np.ndarray:
        """(C, C) int: how many images of the row's class were named the column's."""
        rows, n = self.rows(split), len(self.classes)
        cells = self.label[rows].astype(np.int64) * n + self.predicted[rows]
        return np.bincount(cells, minlength=n * n).reshape(n, n)

    def cell(self, label: int, predicted: int, split: str | None = "test") -> np.ndarray:
        """The rows of one cell of the confusion matrix, the surest first."""
        rows = self.rows(split)
        mine = rows[(self.label[rows] == label) & (self.predicted[rows] == predicted)]
        return mine[np.argsort(-self.confidence[mine], kind="stable")]

    def commonest_confusion(self, split: str | None = "test") -> tuple[int, int, int] | None:
        """True class, predicted class and count of the largest cell off the diagonal, if any."""
        table = self.confusion(split)
        np.fill_diagonal(table, 0)
        label, predicted = np.unravel_index(table.argmax(), table.shape)
        count = int(table[label, predicted])
        return (int(label), int(predicted), count) if count else None

    def classification_report(self, split: str | None = "test") -> Report:
        """Precision, recall, F1 and support of every class, with means and accuracy."""
        table = self.confusion(split)
        right, said, support = table.diagonal(), table.sum(axis=0), table.sum(axis=1)
        precision, recall = right / np.maximum(said, 1), right / np.maximum(support, 1)
        f1 = 2 * right / np.maximum(said + support, 1)
        there, n = (said + support) > 0, max(int(support.sum()), 1)
        three = np.stack([precision, recall, f1])
        macro = three[:, there].mean(axis=1) if there.any() else np.zeros(3)
        return Report(
            precision, recall, f1, support, float(right.sum() / n),
            _triple(macro), _triple(three @ support / n),
        )  # fmt: skip

    def mistakes(self, split: str | None = "test", limit: int | None = None) -> list[Mistake]:
        """The images that were named wrong, the surest of the wrong answer first.

        In the order of the probability of the class said less that of the true class.
        """
        rows = self.rows(split)
        rows = rows[self.label[rows] != self.predicted[rows]]
        said, true = self.confidence[rows], self.probabilities[rows, self.label[rows]]
        order = np.argsort(true - said, kind="stable")[:limit]
        return [
            Mistake(int(row), self.ids[row], int(self.label[row]), int(self.predicted[row]), p, q)
            for row, p, q in zip(
                rows[order], said[order].tolist(), true[order].tolist(), strict=True
            )
        ]

    def calibration(self, split: str | None = "test", bins: int = BINS) -> Calibration:
        """Confidence against accuracy in `bins` bins of equal width, each closed on its right.

        C. Guo et al., "On calibration of modern neural networks", ICML 2017.
        """
        rows = self.rows(split)
        right = self.label[rows] == self.predicted[rows]
        place = _bins(self.confidence[rows], bins)
        counts = np.bincount(place, minlength=bins)
        n = np.maximum(counts, 1)
        sure = np.bincount(place, self.confidence[rows], bins) / n
        hit = np.bincount(place, right, bins) / n
        error = float((counts * abs(hit - sure)).sum() / max(len(rows), 1))
        return Calibration(np.linspace(0, 1, bins + 1), counts, sure, hit, error)

    def confidence_histogram(
        self, split: str | None = "test", bins: int = BINS
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Edges (b + 1,), and counts (b,) of right and of wrong answers by their confidence."""
        rows = self.rows(split)
        right = self.label[rows] == self.predicted[rows]
        place = _bins(self.confidence[rows], bins)
        good, bad = (np.bincount(place[mine], minlength=bins) for mine in (right, ~right))
        return np.linspace(0, 1, bins + 1), good, bad


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = values.tolist()
    return first, second, third


def _bins(confidence: np.ndarray, bins: int) -> np.ndarray:
    return np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)


@dataclass(frozen=True)
class Agreement:
    """The same m images under k models, for images that are in the same split of all of them.

    `ids` m names; `names` k models; `predicted` (k, m) str and `label` (m,) str are names of
    classes, for models may order them differently; `probability` (k, m) of the class said;
    `right` (k, m) bool; `same` (k, k) float, the share of images that two models name alike.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    label: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray
    right: np.ndarray
    same: np.ndarray


def agreement(models: Mapping[str, Evaluation], split: str | None = "test") -> Agreement:
    """Compare what several models say of the images that they share.

    The label is that of the first model. An image that another model trained on is left out
    unless `split` is None: what a network has seen it knows by heart.
    """
    views = list(models.values())
    known = [{view.ids[row] for row in view.rows(split)} for view in views]
    first = views[0] if views else None
    shared = [first.ids[r] for r in first.rows(split)] if first is not None else []
    ids = tuple(name for name in shared if all(name in names for names in known))
    shape = (len(views), len(ids))
    predicted, p = np.empty(shape, object), np.empty(shape, np.float64)
    for k, view in enumerate(views):
        rows = np.array([view.row_of[name] for name in ids], int)
        predicted[k] = np.array(view.classes, object)[view.predicted[rows]]
        p[k] = view.confidence[rows]
    label = np.array(
        [first.classes[first.label[first.row_of[name]]] for name in ids] if first else [], object
    )
    pairs = (predicted[:, None] == predicted[None]).astype(float)
    same = pairs.mean(axis=2) if ids else np.zeros((len(views), len(views)))
    return Agreement(ids, tuple(models), label, predicted, p, predicted == label, same)
