"""Sentences about models: their figures are computed, and they are true in the odd cases too."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.cnn import words
from core.cnn.artefact import Artefact
from core.cnn.config import TrainConfig
from core.cnn.measures import Evaluation


def view(label, predicted, split="test"):
    n = len(label)
    p = np.eye(3, dtype=np.float32)[predicted] if n else np.zeros((0, 3), np.float32)
    ids = tuple(map(str, range(n)))
    label, predicted = np.array(label, np.int32), np.array(predicted, np.int32)
    return Evaluation(("cat", "dog", "eel"), ids, np.full(n, split), label, predicted, p)


def test_the_headline_counts_and_names_the_commonest_confusion():
    text = words.headline("M", view([0, 0, 1, 1, 1, 2], [0, 1, 2, 2, 1, 2]))
    assert text == (
        "M names 50.0% of 6 test images right; its commonest confusion is dog taken for eel "
        "(2 of 3)."
    )


def test_the_headline_of_a_perfect_model_and_of_no_images():
    assert words.headline("M", view([0], [0])) == (
        "M names 100% of 1 test image right; it confuses none."
    )
    assert "no test images" in words.headline("M", view([], []))
    assert "no test images" in words.headline("M", view([0], [0], "train"))


def test_the_others_stand_best_first():
    text = words.beside({"A": view([0, 1], [0, 0]), "B": view([0, 1], [0, 1])})
    assert text == "Beside it: B 100%, A 50.0%."


def model(key, dataset="shapes", **values):
    config = TrainConfig(model="scratch", size=32, augment=False, **values)
    return Artefact(Path(key), ("a", "b"), config, {}, {"dataset": dataset})


def test_models_are_called_by_no_more_than_tells_them_apart():
    one, same, other = model("1" * 32), model("2" * 32), model("3" * 32, "dogs")
    assert words.names_of([one]) == {one.id: "From scratch"}
    assert words.names_of([one, other])[other.id] == "From scratch, dogs"
    names = words.names_of([one, same, other])
    assert names[same.id] == "From scratch, shapes, 222222"
    assert len(set(names.values())) == 3
