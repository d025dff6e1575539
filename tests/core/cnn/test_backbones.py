"""The networks are what they are said to be: the reference's logits, Keras's own models."""

import importlib
import json
import time
from pathlib import Path

import numpy as np
import pytest

from core import registry
from core.cnn import applications, backbones, efficientnet_lite
from core.cnn.pretrained import LAST
from core.cnn.runtime import import_keras
from core.errors import FacetteError, InputError
from core.images import decode, fitted
from core.keys import key_of_array

HERE = Path(__file__).parent
QUICK = ("vgg16", "efficientnet_b0", "mobilenet_v2")  # ResNet-50 loads as VGG16, NASNet as the last

# Every 125th logit of the two images of `drawn`, computed once with torch 2.13 by the network of
# the package efficientnet-lite-pytorch 0.1.0 from the same weights and (x - 127) / 128.
REFERENCE = {
    "efficientnet_lite0": [
        [-0.3625, -1.4976, -0.413, -1.1742, -0.0544, -1.6562, -1.2187, -0.309],
        [0.3646, -0.003, 0.1941, -1.7855, -0.6352, -0.6134, 0.671, -1.9561],
    ],
    "efficientnet_lite1": [
        [-0.3269, -1.4454, -1.2818, -0.7042, -0.2714, -2.1998, -1.5785, 0.3719],
        [-0.4169, -0.2353, -0.0921, 0.0528, -0.6033, -0.9187, 0.662, -0.3896],
    ],
    "efficientnet_lite2": [
        [-1.3027, -0.132, -0.6593, -0.2157, 0.1919, -1.2228, -0.3247, -0.4654],
        [0.0247, -0.7203, -0.9493, -1.1546, -0.9667, -1.2759, -0.2348, 0.2758],
    ],
}


