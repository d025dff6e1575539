"""The Train page on a study that the real command has made, and on what cannot be trained."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from streamlit.testing.v1 import AppTest

from core.cnn import studies, words
from core.cnn.config import Study, TrainConfig
from core.store import Store
from core.types import Source
from tests import drawn
from tests.app.conftest import _use
from tests.app.support import ROOT, Filled, calm, charts, companions, errors_of, said
from ui import cached

PAGE = "screens/classify/train.py"
KINDS = ("disc", "square", "stray")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Filled:
    """Three classes, one scratch model of them, and pictures without classes."""
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root").resolve()
    for kind in KINDS:
        drawn.save(root / "shapes" / kind, kind, 10)
    drawn.save(root / "flat", "disc", 5)
    command = [sys.executable, "-m", "core", "train", "--data", str(root / "shapes")]
    command += ["--model", "scratch", "--epochs", "2", "--no-augment", "--out", str(home / "out")]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"FACETTE_HOME": str(home)}, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (study,) = Store(home).records("studies")
    return Filled(home, root, {"shapes": study})


@pytest.fixture
def filled_store(made, monkeypatch, tmp_path) -> Filled:
    """The app of this process works on a copy of it."""
    shutil.copytree(made.home, tmp_path / "home")
    return _use(Filled(tmp_path / "home", made.root, made.runs), monkeypatch)


def opened(source: Source | None = None, **query: str) -> AppTest:
    """The Train page with these images open, as the Data page would have opened them."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    calm(at.run())
    if source is not None:
        at.session_state["_draft"] = (at.session_state["run"], source)
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page(PAGE)
    calm(at.run())
    for job in list(cached.jobs()._jobs):  # the images are read for the first time
        if cached.jobs().get(job).task == "open":
            cached.jobs().wait(job, 60)
            calm(at.run())
    return at


def shapes(store: Filled) -> Source:
    return Source("folder", str(store.root / "shapes"))


def plain(text: str) -> str:
    return text.replace("\\", "")


def headings(at: AppTest) -> list[str]:
    return [plain(m.value).lstrip("# ") for m in at.main.markdown if m.value.startswith("#")]


def test_digits_can_be_trained_at_once(filled_store):
    at = opened()
    assert headings(at)[0].startswith("10 classes of handwritten digits: 1,07")
    assert "judge" in headings(at)[0]
    (model,) = at.radio
    assert model.value == "scratch"  # small images: a network for photos would see blurs
    (strip,) = [g for g in companions(at, "facette_gallery") if len(g["items"]) == 7]
    assert len({item["src"] for item in strip["items"]}) == 7
    assert [b.key for b in at.main.button if b.key in ("train-study", "train-one")]
    calm(at.toggle(key="train-augment").set_value(False).run())
    assert not companions(at, "facette_gallery")
    assert not at.error


def test_the_newest_study_of_the_images_is_open_with_its_figures(filled_store):
    at = opened(shapes(filled_store))
    first, second = headings(at)[:2]
    assert first == "3 classes of shapes: 18 images teach, 6 stop, 6 judge"
    (row,) = studies.results(Store(filled_store.home), filled_store.runs["shapes"])
    assert second.startswith("From scratch names ")
    assert words.share(row.mean["accuracy"]) in second
    assert "of 6 test images right" in second
    assert at.query_params["study"] == filled_store.runs["shapes"]
    assert f"{row.mean['validation_accuracy']:.3f}" in charts(at)
    (table,) = at.dataframe
    assert table.value["parameters"].tolist() == [row.mean["parameters"]]
    assert [b.label for b in at.download_button if b.key == "get-study"] == ["study.csv"]
    calm(at.button(key="study-evaluate").click().run())
    assert at.session_state["models"] == list(row.models)
    assert "How it learnt" in said(at)


def test_a_link_opens_its_study_whatever_images_are_open(filled_store):
    at = opened(study=filled_store.runs["shapes"])
    assert headings(at)[0].startswith("10 classes of handwritten digits")
    assert headings(at)[1].startswith("From scratch names ")


@pytest.mark.parametrize("name", ["deadbeef", "../../etc", "", "<script>"])
def test_a_link_that_is_wrong_opens_none(filled_store, name):
    at = opened(study=name)
    assert len(headings(at)) == 1
    assert not at.error


def test_images_without_classes_are_told_what_to_do(filled_store):
    at = opened(Source("folder", str(filled_store.root / "flat")))
    assert headings(at)[0] == "Training needs images whose classes are known"
    assert "Classes in flat: got 0, allowed is at least 2" in plain(said(at))
    assert [b.label for b in at.main.button if b.label.startswith("Choose")] == [
        "Choose images with classes"
    ]
    assert not at.radio


