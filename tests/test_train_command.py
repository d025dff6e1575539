"""`train` and `predict` as real commands, on pictures that take seconds to learn."""

import csv
import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.core.cnn import coloured

QUICK = ["--model", "scratch", "--size", "16", "--epochs", "6", "--set", "batch_size=8"]


def facette(home, *words):
    return subprocess.run(
        [sys.executable, "-m", "core", *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"FACETTE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = coloured.write(tmp_path_factory.mktemp("data") / "colours", 15)
    (folder / "red" / "broken.png").write_bytes(b"\x89PNG nothing")
    return folder


@pytest.fixture(scope="module")
def model(home, data, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "model"
    done = facette(home, "train", "--data", data, *QUICK, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "red/broken.png: " in done.stderr
    assert done.stdout.splitlines()[1].startswith("From scratch, augmented")
    return out


def test_train_writes_the_files_of_a_model(model):
    names = "model.keras classes.json config.json history.csv metrics.json confusion.csv"
    for name in [*names.split(), "predictions.csv", "card.md"]:
        assert (model / name).is_file(), name
    metrics = json.loads((model / "metrics.json").read_text())
    wanted = "accuracy macro_f1 n_train n_validation n_test seconds parameters"
    assert set(wanted.split()) <= set(metrics)
    assert json.loads((model / "classes.json").read_text()) == ["blue", "green", "red"]
    table = list(csv.reader((model / "confusion.csv").open()))
    counts = [[int(cell) for cell in row[1:]] for row in table[1:]]
    assert sum(map(sum, counts)) == metrics["n_test"]
    assert sum(counts[i][i] for i in range(3)) == round(metrics["accuracy"] * metrics["n_test"])


def test_predict_names_images_and_says_which_are_none(home, model, data, tmp_path):
    files = [data / "red" / "00.png", data / "blue" / "03.png"]
    done = facette(home, "predict", model, *files, "--json")
    assert done.returncode == 0 and done.stderr == ""
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["predicted_class"] for line in said] == ["red", "blue"]
    for line in said:
        assert abs(sum(line["probabilities"].values()) - 1) < 1e-4
        assert line["probability"] == max(line["probabilities"].values())
    stray = tmp_path / "stray.txt"
    stray.write_text("no image")
    mixed = facette(home, "predict", model, stray, files[0])
    assert mixed.returncode == 2 and len(mixed.stderr.splitlines()) == 1
    assert mixed.stdout.splitlines()[0].split("\t")[:2] == [str(files[0]), "red"]


def test_a_study_writes_a_table_and_a_folder_a_model(home, data, tmp_path):
    out = tmp_path / "study"
    words = ["train", "--data", data, *QUICK, "--folds", "2", "--out", out]
    done = facette(home, *words)
    assert done.returncode == 0, done.stderr
    (row,) = csv.DictReader((out / "study.csv").open())
    assert row["variant"] == "From scratch, augmented" and float(row["accuracy_spread"]) >= 0
    folders = sorted(folder.name for folder in (out / "models").iterdir())
    assert folders == [f"from_scratch_augmented_fold_{fold}_of_2" for fold in (1, 2)]
    again = facette(home, *words)
    assert again.returncode == 0 and again.stdout == done.stdout
    assert "computed train" not in again.stderr, "what is trained is not trained again"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["train", "--data", "DATA", "--out", "OUT", "--model", "magic"],
            "train: model: got magic",
        ),
        (["train", "--data", "DATA", "--out", "OUT", "--set", "rate=1"], "train: parameter: got"),
        (["train", "--data", "DATA", "--out", "DATA"], "out: got "),
        (["train", "--data", "digits", "--out", "OUT", "--backbone", "x"], "backbone"),
        (["predict", "DATA", "photo.jpg"], "is not a model that Facette has written"),
        (["predict", "no/such/model", "photo.jpg"], "allowed is the folder of a model"),
    ],
)
def test_what_can_be_mended_is_one_line_and_status_2(home, data, tmp_path, words, message):
    names = {"DATA": data, "OUT": tmp_path / "out"}
    done = facette(home, *(names.get(word, word) for word in words))
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ") and message in done.stderr
    assert len(done.stderr.splitlines()) == 1
