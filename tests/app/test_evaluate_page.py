"""The Evaluate page on models whose files are written by hand: what they say is known."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from core.cnn import requests
from core.cnn.config import TrainConfig
from core.datasets import open_dataset
from core.store import Store
from core.types import Source
from tests import drawn
from tests.app.conftest import _use
from tests.app.support import (
    HOSTILE_CLASSES,
    ROOT,
    Filled,
    calm,
    charts,
    companions,
    errors_of,
    said,
    settled,
)
from tests.trained import answers, model_folder
from ui import cached

PAGE = "screens/classify/evaluate.py"
GOOD, FAIR = "a" * 32, "b" * 32


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Filled:
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root").resolve()
    for kind in drawn.INK:
        drawn.save(root / "shapes" / kind, kind, 12)
    dataset = open_dataset(Source("folder", str(root / "shapes")), Store(home))
    fair = TrainConfig(model="scratch", augment=False, size=32)
    good = TrainConfig(model="fine_tune", size=64)
    p = answers(dataset, wrong=(2, 3, 14), sure=0.8)
    p[3] = (0.02, 0.98)  # the worst mistake
    os.utime(model_folder(home, FAIR, dataset, p, fair), (1, 1))
    os.utime(home / "models" / FAIR / "config.json", (1, 1))
    model_folder(home, GOOD, dataset, answers(dataset, wrong=(2,)), good)
    return Filled(home, root, {})


@pytest.fixture
def models(made, monkeypatch) -> Filled:
    """The app of this process works on two models and their images."""
    return _use(made, monkeypatch)


@pytest.fixture
def copied(made, monkeypatch, tmp_path) -> Filled:
    """The same, to be damaged."""
    shutil.copytree(made.home, tmp_path / "home")
    return _use(Filled(tmp_path / "home", made.root, {}), monkeypatch)


def opened(*models, **widgets) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.run()
    if models:
        at.session_state["models"] = list(models)
    for key, value in widgets.items():
        at.session_state[key] = value
    at.switch_page(PAGE)
    return settled(calm(at.run()))


def plain(text):
    return text.replace("\\", "")


def dataset_of(filled):
    return cached.dataset(Source("folder", str(filled.root / "shapes")))


def test_without_a_model_the_page_says_what_it_will_show(made, monkeypatch, tmp_path):
    _use(Filled(tmp_path / "home", made.root, {}), monkeypatch)
    at = opened()
    assert "No model has been trained yet" in said(at)
    assert [b.label for b in at.main.button] == ["Train a model"]
    assert not at.get("plotly_chart")


def test_the_newest_model_is_open_and_its_figures_are_in_the_sentence(models):
    at = opened()
    first = plain(at.main.markdown[0].value)
    assert first.startswith("### Fine-tuned EfficientNet-Lite0 with augmentation names 91.7%")
    assert "of 12 test images right" in first
    assert "disc taken for square (1 of 6)" in first
    assert not at.error
    assert not at.warning
    assert {"How it learnt", "What it takes for what"} <= {
        m.value.removeprefix("#### ") for m in at.main.markdown
    }
    assert len(at.get("plotly_chart")) == 5


def test_the_figures_are_those_of_the_chosen_split(models):
    at = opened(FAIR)
    assert "75.0% of 12 test images" in plain(said(at))
    at.segmented_control(key="evaluate-split").set_value("validation").run()
    assert "100% of 6 validation images right; it confuses none" in plain(said(calm(at)))
    assert "It makes none on these images" in said(at)


def test_the_commonest_confusion_is_open_and_another_cell_can_be_chosen(models):
    at = opened(FAIR)
    (cell,) = [g for g in companions(at, "facette_gallery") if len(g["items"]) == 2]
    assert [item["row"] for item in cell["items"]] == [3, 2]
    assert cell["items"][0]["caption"].split("\n")[:2] == ["says square 0.98", "is disc 0.02"]
    boxes = {box.label: box for box in at.selectbox}
    boxes["True class"].set_value(1).run()
    assert "6 images" not in plain(said(at))
    assert "5 images of class square taken for square" not in plain(said(at))
    assert "5 images of class square named right" in plain(said(calm(at)))


def test_the_report_marks_the_best_and_the_worst(models):
    at = opened(FAIR)
    table = at.dataframe[0].value
    assert list(table.columns) == ["class", "precision", "recall", "f1", "images"]
    assert table["recall"].tolist() == pytest.approx([4 / 6, 5 / 6])
    assert table["images"].tolist() == [6, 6]
    displayed = pa.ipc.open_stream(
        at.dataframe[0].proto.arrow_data.styler.display_values
    ).read_all()
    assert displayed.column("recall").to_pylist() == ["▼ 0.667", "★ 0.833"]
    assert displayed.column("images").to_pylist() == ["6", "6"]
    assert "Accuracy: 0.750 of 12 images" in plain(said(at))


def test_the_worst_mistake_is_first_with_both_probabilities(models):
    at = opened(FAIR)
    cards = [plain(m.value) for m in at.main.markdown if plain(m.value).startswith("says")]
    assert cards[0] == "says **square** 0.98  \nis **disc** 0.02"
    assert len(cards) == 3


def test_models_are_compared_on_the_image_that_they_dispute(models):
    at = opened(GOOD, FAIR)
    text = plain(said(at))
    assert "Beside it: From scratch 75.0%." in text
    assert "The same image under each model" in text
    offered = next(g for g in companions(at, "facette_gallery") if g["label"] == "Choose an image")
    assert [item["row"] for item in offered["items"][:2]] == [3, 14]
    assert "**disc 0.90** :material/check: right" in text
    assert "**square 0.98** :material/close: wrong" in text
    key = "evaluate-one-" + "-".join((GOOD[:6], FAIR[:6]))
    at.segmented_control(key=key).set_value("From scratch").run()
    assert plain(calm(at).main.markdown[0].value).startswith("### From scratch names 75.0%")


def test_a_clicked_image_shows_where_each_model_looks(models):
    dataset = dataset_of(models) or open_dataset(
        Source("folder", str(models.root / "shapes")), cached.store()
    )
    heat = np.zeros((32, 32), np.float32)
    heat[:16] = 1
    key = requests.look_key(FAIR, dataset, 5, 0)
    p = np.array([0.8, 0.2], np.float32)
    cached.store().put(key, {"heat": heat, "probabilities": p})
    at = opened(FAIR, _picked=(f"evaluate-{dataset.images_key}", 5))
    galleries = companions(at, "facette_gallery")
    assert any(g["label"] == "Where From scratch looks for disc" for g in galleries)
    glass = next(g for g in galleries if g["columns"] == 1 and g["label"] == "Images")
    assert glass["items"]


def test_when_the_images_are_gone_the_figures_stay(copied):
    file = copied.home / "models" / GOOD / "config.json"
    about = json.loads(file.read_text())
    about["source"]["path"] = str(copied.root / "gone")
    file.write_text(json.dumps(about))
    at = opened(GOOD)
    assert "cannot be shown" in plain(at.warning[0].value)
    assert len(at.get("plotly_chart")) == 5
    assert "Without their pictures: disc/disc_02.png" in plain(said(at))
    assert not companions(at, "facette_gallery")


@pytest.mark.parametrize("damage", ["missing", "foreign"])
def test_predictions_that_cannot_be_read_are_said_and_the_other_model_is_shown(copied, damage):
    file = copied.home / "models" / FAIR / "predictions.csv"
    file.unlink() if damage == "missing" else file.write_text("a,b\n1,2\n")
    at = opened(FAIR, GOOD)
    assert len(errors_of(at)) == 1
    assert "91.7%" in plain(said(at))


def test_without_a_history_the_rest_is_shown(copied):
    (copied.home / "models" / GOOD / "history.csv").write_text("epoch\n1\n")
    at = opened(GOOD)
    assert "history of this training is gone" in said(at)
    assert len(at.get("plotly_chart")) == 3


def test_hostile_class_names_are_shown_as_they_are(copied):
    dataset = open_dataset(Source("folder", str(copied.root / "shapes")), Store(copied.home))
    config = TrainConfig(model="scratch", size=32, seed=7)
    p = answers(dataset, wrong=(2, 3))
    model_folder(copied.home, "c" * 32, dataset, p, config, HOSTILE_CLASSES)
    at = opened("c" * 32)
    for name in HOSTILE_CLASSES:
        assert name not in said(at)
    assert "<b onclick" not in said(at).replace("\\<b", "")
    assert "<b onclick" not in charts(at)


def test_everything_can_be_taken_away(models):
    at = opened(FAIR)
    names = {button.label for button in at.download_button}
    assert names == {"predictions.csv", "confusion.csv", "card.md", "model.keras", "report.csv"}