def test_a_wrong_parameter_gives_one_message_and_nothing_starts(filled_store):
    at = opened(shapes(filled_store))
    at.radio[0].set_value("transfer")
    calm(at.number_input(key="train-size").set_value(20).run())
    (message,) = errors_of(at)
    assert "at least 32" in message
    at.number_input(key="train-size").set_value(None)
    at.selectbox(key="train-folds").set_value(10)
    calm(at.run())
    assert not at.error
    calm(at.text_input(key="train-weights").set_value("/etc/passwd").run())
    assert "FACETTE_ROOT" in errors_of(at)[0]
    assert not cached.jobs().active("train")


def choice(at: AppTest):
    (box,) = [box for box in at.selectbox if box.label == "Study"]
    return box


def test_an_earlier_study_can_be_opened_and_an_unfinished_one_says_so(filled_store):
    wanted = Study(shapes(filled_store), variants=True)
    cached.store().save_record("studies", wanted.id, wanted.to_json())
    at = opened(shapes(filled_store))
    assert headings(at)[1] == "shapes · all three models"
    assert choice(at).options[0] == f"0 of 6 done · shapes · all three models · {wanted.id}"
    assert at.button(key=f"go-on-{wanted.id}").label == "Train"
    earlier = filled_store.runs["shapes"]
    calm(choice(at).set_value(earlier).run())
    assert at.query_params["study"] == earlier
    assert headings(at)[1].startswith("From scratch names ")


def test_a_training_is_found_again_cancelled_watched_and_killed(filled_store):
    at = opened(shapes(filled_store))
    calm(at.radio[0].set_value("scratch").run())
    at.number_input(key="train-epochs").set_value(400)
    at.number_input(key="train-patience").set_value(400)
    calm(at.button(key="train-one").click().run())
    (job,) = cached.jobs().active("train")
    asked = Study.from_json(job.arguments["study"])
    assert asked.base == TrainConfig(model="scratch", augment=True, epochs=400, patience=400)
    assert at.query_params["study"] == asked.id
    assert at.get("progress")
    other = opened()  # another tab, with other images
    assert other.query_params["study"] == asked.id
    calm(other.button(key=f"cancel-{job.id}").click().run())
    assert "Cancelled" in said(other)
    calm(at.run())
    assert not at.get("progress")
    calm(at.button(key=f"again-{job.id}").click().run())
    first_epoch(job.id)
    calm(at.run())
    curves = json.loads(charts(at))
    names = {trace["name"] for chart in curves for trace in chart["data"] if "name" in trace}
    assert {"training", "validation"} <= names
    assert "of at most 400" in at.get("progress")[0].proto.text
    os.kill(cached.jobs()._processes[job.id].pid, 9)
    cached.jobs().wait(job.id, 30)
    calm(at.run())
    assert "worker process stopped" in errors_of(at)[0]
    assert at.button(key=f"again-{job.id}")


def first_epoch(job: str) -> None:
    """Wait until a training has its first epoch behind it."""
    while (now := cached.jobs().get(job)).active:
        key = now.progress.get("key") if now.progress.get("stage") == "train" else None
        if key and (cached.store().record("trainings", key) or {}).get("history"):
            return
        time.sleep(0.1)
    raise AssertionError(now.message)


def test_a_study_is_deleted_with_its_models(filled_store):
    study = filled_store.runs["shapes"]
    (row,) = studies.results(Store(filled_store.home), study)
    other = Study(shapes(filled_store), TrainConfig(model="scratch", seed=9))
    cached.store().save_record("studies", other.id, other.to_json())
    cached.store().save_record("study_results", other.id, {"rows": [row.to_json()]})
    folder = filled_store.home / "models" / row.models[0]
    at = opened(shapes(filled_store), study=study)
    calm(at.button(key=f"delete-{study}").click().run())
    assert folder.is_dir()  # the other study shows it
    assert cached.store().records("studies") == [other.id]
    assert at.query_params["study"] == other.id
    calm(at.button(key=f"delete-{other.id}").click().run())
    assert not folder.exists()
    assert len(headings(at)) == 1


LIGHT = """
import json, sys
from tests.app.test_train_page import PAGE, opened
opened(study={study!r})
print("LOADED", json.dumps(sorted({{"tensorflow", "keras", "umap", "numba"}} & set(sys.modules))))
"""


def test_the_page_imports_no_network_library(filled_store):
    done = subprocess.run(
        [sys.executable, "-c", LIGHT.format(study=filled_store.runs["shapes"])],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.split("LOADED")[1]) == []
