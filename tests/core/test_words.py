"""The sentences say the figures, and stay true without labels."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from core import summary, words
from core.runs import Keys, RunConfig, RunResult
from core.types import Dataset, Source


def data(labelled: bool, kind: str = "folder") -> Dataset:
    return Dataset(
        name="shells",
        source=Source(kind),
        ids=("a", "b", "c"),
        sizes=np.ones((3, 2), np.int32),
        read=lambda i, size: np.zeros((8, 8), np.uint8),
        images_key="0" * 32,
        labels=np.array([0, 1, 1]) if labelled else None,
        class_names=("x", "y") if labelled else (),
    )


def result(
    descriptor: str, ami: float | None, silhouette: float | None, k: int = 2, coverage: float = 1.0
) -> RunResult:
    metrics = MappingProxyType({"ami": ami, "silhouette": silhouette, "coverage": coverage})
    return RunResult(RunConfig(descriptor), Keys((), *[""] * 6), 3, k, metrics, 1.0)


def test_the_headline_says_how_many_of_what_and_from_what() -> None:
    said = words.headline(data(True), result("hog+lbp", 0.9, 0.2))
    assert said == "3 images of shells, 2 clusters found from their shape and texture (HOG + LBP)"
    digits = words.headline(data(True, "digits"), result("hog", 0.9, 0.2, k=1))
    assert digits == "3 handwritten digits, 1 cluster found from their shape (HOG)"


def test_the_verdict_names_who_does_better_or_worst() -> None:
    good, poor = result("hog", 0.92, 0.5), result("gray_histogram", 0.12, 0.7)
    assert words.verdict(data(True), good, [good, poor]) == (
        "They match the true classes, with AMI 0.92. Best of 2 descriptions; Grey histogram: 0.12."
    )
    assert words.verdict(data(True), poor, [good, poor]) == (
        "They hardly match the true classes, with AMI 0.12. HOG does better: 0.92."
    )


def test_two_clusterers_are_not_two_descriptions() -> None:
    twice = [result("hog", 0.5, 0.1), result("hog", 0.7, 0.1)]
    assert words.verdict(data(True), twice[1], twice) == (
        "They match the true classes, with AMI 0.70."
    )


def test_without_labels_the_silhouette_speaks_and_nothing_is_claimed_about_classes() -> None:
    runs = [result("hog", None, 0.41), result("lbp", None, 0.55)]
    said = words.verdict(data(False), runs[0], runs)
    assert said == (
        "There are no labels to check against; the silhouette is 0.41. LBP does better: 0.55."
    )
    assert words.winner(data(False), runs) == (
        "LBP with K-Means groups 3 images of shells best: silhouette 0.55, "
        "the next description 0.41"
    )


def test_what_cannot_be_measured_is_said() -> None:
    one = result("hog", None, None, k=0)
    assert words.verdict(data(False), one, [one]) == "There are too few clusters to measure."
    assert "can be measured" in words.winner(data(False), [one])


def test_long_signatures_get_short_names_and_parameters_are_said() -> None:
    assert words.short_label("hog+lbp+sift") == "3 descriptors joined"
    assert words.label_of("descriptor", "hog:cell=4") == "HOG (cell 4)"


def test_descriptors_that_would_be_called_the_same_get_their_full_names() -> None:
    asked = ["hog", "hog+lbp+sift", "hog+lbp+raw_pixels"]
    assert words.labels_of(asked) == {
        "hog": "HOG",
        "hog+lbp+sift": "HOG + LBP + SIFT",
        "hog+lbp+raw_pixels": "HOG + LBP + Raw pixels",
    }
    assert words.labels_of(asked[:2])["hog+lbp+sift"] == "3 descriptors joined"
    runs = [result(text, 0.1 * i, 0) for i, text in enumerate(asked)]
    assert words.winner(data(True), runs).startswith("HOG + LBP + Raw pixels with K-Means")
    assert "HOG + LBP + Raw pixels does better" in words.verdict(data(True), runs[1], runs)


def test_parameters_at_their_defaults_do_not_make_two_descriptors_one() -> None:
    called = words.labels_of(["lbp", "lbp:radius=1"])
    assert len(set(called.values())) == 2


def test_an_ami_of_zero_is_better_than_one_below() -> None:
    runs = [result("hog", -0.01, 0.9), result("lbp", 0.0, 0.1), result("sift", None, 0.95)]
    assert summary.main_metric(runs) == "ami"
    assert list(summary.best_per_descriptor(runs)) == ["lbp", "hog", "sift"]
    assert words.winner(data(True), runs).startswith("LBP with K-Means")
    assert "Bag" not in words.verdict(data(True), runs[0], runs)


def test_the_winner_says_how_many_images_it_leaves_out() -> None:
    run = result("hog", None, 0.9, coverage=0.86)
    assert words.winner(data(False), [run]).endswith("silhouette 0.90 with 86% of them in clusters")
