"""CLIP from an ONNX file: the encoder here is a tiny random one, so figures mean nothing."""

import numpy as np
import pytest
from PIL import Image

from core import registry
from core.cnn.onnx_encoder import Encoder
from core.descriptors.clip import DEVIATION, FILE, MEAN, centre
from core.errors import InputError
from core.types import Dataset, Source
from tests import tiny_onnx


def clip(path):
    return registry.create("descriptor", "clip", {"model": str(path)})


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tiny_onnx.encoder())
    return path


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_rows_are_the_encoders_at_length_one(file):
    """The file's convolution, ReLU and mean over the places, computed by hand."""
    images = [noise(32, 32, seed) for seed in range(20)]
    weight = np.random.default_rng(0).normal(0, 0.2, (24, 3, 8, 8)).astype("<f4")
    expected = []
    for image in images:
        x = ((image / 255 - MEAN) / DEVIATION).transpose(2, 0, 1)
        parts = x.reshape(3, 4, 8, 4, 8)
        answers = np.einsum("kaybx,dkyx->dab", parts, weight)
        row = np.maximum(answers, 0).mean((1, 2))
        expected.append(row / np.linalg.norm(row))
    found = clip(file).describe(images)
    assert found.dtype == np.float32 and found.shape == (20, 24)
    assert np.allclose(found, expected, atol=1e-5)
    assert np.array_equal(found[3:4], clip(file).describe(images[3:4]))


@pytest.mark.parametrize(("height", "width"), [(300, 200), (100, 260), (224, 224), (50, 50)])
def test_the_middle_is_cut_out_after_a_bicubic_resize(height, width):
    """As Pillow does it, which is what CLIP's own preprocessing calls."""
    image = noise(height, width)
    scale = 224 / min(height, width)
    size = (max(224, int(width * scale)), max(224, int(height * scale)))
    large = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
    left, top = (size[0] - 224) // 2, (size[1] - 224) // 2
    expected = np.asarray(large.crop((left, top, left + 224, top + 224)))
    assert np.array_equal(centre(image), expected)


def test_a_very_long_image_takes_no_more_memory_than_others():
    assert centre(noise(2, 60_000)).shape == (224, 224, 3)
    assert centre(noise(1, 1)).shape == (224, 224, 3)


def test_the_dataset_is_cut_before_it_is_kept(file):
    picture = noise(90, 40)
    sizes = np.array([[40, 90]], np.int32)
    dataset = Dataset("t", Source("t"), ("a",), sizes, lambda i, size: picture, "key")
    assert clip(file).prepare(dataset, 0).shape == (32, 32, 3)


@pytest.mark.parametrize(("side", "batch"), [(16, 1), (32, 4), ("side", "n"), ("side", 3)])
def test_sizes_and_batches_are_the_files(side, batch, tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(tiny_onnx.encoder(side, batch))
    encoder = Encoder(path)
    assert encoder.side == (224 if side == "side" else side)
    assert clip(path).describe([noise(300, 300, seed) for seed in range(7)]).shape == (7, 24)


def test_the_content_of_the_file_counts_and_not_its_place(file, tmp_path):
    copy, other = tmp_path / "copy.onnx", tmp_path / "other.onnx"
    copy.write_bytes(file.read_bytes())
    other.write_bytes(tiny_onnx.encoder(seed=1))
    assert clip(copy).identity(0) == clip(file).identity(0) != clip(other).identity(0)


def test_without_the_file_the_error_says_where_it_goes_and_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("FACETTE_HOME", str(tmp_path))
    with pytest.raises(InputError) as raised:
        registry.create("descriptor", "clip").load()
    text = str(raised.value)
    assert str(tmp_path / "models" / FILE) in text and "https://huggingface.co/" in text
    assert "clip:model=PATH" in text and "\n" not in text
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / FILE).write_bytes(tiny_onnx.encoder())
    registry.create("descriptor", "clip").load()


@pytest.mark.parametrize("place", ["{0}/inside.bin", "inside.bin", "../secret.bin", "{1}/cwd.bin"])
def test_weights_in_other_files_are_never_read(place, tmp_path, monkeypatch):
    """Not beside the model, not in the folder the process runs in, not anywhere."""
    folder, cwd = tmp_path / "models", tmp_path / "cwd"
    values = np.zeros((24, 3, 8, 8), "<f4").tobytes()
    for there in (
        folder / "inside.bin",
        tmp_path / "secret.bin",
        cwd / "cwd.bin",
        cwd / "inside.bin",
    ):
        there.parent.mkdir(exist_ok=True)
        there.write_bytes(values)
    monkeypatch.chdir(cwd)
    path = folder / "x.onnx"
    path.write_bytes(tiny_onnx.encoder(external=place.format(folder, cwd)))
    with pytest.raises(InputError, match="allowed is an ONNX file of an image encoder, all in one"):
        clip(path).load()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "cannot load"),
        (b"hello" * 100, "cannot load"),
        (tiny_onnx.encoder()[:3000], "cannot load"),
        (tiny_onnx.encoder(side=4000), "its images have the shape"),
        (tiny_onnx.encoder(batch=1000), "batches of 1000"),
    ],
    ids=["empty", "text", "cut", "large", "batch"],
)
def test_what_is_no_encoder_is_refused_in_one_sentence(content, why, tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=why) as raised:
        clip(path).load()
    assert "\n" not in str(raised.value)
