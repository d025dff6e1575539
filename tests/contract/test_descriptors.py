"""One suite over every registered descriptor."""

import dataclasses
import json
from collections.abc import Sequence

import numpy as np
import pytest

from core import registry
from core.components import Descriptor
from core.errors import Cancelled, InputError
from core.events import Context
from core.types import Dataset, Source
from tests import tiny_model, tiny_onnx

NAMES = list(registry.components("descriptor"))
# Values that keep this suite quick where the defaults would train or load much.
CHEAP: dict[str, dict[str, object]] = {
    "autoencoder": {"size": 16, "epochs": 1},
    "efficientnet_lite0": {"size": 32},
    "efficientnet_lite1": {"size": 32},
    "efficientnet_lite2": {"size": 32},
    "efficientnet_b0": {"size": 32, "weights": "random"},
    "mobilenet_v2": {"size": 32, "weights": "random"},
    "nasnet_mobile": {"size": 32, "weights": "random"},
    "resnet50": {"size": 32, "weights": "random"},
    "vgg16": {"size": 32, "weights": "random"},
}


@pytest.fixture(scope="session", autouse=True)
def models_given_by_people(tmp_path_factory):
    """What has no model without a file: a random encoder, an untrained classifier."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "clip.onnx").write_bytes(tiny_onnx.encoder())
    tiny_model.write(folder / "trained")
    CHEAP["clip"] = {"model": str(folder / "clip.onnx")}
    CHEAP["trained_cnn"] = {"model": str(folder / "trained")}


def dataset_of(images: Sequence[np.ndarray]) -> Dataset:
    sizes = np.array([image.shape[1::-1] for image in images], np.int32)
    names = tuple(f"{i}.png" for i in range(len(images)))
    return Dataset("test", Source("test"), names, sizes, lambda i, size: images[i], "key")


def settled(name: str, dataset: Dataset, **values: object) -> Descriptor:
    component = registry.create("descriptor", name, CHEAP.get(name, {}) | values)
    assert isinstance(component, Descriptor)
    return component.resolve(dataset)


def extracted(name: str, images: Sequence[np.ndarray], **values: object) -> np.ndarray:
    """The block of the images, checked for what holds for any input."""
    dataset = dataset_of(images)
    block = settled(name, dataset, **values).extract(dataset, Context())
    assert block.values.dtype == np.float32
    assert block.values.ndim == 2 and len(block.values) == len(images)
    assert block.values.shape[1] >= 1
    assert np.isfinite(block.values).all()
    assert all(note.startswith(f"{name}: ") for note in block.notes)
    return block.values


def textured(side: int, channels: int | None, seed: int) -> np.ndarray:
    """Noise with a bright square in it, so that every descriptor finds something."""
    rng = np.random.default_rng(seed)
    shape = (side, side) if channels is None else (side, side, channels)
    image = rng.integers(0, 90, shape).astype(np.uint8)
    at = int(rng.integers(side // 8, side // 2))
    image[at : at + side // 3, at : at + side // 4] += np.uint8(150)
    return image


PHOTOS = [textured(80, 3, seed) for seed in range(20)]
DIGITS = [textured(8, None, seed) for seed in range(20)]
KINDS = {
    "photos": PHOTOS,
    "small": DIGITS,
    "one pixel": [np.full((1, 1), v, np.uint8) for v in (0, 9, 255)],
    "two pixels in colour": [np.full((1, 2, 3), v, np.uint8) for v in (0, 9, 255)],
    "narrow": [textured(300, 3, s)[:, :2] for s in range(3)] + [textured(300, 3, 9)[:3]],
    "mixed": [PHOTOS[0], DIGITS[0], textured(200, 3, 7)[:, :120], np.zeros((1, 1), np.uint8)],
    "one constant": [PHOTOS[0], np.full((80, 80), 77, np.uint8), PHOTOS[1]],
    "one image": [PHOTOS[0]],
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_any_image_becomes_a_finite_row(name, kind):
    extracted(name, KINDS[kind])


@pytest.mark.parametrize("name", NAMES)
def test_constant_images_are_described_alike_or_refused_in_one_sentence(name):
    images = [np.full((90, 70, 3), 128, np.uint8)] * 3
    try:
        values = extracted(name, images)
    except InputError as error:
        assert str(error).startswith(f"{name}: ") and "\n" not in str(error)
    else:
        assert (values == values[0]).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("images", [PHOTOS, DIGITS], ids=["photos", "small"])
def test_same_images_same_bytes(name, images):
    assert extracted(name, images).tobytes() == extracted(name, images).tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_row_depends_on_its_image_alone(name):
    """Unless the descriptor learns from the whole dataset, which is what its seed is for."""
    dataset = dataset_of(PHOTOS)
    descriptor = settled(name, dataset)
    prepared = [descriptor.prepare(dataset, i) for i in range(len(dataset))]
    together = descriptor.describe(prepared)
    if descriptor.uses_seed:
        backwards = descriptor.describe(prepared[::-1])[::-1]
        assert together.shape == backwards.shape
        return
    apart = np.concatenate([descriptor.describe([image]) for image in prepared])
    backwards = descriptor.describe(prepared[::-1])[::-1]
    assert np.array_equal(together, apart)
    assert np.array_equal(together, backwards)
    assert np.array_equal(together, descriptor.extract(dataset, Context()).values)


@pytest.mark.parametrize("name", NAMES)
def test_different_images_differ_and_the_input_stays(name):
    dark, bright = textured(80, 3, 1), textured(80, 3, 2)[::-1] // 2 + 100
    before = dark.copy()
    values = extracted(name, [dark, bright])
    assert not np.allclose(values[0], values[1])
    assert np.array_equal(dark, before)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_explains_itself(name, kind):
    dataset = dataset_of(KINDS[kind])
    descriptor = settled(name, dataset)
    for index in range(min(2, len(dataset))):
        seen = descriptor.explain(descriptor.prepare(dataset, index))
        assert seen.caption.endswith(".") and any(c.isdigit() for c in seen.caption)
        assert seen.image is not None or seen.curves
        if seen.image is not None:
            assert seen.image.dtype == np.uint8
            assert seen.image.ndim == 2 or seen.image.shape[2] == 3
        for curve in seen.curves.values():
            assert curve.ndim == 1 and np.isfinite(curve).all()


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is(name):
    cls = registry.find("descriptor", name)
    for sentence in (cls.summary, cls.sees, cls.blind_to):
        assert sentence.endswith(".") and 15 < len(sentence) < 120 and sentence[0].isupper()
    for p in cls.params():
        assert p.label and p.help.endswith(".") and p.help[0].isalpha(), p.name
        if p.type in (int, float):
            assert p.low is not None and p.high is not None, p.name
        if p.type is str and p.choices:
            assert p.default in p.choices, p.name
        assert p.default is not None or "Auto" in p.help, p.name


@pytest.mark.parametrize("name", NAMES)
def test_written_and_read_back(name):
    plain = registry.parse("descriptor", name)
    assert plain.spec() == name
    assert plain.identity(0) == registry.parse("descriptor", name).identity(0)
    json.dumps(plain.identity(0))
    resolved = settled(name, dataset_of(PHOTOS))
    assert registry.parse("descriptor", resolved.spec()) == resolved
    assert resolved.resolve(dataset_of(DIGITS)) == resolved, "settled once"
    for p in type(plain).params():
        word = p.choices[-1:] or ("purple",)
        other = {int: p.low, float: p.high, bool: not p.default, str: word}[p.type]
        value = other[0] if isinstance(other, tuple) else p.type(other)
        try:
            changed = dataclasses.replace(plain, **{p.name: value})
        except InputError:
            continue  # a value that does not go with the other defaults
        assert registry.parse("descriptor", changed.spec()) == changed
        assert (changed.identity(0) == plain.identity(0)) == (value == p.default)


@pytest.mark.parametrize(
    ("name", "param"), [(n, p) for n in NAMES for p in registry.find("descriptor", n).params()]
)
def test_wrong_values_are_named(name, param):
    free = param.type is str and not param.choices
    wrong: list[object] = [float("nan"), [], "a,b=c" if free else "purple"]
    if param.type in (int, float):
        wrong += [param.low - 1, param.high + 1, True]
    if not param.optional:
        wrong.append(None)
    for value in wrong:
        with pytest.raises(InputError, match=f"{name}: {param.name}: got "):
            registry.create("descriptor", name, {param.name: value})


@pytest.mark.parametrize("name", NAMES)
def test_progress_is_reported_to_the_end_and_can_stop_it(name):
    dataset, seen = dataset_of(PHOTOS), []
    descriptor = settled(name, dataset)
    descriptor.extract(dataset, Context(report=lambda done, total: seen.append((done, total))))
    assert seen == sorted(seen) and seen[-1][0] == seen[-1][1]

    def stop(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        descriptor.extract(dataset, Context(report=stop))
