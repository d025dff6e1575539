import io
import json
import shutil
import warnings
import zipfile

import h5py
import numpy as np
import pytest

from core.cnn import artefact, networks
from core.cnn.config import TrainConfig
from core.errors import InputError

CONFIG = TrainConfig(model="scratch", size=16, epochs=1)
CLASSES = ("left", "right")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "good"
    folder.mkdir()
    whole = networks.build(CONFIG, 2).whole
    artefact.write(folder, whole, CLASSES, CONFIG, {"dataset": "drawn"}, {"accuracy": 0.5}, [])
    return folder


@pytest.fixture
def copy(good, tmp_path):
    return shutil.copytree(good, tmp_path / "model")


def refused(folder, why):
    with pytest.raises(InputError) as raised:
        artefact.load(folder)
    text = str(raised.value)
    assert why in text and "\n" not in text and len(text) < 600
    return text


def with_weights(folder, change):
    """The model with another file of weights: `change` gets the HDF5 file, open for writing."""
    path = folder / "model.keras"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    content = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        change(file)
    parts["model.weights.h5"] = content.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)


def test_what_was_written_is_read_and_opens_in_keras_alone(good):
    import keras

    found = artefact.read(good)
    assert found.classes == CLASSES and found.config == CONFIG
    assert found.metrics["accuracy"] == 0.5 and found.about["dataset"] == "drawn"
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    ours = artefact.load(good).predict(list(images))
    theirs = keras.models.load_model(good / "model.keras", compile=False)(images.astype(float))
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-6)


def test_images_of_any_size_and_kind_are_taken(good):
    classifier = artefact.load(good)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, s, dtype=np.uint8) for s in ((1, 1), (40, 9, 3), (16, 16, 3))]
    assert classifier.predict(images).shape == (3, 2)
    assert classifier.predict([]).shape == (0, 2)
    assert classifier.embed(images).shape == (3, networks.HIDDEN)
    heat = classifier.heat(images[1], 1)
    assert heat.shape == (40, 9) and heat.dtype == np.float32


@pytest.mark.parametrize("name", ["model.keras", "classes.json", "config.json"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    refused(copy, f"{name} is missing")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("classes.json", "{}"),
        ("classes.json", '["one"]'),
        ("classes.json", "[1, 2]"),
        ("classes.json", "["),
        ("config.json", "[]"),
        ("config.json", '{"format": 99}'),
        ("config.json", '{"format": 1}'),
        ("config.json", '{"format": 1, "config": {"model": "magic"}}'),
        ("config.json", '{"format": 1, "config": {"model": "scratch", "size": 1000000}}'),
        ("config.json", "[" * 100_000),
        ("model.keras", "not a ZIP"),
    ],
)
def test_damaged_and_foreign_files_are_refused_in_one_sentence(copy, name, content):
    (copy / name).write_text(content)
    refused(copy, "")


def test_a_single_file_is_refused_with_what_to_do(tmp_path):
    file = tmp_path / "old.h5"
    file.write_bytes(b"\x89HDF\r\n\x1a\n")
    assert "train the model anew" in refused(file, "can hold code")
    assert "Train one" in refused(tmp_path / "none", "the folder of a model")


def test_weights_of_another_network_are_refused(copy):
    about = json.loads((copy / "config.json").read_text())
    about["config"]["size"] = 32
    (copy / "config.json").write_text(json.dumps(about))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an error is one line on standard error
        refused(copy, "its weights cannot be used")


def test_weights_that_are_not_numbers_are_refused(copy):
    def change(file):
        file["layers/dense_1/vars/0"][3, 1] = np.nan

    with_weights(copy, change)
    refused(copy, "some of its weights are not numbers")


def test_links_out_of_the_file_are_not_followed(copy, tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["stolen"] = np.ones((128, 2), np.float32)

    def change(file):
        del file["layers/dense_1/vars/0"]
        file["layers/dense_1/vars/0"] = h5py.ExternalLink(str(secret), "stolen")

    with_weights(copy, change)
    refused(copy, "it holds a link")


def test_data_kept_in_other_files_is_not_read(copy, tmp_path):
    secret = tmp_path / "secret.raw"
    secret.write_bytes(np.ones(256, np.float32).tobytes())

    def change(file):
        group = file["layers/dense_1/vars"]
        del group["0"]
        group.create_dataset("0", (128, 2), "f4", external=[(str(secret), 0, 1024)])

    with_weights(copy, change)
    refused(copy, "other than plain arrays")


def test_an_array_that_would_fill_the_memory_is_not_read(copy):
    def change(file):
        file.create_dataset("zeros", (1 << 27,), "f4", chunks=True, compression="gzip")

    with_weights(copy, change)
    refused(copy, "its weights are too large")


def test_code_in_the_keras_file_is_not_run(copy, tmp_path):
    """What model.keras says of its network is never built: only config.json is."""
    marker = tmp_path / "ran"
    path = copy / "model.keras"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = json.dumps(
        {"module": "os", "class_name": "system", "config": {"command": f"touch {marker}"}}
    ).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    assert artefact.load(copy).predict([np.zeros((9, 9), np.uint8)]).shape == (1, 2)
    assert not marker.exists()
