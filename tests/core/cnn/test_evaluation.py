"""What a model said of every image: files that survive any name, measures known elsewhere."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from core.cnn.evaluation import (
    Evaluation,
    agreement,
    distinct,
    read_predictions,
    report_csv,
    write_confusion,
    write_predictions,
)
from core.errors import FacetteError, InputError

HOSTILE = (
    "=cmd|' /C calc'!A0", "'quoted", 'a,b"c', "two\nlines\r", "", "cat", "cat", "cat-2", "p_cat",
    "nul\0", "surrogate\udcff", "＝1", "id", "-1", "<b>",
)  # fmt: skip


def made(n=300, classes=("a", "b", "c", "d"), seed=0, splits=("train", "validation", "test")):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(len(classes), 0.5), n).astype(np.float32)
    label = np.where(rng.random(n) < 0.6, p.argmax(axis=1), rng.integers(0, len(classes), n))
    ids = tuple(f"{i}.png" for i in range(n))
    split = rng.choice(splits, n).astype("U10")
    return Evaluation(
        tuple(classes), ids, split, label.astype(np.int32), p.argmax(axis=1).astype(np.int32), p
    )


def small(p, label, split="test", classes=("a", "b")):
    p = np.array(p, np.float32).reshape(-1, len(classes))
    label = np.array(label, np.int32)
    ids = tuple(f"i{i}" for i in range(len(p)))
    said = p.argmax(axis=1).astype(np.int32) if len(p) else np.zeros(0, np.int32)
    return Evaluation(classes, ids, np.full(len(p), split, "U10"), label, said, p)


def written(view, path, classes=None):
    write_predictions(
        path, view.ids, view.split, view.label, view.probabilities, classes or view.classes
    )
    return path


def test_a_written_file_is_read_again_to_the_last_bit(tmp_path):
    view = made()
    again = read_predictions(written(view, tmp_path / "predictions.csv"))
    assert again.classes == view.classes
    assert again.ids == view.ids
    assert again.probabilities.dtype == np.float32
    for name in ("split", "label", "predicted", "probabilities"):
        assert np.array_equal(getattr(again, name), getattr(view, name))


def test_any_class_name_and_any_id_survive_and_none_is_a_formula(tmp_path):
    n = len(HOSTILE)
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(n), n).astype(np.float32)
    path, labels = tmp_path / "p.csv", np.arange(n)
    ids = [f"{name}/{i}" for i, name in enumerate(HOSTILE)]
    write_predictions(path, ids, np.full(n, "test"), labels, p, HOSTILE)
    again = read_predictions(path)
    assert np.array_equal(again.label, labels)
    assert np.array_equal(again.probabilities, p)
    assert again.classes == tuple(distinct(HOSTILE))
    assert len(set(again.classes)) == n
    plain = [i for i, name in enumerate(HOSTILE) if "\0" not in name and "\udcff" not in name]
    assert [again.ids[i] for i in plain] == [ids[i] for i in plain]
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    numbers = {str(x) for x in ("", "test")}
    for cell in cells:
        assert cell in numbers or not cell.startswith(("=", "+", "-", "@", "＝", "\t"))


def test_names_become_distinct_and_the_first_of_each_keeps_its_own():
    names = distinct(HOSTILE)
    assert names[5:8] == ["cat", "cat-3", "cat-2"]
    assert len(set(names)) == len(names)
    assert distinct(["a", "b"]) == ["a", "b"]
    assert len(set(distinct(["a"] * 50 + ["a-2"]))) == 51


def test_an_image_without_a_label_is_kept_and_counts_in_no_measure(tmp_path):
    view = small([[0.9, 0.1], [0.2, 0.8]], [0, -1])
    again = read_predictions(written(view, tmp_path / "p.csv"))
    assert again.label.tolist() == [0, -1]
    assert again.confusion().sum() == 1
    assert again.accuracy() == 1


def test_probabilities_that_are_no_numbers_are_not_written(tmp_path):
    view = small([[np.nan, 0.1]], [0])
    with pytest.raises(FacetteError, match="learning rate"):
        written(view, tmp_path / "p.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("id,split", "name,split", "columns are others"),
        ("p_b", "p_a", "two of one name"),
        ("p_b", "b", "columns are others"),
        ("i0,test", "i0,elsewhere", "row 1: its split"),
        ("i1,test,b", "i1,test,z", "row 2: its label"),
        ("0.75", "a lot", "not a number"),
        ("0.75", "nan", "row 1: a probability is not from 0 to 1"),
        ("0.75,0.25", "0.75,0.5", "row 1: its probabilities do not sum"),
        ("0.75,0.25", "0.25,0.75", "row 1: its predicted class is not the most"),
        ("0.75,0.25", "0.75", "row 1 has another number"),
        ("i0", '"i0', "line"),
    ],
)
def test_a_foreign_file_is_refused_with_the_reason(tmp_path, old, new, why):
    path = written(small([[0.75, 0.25], [0.125, 0.875]], [0, 1]), tmp_path / "p.csv")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=why):
        read_predictions(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"\n\n", b"id,split\n1,2\n", None])
def test_what_is_no_table_is_refused(tmp_path, content):
    path = tmp_path / "p.csv"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"not the predictions\.csv"):
        read_predictions(path)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "p.csv"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(InputError, match="at most"):
        read_predictions(path)


def test_the_confusion_is_written_with_names_on_both_sides(tmp_path):
    write_confusion(tmp_path / "c.csv", np.array([[3, 1], [0, 2]]), ["=a", "b"])
    with (tmp_path / "c.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["label", "'=a", "b"], ["'=a", "3", "1"], ["b", "0", "2"]]


@pytest.mark.parametrize("split", ["test", "train", None])
def test_measures_are_those_of_scikit_learn(split):
    view = made(400)
    rows = view.rows(split)
    y, said = view.label[rows], view.predicted[rows]
    report = view.classification_report(split)
    known = metrics.classification_report(y, said, output_dict=True, zero_division=0)
    for i in range(4):
        row = known[str(i)]
        mine = (report.precision[i], report.recall[i], report.f1[i], report.support[i])
        assert mine == pytest.approx(tuple(row.values()))
    for mean, name in ((report.macro, "macro avg"), (report.weighted, "weighted avg")):
        assert mean == pytest.approx(tuple(known[name].values())[:3])
    assert report.accuracy == view.accuracy(split) == pytest.approx(known["accuracy"])
    assert report.n == len(rows)
    assert np.array_equal(view.confusion(split), metrics.confusion_matrix(y, said))


def test_absent_classes_take_no_part_in_the_means():
    view = small([[0.1, 0.2, 0.7, 0], [0.6, 0.2, 0.2, 0]], [2, 2], classes=tuple("abcd"))
    known = metrics.classification_report(
        view.label, view.predicted, output_dict=True, zero_division=0
    )
    report = view.classification_report()
    assert report.macro == pytest.approx(tuple(known["macro avg"].values())[:3])
    assert report.weighted == pytest.approx(tuple(known["weighted avg"].values())[:3])
    assert report.f1.tolist() == pytest.approx([0, 0, 2 / 3, 0])


@pytest.mark.parametrize(
    "view",
    [
        small(np.zeros((0, 2)), []),
        small([[0.9, 0.1]], [0], split="train"),
        small([[1.0], [1.0]], [0, 0], classes=("only",)),
        small([[0.5, 0.5]], [-1]),
    ],
    ids=["no image", "empty split", "one class", "no label"],
)
def test_nothing_is_undefined(view):
    report, calibration = view.classification_report(), view.calibration()
    for values in (report.precision, report.recall, report.f1, report.macro, report.weighted,
                   report.accuracy, calibration.confidence, calibration.accuracy,
                   calibration.error, *view.confidence_histogram()):  # fmt: skip
        assert np.isfinite(values).all()
    assert view.confusion().shape == (len(view.classes),) * 2
    assert view.mistakes() == []
    assert view.commonest_confusion() is None


def test_the_worst_mistake_is_the_surest_of_the_wrong_class():
    view = small([[0.9, 0.1], [0.02, 0.98], [0.4, 0.6], [0.3, 0.7]], [0, 0, 0, 1])
    worst, next_one = view.mistakes()
    assert (worst.row, worst.id, worst.label, worst.predicted) == (1, "i1", 0, 1)
    assert (worst.p_predicted, worst.p_label) == pytest.approx((0.98, 0.02))
    assert next_one.row == 2
    assert view.mistakes(limit=1) == [worst]
    assert view.cell(0, 1).tolist() == [1, 2]
    assert view.commonest_confusion() == (0, 1, 2)


def test_calibration_is_that_of_scikit_learn_and_its_error_the_published_sum():
    rng = np.random.default_rng(3)
    sure = rng.uniform(0.5, 1, 500).astype(np.float32)
    right = rng.random(500) < sure.astype(float) ** 2  # too sure of itself
    view = small(np.c_[sure, 1 - sure], np.where(right, 0, 1))
    found = view.calibration(bins=10)
    accuracy, confidence = calibration_curve(right, sure.astype(float), n_bins=10)
    used = found.counts > 0
    assert found.accuracy[used] == pytest.approx(accuracy)
    assert found.confidence[used] == pytest.approx(confidence, abs=1e-6)
    assert found.counts.sum() == 500
    expected = (found.counts[used] / 500 * abs(accuracy - confidence)).sum()
    assert found.error == pytest.approx(expected)
    assert found.error > 0.1


def test_calibration_by_hand():
    # Two bins: (0, 0.5] holds the 0.5, (0.5, 1] the three others.
    view = small([[0.5, 0.5], [0.6, 0.4], [0.8, 0.2], [1, 0]], [0, 1, 0, 0])
    found = view.calibration(bins=2)
    assert found.counts.tolist() == [1, 3]
    assert found.confidence == pytest.approx([0.5, 0.8])
    assert found.accuracy == pytest.approx([1, 2 / 3])
    assert found.error == pytest.approx(0.25 * 0.5 + 0.75 * (0.8 - 2 / 3))
    edges, right, wrong = view.confidence_histogram(bins=2)
    assert (edges.tolist(), right.tolist(), wrong.tolist()) == ([0, 0.5, 1], [1, 2], [0, 1])


def test_models_are_compared_on_the_images_that_none_has_trained_on():
    one = small([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], [0, 1, 1])
    # The classes in another order, the images too, and one of them was trained on.
    other = Evaluation(
        ("b", "a"), ("i2", "i1", "i0"), np.array(["train", "test", "test"]),
        np.array([0, 0, 1], np.int32), np.array([0, 1, 1], np.int32),
        np.array([[1, 0], [0.4, 0.6], [0, 1]], np.float32),
    )  # fmt: skip
    found = agreement({"one": one, "other": other})
    assert found.ids == ("i0", "i1")
    assert found.label.tolist() == ["a", "b"]
    assert found.predicted.tolist() == [["a", "b"], ["a", "a"]]
    assert found.right.tolist() == [[True, True], [True, False]]
    assert found.probability == pytest.approx(np.array([[0.9, 0.8], [1, 0.6]]))
    assert found.same.tolist() == [[1, 0.5], [0.5, 1]]
    assert len(agreement({"one": one, "other": other}, None).ids) == 3
    empty = agreement({"one": one, "other": small([[1, 0]], [0], split="train")})
    assert empty.ids == () and np.isfinite(empty.same).all()
    assert agreement({}).names == ()


def test_the_report_as_a_file_has_classes_means_and_accuracy():
    view = small([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], [0, 1, 1], classes=("=a", "b"))
    lines = list(csv.reader(report_csv(view.classification_report(), view.classes).splitlines()))
    assert lines[0] == ["class", "precision", "recall", "f1", "support"]
    assert lines[1] == ["'=a", "0.5", "1", "0.6666666667", "1"]
    assert lines[2] == ["b", "1", "0.5", "0.6666666667", "2"]
    assert [line[0] for line in lines[3:]] == ["mean over classes", "mean over images", "accuracy"]
    assert lines[5] == ["accuracy", "", "", "0.6666666667", "3"]
