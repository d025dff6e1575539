"""Descriptors that are networks trained on ImageNet, and the one that you train yourself."""

import shutil

import numpy as np
import pytest

from core import registry
from core.cnn import backbones
from core.cnn.artefact import load
from core.components import Descriptor
from core.errors import InputError
from core.events import Context
from core.types import Dataset, Source
from tests import tiny_model

LITE = "efficientnet_lite0"


def images(n: int, side: int = 64, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 256, (n, side, side, 3)).astype(np.uint8))


def parse(text: str) -> Descriptor:
    descriptor = registry.parse("descriptor", text)
    assert isinstance(descriptor, Descriptor)
    return descriptor


def dataset_of(pictures: list[np.ndarray]) -> Dataset:
    sizes = np.array([image.shape[1::-1] for image in pictures], np.int32)
    names = tuple(f"{i}.png" for i in range(len(pictures)))
    return Dataset("test", Source("test"), names, sizes, lambda i, size: pictures[i], "key")


def test_every_backbone_is_a_descriptor():
    known = registry.components("descriptor")
    assert set(backbones.names()) <= set(known)
    assert all(known[name].deep for name in backbones.names())
    for name in backbones.names():
        settled = parse(name).resolve(dataset_of(images(1)))
        assert settled.size == backbones.find(name).size


def test_the_default_is_the_mean_of_the_last_feature_map():
    pictures = images(3)
    found = parse(f"{LITE}:size=64").describe(pictures)
    maps = backbones.build(LITE, 64).predict_on_batch(np.stack(pictures).astype(np.float32))
    assert found.shape == (3, 1280)
    assert np.allclose(found, maps.mean((1, 2)), atol=1e-5)


def test_any_layer_can_be_the_descriptor():
    picture = images(1, 32)
    by_layer = {
        layer: parse(f"{LITE}:size=32,layer={layer}").describe(picture)
        for layer in ("stem", "block_2_1_expand", "block_6_2_depthwise")
    }
    lengths = [values.shape[1] for values in by_layer.values()]
    assert lengths == [32, 96, 1152]


def test_a_row_is_the_same_in_any_batch_to_the_last_bit():
    pictures = images(19, 48)
    descriptor = parse(f"{LITE}:size=48")
    together = descriptor.describe(pictures)
    apart = np.concatenate([descriptor.describe([image]) for image in pictures])
    assert np.array_equal(together, apart)
    assert np.array_equal(descriptor.describe(pictures[::-1])[::-1], together)
    extracted = descriptor.extract(dataset_of(pictures), Context()).values
    assert np.array_equal(extracted, together)