def drawn(size: int) -> np.ndarray:
    """Two images (2, size, size, 3) uint8 of rings and checks, in whole numbers alone."""
    y, x = np.mgrid[:size, :size]
    rings = ((x - size // 2) ** 2 + (y - size // 3) ** 2) // 97 % 256
    first = np.stack([rings, x * 255 // size, y * 255 // size], 2)
    second = np.stack([(x // 16 + y // 16) % 2 * 200, (x * y) // 53 % 256, rings], 2)
    return np.stack([first, second]).astype(np.uint8)


@pytest.fixture(scope="module")
def classifiers():
    """Each Lite network with its classes, built once."""
    made = {}
    for name in efficientnet_lite.LITES:
        made[name] = efficientnet_lite.network(name, backbones.find(name).size, classes=True)
        efficientnet_lite.load_weights(made[name], name)
    return made


@pytest.mark.parametrize("name", REFERENCE)
def test_logits_of_drawn_images_are_the_references(name, classifiers):
    images = drawn(backbones.find(name).size).astype(np.float32)
    logits = classifiers[name].predict_on_batch(images)
    assert logits.shape == (2, 1000)
    assert np.abs(logits[:, ::125] - REFERENCE[name]).max() < 1e-3


@pytest.mark.parametrize("name", REFERENCE)
def test_logits_of_photos_are_the_references(name, classifiers, shared_data):
    """The ten largest of each; the pixels are compared first, since decoders differ."""
    known = json.loads((HERE / "reference_logits.json").read_text("utf-8"))[name]
    size = backbones.find(name).size
    images = [fitted(decode(shared_data / photo), size) for photo in known]
    if [key_of_array(image) for image in images] != [about["pixels"] for about in known.values()]:
        pytest.skip("these photos decode to other pixels here than where the logits were computed")
    logits = classifiers[name].predict_on_batch(np.stack(images).astype(np.float32))
    for row, about in zip(logits, known.values(), strict=True):
        assert np.abs(row[about["classes"]] - about["logits"]).max() < 1e-3
        assert row.argmax() == about["classes"][0]


def test_the_backbone_is_the_classifier_without_its_classes(classifiers):
    """The logits follow from the mean of the last feature map."""
    whole, name = classifiers["efficientnet_lite0"], "efficientnet_lite0"
    images = drawn(224).astype(np.float32)
    features = backbones.build(name).predict_on_batch(images)
    assert features.shape == (2, 7, 7, 1280)
    assert features.min() == 0 and features.max() <= 6
    kernel, bias = whole.get_layer("logits").get_weights()
    logits = features.mean((1, 2)) @ kernel + bias
    assert np.abs(logits - whole.predict_on_batch(images)).max() < 1e-4


@pytest.mark.parametrize("name", backbones.names())
def test_a_backbone_is_flat_and_can_be_cut_where_it_says(name):
    keras = import_keras()
    about = backbones.find(name)
    model = backbones.build(name, about.least_size, weights="random")
    assert model.input_shape == (None, about.least_size, about.least_size, 3)
    assert len(model.output_shape) == 4
    plain = all(type(layer).__module__.startswith("keras.src.layers") for layer in model.layers)
    assert plain and not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert not any(type(layer).__name__ == "Lambda" for layer in model.layers)
    order = [layer.name for layer in model.layers]
    assert about.splits and list(about.splits) == sorted(about.splits, key=order.index)
    for split in about.splits:  # an error where something else leads to the output
        rest = keras.Model(model.get_layer(split).output, model.output)
        assert rest.output_shape == model.output_shape

    (layer,) = (p for p in registry.find("descriptor", name).params() if p.name == "layer")
    assert layer.choices[-1] == layer.default == LAST
    for choice in layer.choices[:-1]:  # each of those that the descriptor offers is a map
        assert len(model.get_layer(choice).output.shape) == 4


def test_the_last_cut_leaves_at_most_about_a_third_of_the_work():
    for name in ("efficientnet_lite0", "efficientnet_lite2", "vgg16"):
        about = backbones.find(name)
        model = backbones.build(name, about.size, weights="random")
        names = [layer.name for layer in model.layers]
        work = [_multiplications(layer) for layer in model.layers]
        above = sum(work[names.index(about.splits[-1]) + 1 :])
        assert 0.05 < above / sum(work) < 0.35, (name, above / sum(work))


def _multiplications(layer) -> int:
    if "Conv2D" not in type(layer).__name__:
        return 0
    return int(np.prod(layer.output.shape[1:3]) * np.prod(layer.kernel.shape))


def test_random_weights_depend_on_the_seed_alone():
    images = drawn(32).astype(np.float32)
    one, again, other = (
        backbones.build("mobilenet_v2", 32, "random", seed).predict_on_batch(images)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again) and not np.allclose(one, other)
    assert not np.allclose(one[0], one[1])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """For each quick network a file of random weights, as Keras would have downloaded one."""
    keras = import_keras()
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    folder = tmp_path_factory.mktemp("weights")
    made = {}
    for name in QUICK:
        plain = getattr(keras.applications, applications.APPLICATIONS[name].function)(
            include_top=False, weights=None, input_shape=(32, 32, 3)
        )
        backbones._randomise(plain, 3)
        for layer in plain.layers:  # as trained ones are: no layer is left without an effect
            if type(layer).__name__ == "Normalization":
                mean, variance, count = layer.get_weights()
                layer.set_weights([mean + 0.4, variance * 0.23, count])
        made[name] = folder / f"{name}.h5"
        with h5py.File(made[name], "w") as file:  # the old form, which the published files have
            legacy_h5_format.save_weights_to_hdf5_group(file, plain)
    return made


@pytest.mark.parametrize("name", QUICK)
def test_preprocessing_is_kerass_own(name, files, monkeypatch):
    """Equal to Keras's model behind Keras's preprocess_input, both from the same file.

    Keras is handed the file in place of its download: there may be no network.
    """
    keras = import_keras()
    module = {"vgg16": "vgg16", "efficientnet_b0": "efficientnet", "mobilenet_v2": "mobilenet_v2"}
    package = getattr(keras.applications, module[name])
    inner = importlib.import_module(f"keras.src.applications.{module[name]}")
    monkeypatch.setattr(inner.file_utils, "get_file", lambda *a, **k: str(files[name]))
    function = applications.APPLICATIONS[name].function
    theirs = getattr(package, function)(
        include_top=False, weights="imagenet", input_shape=(32, 32, 3)
    )
    images = drawn(32).astype(np.float32)
    expected = theirs.predict_on_batch(package.preprocess_input(images.copy()))
    ours = backbones.build(name, 32, str(files[name])).predict_on_batch(images)
    assert expected.std() > 0
    assert np.abs(ours - expected).max() <= 1e-4 * np.abs(expected).max()


def test_without_a_network_the_error_names_the_file(monkeypatch, tmp_path):
    """The address is one that never answers; nothing leaves this computer."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(applications, "HOST", "https://127.0.0.1:9/")
    start = time.monotonic()
    with pytest.raises(InputError) as raised:
        backbones.build("mobilenet_v2", 32)
    text, file = str(raised.value), applications.APPLICATIONS["mobilenet_v2"].file
    assert time.monotonic() - start < 15
    assert file in text and str(tmp_path / "models" / file) in text and "https://" in text
    assert "weights=PATH" in text and "\n" not in text


def test_a_downloaded_file_is_used_without_asking_again(monkeypatch, tmp_path, files):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(applications, "HOST", "https://127.0.0.1:9/")
    place = applications.place_of("mobilenet_v2")
    place.parent.mkdir()
    place.write_bytes(files["mobilenet_v2"].read_bytes())
    images = drawn(32).astype(np.float32)
    cached = backbones.build("mobilenet_v2", 32).predict_on_batch(images)
    given = backbones.build("mobilenet_v2", 32, str(place)).predict_on_batch(images)
    assert np.array_equal(cached, given)


def test_what_is_wrong_is_said_in_one_sentence(tmp_path, files):
    with pytest.raises(InputError, match="backbone: got alexnet, allowed is one of efficientnet"):
        backbones.find("alexnet")
    with pytest.raises(InputError, match="efficientnet_lite0: size: got 16, allowed is at least"):
        backbones.build("efficientnet_lite0", 16)
    with pytest.raises(InputError, match="vgg16: weights: got .*none.h5"):
        backbones.build("vgg16", 32, str(tmp_path / "none.h5"))
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(InputError, match="a whole file of the network without its classes"):
        backbones.build("vgg16", 32, str(tmp_path / "text.h5"))
    with pytest.raises(InputError, match="a whole file of the network without its classes"):
        backbones.build("vgg16", 32, str(files["mobilenet_v2"]))
    (tmp_path / "other.pth").write_bytes(b"x")
    with pytest.raises(FacetteError, match="not the file expected"):
        backbones.build("efficientnet_lite0", 32, str(tmp_path / "other.pth"))
