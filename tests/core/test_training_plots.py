"""Figures of trainings: the right numbers in the right places, and JSON that plotly takes."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

from core import training_plots as plots
from core.cnn.measures import Calibration
from core.training_plots import StudyRow

HISTORY = {
    "phase": np.array(["head", "head", "fine_tune", "fine_tune"]),
    "accuracy": np.array([0.5, 0.8, 0.9, 1.0]),
    "val_accuracy": np.array([0.4, 0.7, 0.8, 0.8]),
    "loss": np.array([1.0, 0.6, 0.3, 0.1]),
    "val_loss": np.array([1.1, 0.7, 0.5, 0.6]),
}
ROWS = [StudyRow("From scratch", 1.0, 0.7, 0.65, 0.02, 0.03), StudyRow("Transfer", 0.9, 0.95, 0.9)]
TABLE = np.array([[9, 1, 0], [0, 0, 0], [2, 3, 5]])
EDGES = np.linspace(0, 1, 5)
CALIBRATION = Calibration(
    EDGES, np.array([0, 1, 0, 7]), np.array([0, 0.4, 0, 0.9]), np.array([0, 0.0, 0, 1]), 0.1
)


def test_one_model_has_two_colours_and_its_phases_are_marked():
    figure = plots.curves({"any": HISTORY}, "accuracy")
    training, validation = figure["data"]
    assert (training["name"], validation["name"]) == ("training", "validation")
    assert training["line"]["color"] != validation["line"]["color"]
    assert training["line"]["dash"] == "dash"
    np.testing.assert_array_equal(validation["y"], HISTORY["val_accuracy"])
    np.testing.assert_array_equal(validation["x"], [1, 2, 3, 4])
    (line,), (name,) = figure["layout"]["shapes"], figure["layout"]["annotations"]
    assert line["x0"] == 2.5  # between the second epoch and the third
    assert "fine-tuning" in name["text"]


def test_the_lowest_validation_loss_is_marked():
    *_, mark = plots.curves({"any": HISTORY}, "loss")["data"]
    assert (mark["x"], mark["y"]) == ([3], [0.5])


def test_several_models_have_a_colour_each_and_one_dash_for_training():
    data = plots.curves({"<b>a</b>": HISTORY, "c": HISTORY}, "loss")["data"]
    assert [t["name"] for t in data if t["showlegend"]] == ["&lt;b&gt;a&lt;/b&gt;", "c"]
    assert data[0]["hovertemplate"].startswith("&lt;b&gt;a&lt;/b&gt;, training, epoch")
    assert len({t["line"]["color"] for t in data}) == 2
    assert [t["line"]["dash"] for t in data] == ["dash", "solid"] * 2


def test_a_study_shows_its_accuracies_gaps_and_spreads():
    figure = plots.study_chart(ROWS)
    by_name = {t["name"]: t for t in figure["data"] if "name" in t}
    assert by_name["test"]["x"] == [0.65, 0.9]
    assert by_name["validation"]["text"] == ["0.700", "0.950"]
    assert by_name["test"]["error_x"]["array"] == [0.03, None]
    assert by_name["training"]["x"] == [1.0, 0.9]
    assert [a["text"] for a in figure["layout"]["annotations"]] == ["gap +0.30", "gap -0.05"]
    assert "error_x" not in plots.study_chart([ROWS[1]])["data"][0]


def test_confusion_cells_carry_their_classes_counts_and_shares():
    figure = plots.confusion(TABLE, ["a", "<i>", "c"])
    right, wrong, cells = figure["data"]
    np.testing.assert_allclose(np.diagonal(right["z"]), [0.9, np.nan, 0.5])
    assert np.isnan(right["z"][~np.eye(3, dtype=bool)]).all()
    assert wrong["z"][2, 1] == pytest.approx(0.3) == wrong["zmax"]
    assert np.isnan(wrong["z"][1, 0])
    said = {tuple(c): t for c, t in zip(cells["customdata"], cells["hovertext"], strict=True)}
    assert said[(2, 1)] == "3 of c named &lt;i&gt; (30.0%)"
    texts = {(a["y"], a["x"]): a["text"] for a in figure["layout"]["annotations"]}
    assert texts[(0, 0)].startswith("<b>9</b>") and "90%" in texts[(0, 0)]
    assert texts[(1, 1)].startswith("<b>0</b>")
    assert (0, 2) not in texts


def test_large_confusions_leave_shares_and_then_numbers_out():
    middle = plots.confusion(np.full((20, 20), 3), list("abcdefghijklmnopqrst"))
    assert middle["layout"]["annotations"][0]["text"] == "<b>3</b>"
    assert "annotations" not in plots.confusion(np.eye(50, dtype=int), ["x"] * 50)["layout"]


def test_calibration_leaves_empty_bins_out():
    bars = plots.calibration(CALIBRATION)["data"][1]
    assert bars["x"].tolist() == [0.375, 0.875]
    assert bars["y"].tolist() == [0, 1]
    assert bars["text"] == ["1", "7"]


def test_right_and_wrong_stand_side_by_side_each_with_its_count():
    right, wrong = plots.confidences(EDGES, np.array([0, 2, 1, 9]), np.array([0, 1, 0, 0]))["data"]
    assert right["text"] == ["", "2", "1", "9"]
    assert wrong["y"].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize(
    "figure",
    [
        plots.curves({"a": HISTORY}, "loss"),
        plots.curves({"a": HISTORY, "b": HISTORY}, "accuracy"),
        plots.curves({"a": {k: v[:1] for k, v in HISTORY.items()}}, "loss"),
        plots.curves({"a": {k: v[:0] for k, v in HISTORY.items()}}, "loss"),
        plots.curves({}, "loss"),
        plots.study_chart(ROWS),
        plots.study_chart([]),
        plots.confusion(TABLE, "abc"),
        plots.confusion(np.zeros((1, 1), int), "a"),
        plots.calibration(CALIBRATION),
        plots.confidences(EDGES, np.zeros(4, int), np.zeros(4, int)),
    ],
)
def test_figures_pass_plotlys_own_validation(figure):
    sent = json.loads(plotly.io.to_json(go.Figure(figure)))
    assert sent["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"