def test_it_sees_things_and_not_colours():
    """A disc on the left is nearer to a disc on the right than to stripes of the same colours."""
    y, x = np.mgrid[:96, :96]
    discs = [((x - at) ** 2 + (y - 48) ** 2 < 500) for at in (36, 60)]
    stripes = (x // 8) % 2 == 0
    drawn = [np.where(m[..., None], (200, 60, 40), (30, 90, 160)) for m in (*discs, stripes)]
    a, b, c = parse(f"{LITE}:size=96").describe([one.astype(np.uint8) for one in drawn])
    assert np.linalg.norm(a - b) < 0.5 * np.linalg.norm(a - c)


def test_explains_where_it_answers():
    picture = np.full((96, 96, 3), 128, np.uint8)
    picture[8:40, 8:40] = np.random.default_rng(0).integers(0, 256, (32, 32, 3))
    seen = parse(f"{LITE}:size=96,layer=block_3_2").explain(picture)
    assert "12 x 12 places" in seen.caption
    assert seen.image is not None and seen.image.shape == (256, 256, 3)
    assert set(seen.curves) == {"value"}


def test_a_file_of_weights_counts_by_its_content(tmp_path):
    def identity(path) -> dict:
        return parse(f"vgg16:weights={path}").identity(0)

    one, same, other = (tmp_path / name for name in ("a.h5", "b.h5", "c.h5"))
    one.write_bytes(b"x")
    same.write_bytes(b"x")
    other.write_bytes(b"y")
    assert identity(one) == identity(same) != identity(other)
    assert identity(one) != parse("vgg16").identity(0) != parse("vgg16:weights=random").identity(0)
    with pytest.raises(InputError, match="vgg16: weights: got .*none.h5, allowed is imagenet"):
        parse(f"vgg16:weights={tmp_path / 'none.h5'},size=32").load()


def test_another_file_at_the_same_path_is_another_network(tmp_path):
    file = tmp_path / "own.weights.h5"
    found = []
    for seed in (1, 2):
        backbones.build("mobilenet_v2", 32, "random", seed).save_weights(file)
        found.append(parse(f"mobilenet_v2:weights={file},size=32").describe(images(1, 32)))
    assert not np.allclose(found[0], found[1])


def test_weights_that_are_not_there_can_be_mended(tmp_path):
    with pytest.raises(InputError, match="efficientnet_lite0: weights: got .*none.pth, allowed"):
        backbones.build(LITE, 32, str(tmp_path / "none.pth"))


@pytest.mark.parametrize("path", ["/a,b.h5", "/a+b.h5", " /a.h5", "", "a\nb", "x" * 2000])
def test_a_path_that_cannot_be_written_is_refused(path):
    with pytest.raises(InputError, match="vgg16: weights: got .* without comma, plus sign"):
        registry.create("descriptor", "vgg16", {"weights": path})


def test_a_path_with_a_comma_is_told_of_on_the_command_line():
    with pytest.raises(InputError, match="A path with a comma or a plus sign"):
        parse("vgg16:weights=/a,b.h5")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "model"
    tiny_model.write(folder)
    return folder


def test_the_penultimate_layer_of_a_trained_model(trained):
    pictures = images(20, 40)
    descriptor = parse(f"trained_cnn:model={trained}")
    prepared = [descriptor.prepare(dataset_of(pictures), i) for i in range(20)]
    found = descriptor.describe(prepared)
    assert np.allclose(found, load(trained).embed(pictures), atol=1e-5)
    apart = np.concatenate([descriptor.describe([image]) for image in prepared])
    assert np.array_equal(found, apart)
    seen = descriptor.explain(prepared[0])
    assert any(name in seen.caption for name in tiny_model.CLASSES)


def test_a_trained_model_counts_by_its_content(trained, tmp_path):
    def identity(path) -> dict:
        return parse(f"trained_cnn:model={path}").identity(0)

    moved = shutil.copytree(trained, tmp_path / "moved")
    assert identity(moved) == identity(trained)
    (moved / "classes.json").write_text('["a", "b", "c"]')
    assert identity(moved) != identity(trained)


def test_the_newest_model_of_the_store_is_the_automatic_one(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("FACETTE_HOME", str(tmp_path))
    pictures = dataset_of(images(1))
    nothing = parse("trained_cnn").resolve(pictures)
    assert nothing == parse("trained_cnn")
    with pytest.raises(InputError, match="trained_cnn: model: got auto.*python -m core train"):
        nothing.load()
    shutil.copytree(trained, tmp_path / "models" / ("ab" * 16))
    settled = parse("trained_cnn").resolve(pictures)
    assert settled == parse(f"trained_cnn:model={'ab' * 16}")
    assert settled.identity(0) == parse(f"trained_cnn:model={trained}").identity(0)
    (tmp_path / "half").mkdir()
    shutil.copy(trained / "config.json", tmp_path / "half")
    with pytest.raises(InputError, match="trained_cnn: model: got .*half"):
        parse(f"trained_cnn:model={tmp_path / 'half'}").load()
    with pytest.raises(InputError, match="trained_cnn: model: got .*elsewhere"):
        parse(f"trained_cnn:model={tmp_path / 'elsewhere'}").load()
