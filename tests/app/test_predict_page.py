"""The Predict page with a model that the real command has trained, and a real worker."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

from core.cnn import studies
from core.cnn.evaluation import read_predictions
from core.store import Store
from tests import drawn
from tests.app.conftest import _use
from tests.app.support import ROOT, Filled, calm, companions, errors_of, said, settled
from ui import cached

PAGE = "screens/classify/predict.py"
HOSTILE = "=cmd() <b onclick=alert(1)> ![i](x) $x$ `c` #1.png"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Filled:
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root").resolve()
    for kind in drawn.INK:
        drawn.save(root / "shapes" / kind, kind, 16)
    words = [sys.executable, "-m", "core", "train", "--data", str(root / "shapes")]
    words += ["--out", str(root / "model"), "--model", "scratch", "--size", "16", "--epochs", "15"]
    done = subprocess.run(
        [*words, "--no-augment", "--set", "batch_size=4"],
        cwd=ROOT, env=os.environ | {"FACETTE_HOME": str(home)}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Filled(home, root, {})


@pytest.fixture
def trained(made, monkeypatch) -> Filled:
    """The app of this process works on a trained model and its images."""
    return _use(made, monkeypatch)


@pytest.fixture
def orphan(made, monkeypatch, tmp_path) -> Filled:
    """The same model, whose images are gone."""
    shutil.copytree(made.home / "models", tmp_path / "home" / "models")
    (file,) = tmp_path.glob("home/models/*/config.json")
    about = json.loads(file.read_text())
    about["source"]["path"] = str(made.root / "gone")
    file.write_text(json.dumps(about))
    return _use(Filled(tmp_path / "home", made.root, {}), monkeypatch)


def opened() -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.run()
    at.switch_page(PAGE)
    return settled(calm(at.run()))


def way(at, name):
    (control,) = [one for one in at.segmented_control if one.label == "What it is shown"]
    return settled(calm(control.set_value(name).run()))


def upload(at, *files):
    given = [(name, data, "image/png") for name, data in files]
    return settled(calm(at.file_uploader(key="predict-files").set_value(given).run()))


def picture(kind, number=40, form="PNG"):
    buffer = io.BytesIO()
    drawn.picture(kind, number).save(buffer, form)
    return buffer.getvalue()


def plain(text):
    return text.replace("\\", "")


def title(at):
    (found,) = [m.value for m in at.main.markdown if m.value.startswith("# ")]
    return plain(found[2:])


def model_of(filled):
    (model,) = studies.models(Store(filled.home))
    return model


def gallery(at, label):
    (found,) = [g for g in companions(at, "facette_gallery") if g["label"].startswith(label)]
    return found["items"]


def test_without_a_model_the_page_says_what_it_will_do(made, monkeypatch, tmp_path):
    _use(Filled(tmp_path / "home", made.root, {}), monkeypatch)
    at = opened()
    assert "No model has been trained yet" in said(at) and "show this page an image" in said(at)
    assert [b.label for b in at.main.button] == ["Train a model"]


def test_a_test_image_is_named_at_once_as_the_evaluation_has_it(trained):
    at = opened()
    assert "Show it an image, and it says which of 2 classes it sees" in plain(said(at))
    strip = gallery(at, "Choose an image")
    view = read_predictions(model_of(trained).folder / "predictions.csv")
    assert len(strip) == len(view.rows("test"))
    file = strip[0]["caption"].split("\n")[-1]
    row = view.row_of[file]
    assert view.split[row] == "test" and strip[0]["chosen"]
    assert title(at) == view.classes[view.predicted[row]]
    mark = "right" if view.predicted[row] == view.label[row] else "wrong"
    assert f"probability · :material/{'check' if mark == 'right' else 'close'}: {mark}" in said(at)
    assert not at.error and not at.warning


def test_what_is_alike_is_shown_with_classes_and_distances(trained):
    at = opened()
    view = read_predictions(model_of(trained).folder / "predictions.csv")
    near = gallery(at, "The nearest training images")
    assert len(near) == 8
    for item in near:
        name, distance, file = item["caption"].split("\n")
        row = view.row_of[file]
        assert view.split[row] == "train" and view.classes[view.label[row]] == name
        assert float(distance.removeprefix("distance ")) >= 0
    (table,) = [t.value for t in at.dataframe if "distance" in t.value]
    assert table["distance"].is_monotonic_increasing


def test_the_command_names_the_folder_of_the_model(trained):
    at = opened()
    assert at.code[0].value == f"python -m core serve {model_of(trained).folder}"


@pytest.mark.parametrize("kind", list(drawn.INK))
def test_an_upload_is_named_and_its_name_is_shown_as_it_is(trained, kind):
    at = upload(way(opened(), "upload"), (HOSTILE, picture(kind)))
    assert title(at) == kind
    assert HOSTILE in plain(said(at))
    assert "<b onclick" not in said(at).replace("\\<b", "")
    assert not at.error


def test_where_it_looks_can_be_asked_for_each_class_and_switched_off(trained):
    at = upload(way(opened(), "upload"), ("a.png", picture("disc")))

    def shown():
        (found,) = [
            g["items"][0] for g in companions(at, "facette_gallery")
            if g["label"].startswith(("Where it looks for", "a.png"))
        ]  # fmt: skip
        return found["src"]

    own = shown()
    (box,) = [one for one in at.selectbox if one.label == "Where it looks for"]
    model = model_of(trained)
    other = 1 - model.classes.index(title(at))
    at = settled(calm(box.set_value(other).run()))
    assert shown() != own
    at = settled(calm(at.toggle(key="predict-heat").set_value(False).run()))
    assert shown() != own
    assert not [one for one in at.selectbox if one.label == "Where it looks for"]


def test_a_file_that_is_no_image_is_refused_in_words(trained):
    at = upload(way(opened(), "upload"), ("a.png", b"hello"))
    (error,) = errors_of(at)
    assert error == ("This file cannot be named: not a JPEG, PNG, WebP, BMP, TIFF or GIF image.")


def test_many_files_make_a_table_and_the_bad_ones_are_in_it(trained):
    files = [
        (HOSTILE, picture("disc")), ("bad.png", b"hello"), ("b.png", picture("square")),
        ("c.png", picture("square", 41)),
    ]  # fmt: skip
    at = upload(way(opened(), "upload"), *files)
    (table,) = [t.value for t in at.dataframe if "note" in t.value]
    assert table["file"].tolist() == [HOSTILE, "bad.png", "b.png", "c.png"]
    assert table["class"].tolist() == ["disc", "", "square", "square"]
    assert table["note"][1].startswith("not used: not a JPEG")
    assert table["image"][0].startswith("data:image/jpeg") and table["image"][1] == ""
    assert "3 images: square 2, disc 1" in plain(said(at))
    assert "1 file could not be used" in plain(at.warning[0].value)
    assert [b.label for b in at.download_button] == ["predictions.csv"]
    assert not at.error


def test_nothing_but_bad_files_is_said_too(trained):
    at = upload(way(opened(), "upload"), ("a.png", b"hello"), ("b.png", b""))
    (table,) = [t.value for t in at.dataframe if "note" in t.value]
    assert table["class"].tolist() == ["", ""]
    assert "2 files could not be used" in plain(at.warning[0].value)


def test_more_files_than_are_allowed_are_refused(trained):
    at = way(opened(), "upload")
    at = upload(at, *[(f"{i}.png", b"x") for i in range(501)])
    assert errors_of(at) == ["You chose 501 files, allowed are 500 at once. Take some away."]


def test_a_photo_of_the_camera_is_named(trained):
    at = way(opened(), "camera")
    photo = ("photo.jpg", picture("square", form="JPEG"), "image/jpeg")
    at = settled(calm(at.camera_input(key="predict-photo").set_value(photo).run()))
    assert title(at) == "square"


def test_when_its_images_are_gone_it_still_names_others_and_says_so(orphan):
    at = opened()
    assert "cannot be shown" in plain(at.warning[0].value)
    (control,) = [one for one in at.segmented_control if one.label == "What it is shown"]
    assert control.value == "upload"
    at = upload(at, ("a.png", picture("disc")))
    assert title(at) == "disc"
    assert "8 of them are not there any more" in plain(said(at))
    (table,) = [t.value for t in at.dataframe if "distance" in t.value]
    assert len(table) == 8
    cached.look_again()
