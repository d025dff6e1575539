from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import tasks
from core.datasets import open_dataset
from core.descriptors import autoencoder as module
from core.descriptors.autoencoder import Autoencoder
from core.errors import Cancelled
from core.events import Context, silent
from core.images import encode_png
from core.pipeline import run
from core.reducers.umap import import_umap
from core.runs import RunConfig
from core.store import Store
from core.types import Dataset, Explanation, Source

ROOT = Path(__file__).parents[3]
TINY = {"size": 8, "epochs": 3, "latent": 4, "batch_size": 16}


def halves(n: int = 60, side: int = 16) -> np.ndarray:
    """Grey images (n, side, side) uint8: bright left, bright top, bright right, in turn."""
    images = np.random.default_rng(3).integers(0, 60, (n, side, side), np.uint8)
    half = side // 2
    images[0::3, :, :half] += 180
    images[1::3, :half, :] += 180
    images[2::3, :, half:] += 180
    return images


def dataset_of(images: np.ndarray, **changes: object) -> Dataset:
    sizes = np.array([image.shape[1::-1] for image in images], np.int32)
    names = tuple(map(str, range(len(images))))
    about: dict = {"images_key": "key", **changes}
    return Dataset("d", Source("d"), names, sizes, lambda i, size: images[i], **about)


def digest_of(seed: int) -> str:
    block = Autoencoder(**TINY, shift=0.2).extract(dataset_of(halves()), Context(seed))
    return hashlib.sha256(block.values.tobytes()).hexdigest()


def test_a_second_process_gives_the_same_bytes_whether_umap_is_imported_before_or_after():
    """UMAP hides TensorFlow from itself where it comes first; both orders must go on working."""
    script = """
import sys
from core.reducers.umap import import_umap
import_umap()
assert "tensorflow" not in sys.modules
from tests.core.descriptors.test_autoencoder import digest_of
print(digest_of(1))
assert "tensorflow" in sys.modules
"""
    other = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    here = digest_of(1)
    assert here == digest_of(1) != digest_of(2)
    found, _ = other.communicate(timeout=180)
    assert other.returncode == 0 and found.strip() == here
    assert hasattr(import_umap(), "UMAP"), "after TensorFlow, unless a test had it before"


def test_the_groups_lie_apart_and_images_are_rebuilt():
    images = halves(90)
    block = Autoencoder(size=16, epochs=30, latent=8, batch_size=16).extract(
        dataset_of(images), Context()
    )
    assert block.values.shape == (90, 8) and block.notes == ()
    X = block.values - block.values.mean(axis=0)
    groups = np.arange(90) % 3
    within = sum(X[groups == g].var(axis=0).sum() for g in range(3)) / 3
    assert within < 0.3 * X.var(axis=0).sum()
    originals, rebuilt = (block.arrays[n].astype(float) for n in ("originals", "rebuilt"))
    mean = images.astype(float).mean(axis=0)[None, ..., None]
    assert np.square(rebuilt - originals).mean() < 0.2 * np.square(mean - originals).mean()


def test_it_ends_early_and_keeps_the_best_weights():
    from core.cnn.autoencoder_net import PATIENCE, Training
    from core.cnn.autoencoder_net import Autoencoder as Network

    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1)).astype(np.uint8)
    network = Network(8, 1, 16, seed=0)  # noise has no structure: it can only be learnt by heart
    history = network.fit(images, Training(epochs=400, batch_size=8, learning_rate=0.01))
    assert len(history.loss) == len(history.validation_loss) == history.best + PATIENCE + 1 < 400
    held_out = np.random.default_rng(0).permutation(40)[:4]
    error = np.square(network.rebuild(images[held_out]) / 255.0 - images[held_out] / 255.0).mean()
    assert error == pytest.approx(history.validation_loss[history.best], rel=0.02)
    assert error < history.validation_loss[-1]


@pytest.mark.parametrize("size", [8, 9, 31, 50, 128])
@pytest.mark.parametrize("channels", ["gray", "rgb"])
def test_any_size_comes_back_at_that_size(size, channels):
    images = np.repeat(halves(3, 40)[..., None], 3, axis=3)
    made = Autoencoder(size=size, channels=channels, epochs=1, latent=2)
    block = made.extract(dataset_of(images), Context())
    assert block.values.shape == (3, 2)
    shape = (3, size, size, 1 if channels == "gray" else 3)
    assert block.arrays["originals"].shape == block.arrays["rebuilt"].shape == shape


@pytest.mark.parametrize(
    ("side", "tint", "n", "expected"),
    [
        (28, 0, 1_000, (32, "gray", 60)),
        (64, 3, 10_000, (64, "gray", 15)),
        (300, 4, 90_000, (64, "rgb", 10)),
    ],
)
def test_automatic_values_follow_the_images(side, tint, n, expected):
    look = np.full((n, 12, 12, 3), 90, np.uint8)
    look[n // 2, 3, 4, 1] += tint  # one pixel of one image is not quite grey
    images = [np.zeros((side, side), np.uint8)] * n
    made = Autoencoder().resolve(dataset_of(images, measured={"look": look}))
    assert (made.size, made.channels, made.epochs) == expected


def test_a_large_dataset_is_learnt_in_part_and_described_whole(monkeypatch):
    monkeypatch.setattr(module, "KEPT_BYTES", 20 * 64)
    monkeypatch.setattr(module, "PART", 17)
    seen: list[tuple[int, int]] = []
    context = Context(0, lambda done, total: seen.append((done, total)))
    block = Autoencoder(**TINY, channels="gray").extract(dataset_of(halves()), context)
    assert block.values.shape == (60, 4) and block.arrays["counts"][0] == 20
    assert block.notes == ("autoencoder: learnt from 20 of 60 images, all are described.",)
    assert seen == sorted(seen) and seen[-1] == (20 + 3 * 20 + 60,) * 2
    assert len(seen) > 3 + 60 // 17, "progress within epochs and parts"


def test_cancel_stops_within_an_epoch():
    steps: list[int] = []

    def stop(done: int, total: int) -> None:
        steps.append(done)
        if done > 64:  # all are read, and a step was made
            raise Cancelled

    with pytest.raises(Cancelled):
        Autoencoder(**TINY).extract(dataset_of(halves()), Context(0, stop))
    assert steps[-1] == 60 + 16


def test_what_was_learnt_is_drawn():
    originals = np.stack([np.full((32, 32, 1), 10 * i, np.uint8) for i in range(6)])
    arrays = {
        "loss": np.array([0.2, 0.1, 0.05], np.float32),
        "validation_loss": np.array([0.3, 0.04, 0.09], np.float32),
        "originals": originals,
        "rebuilt": originals + 5,
        "counts": np.array([1200, 1]),
    }
    seen = Autoencoder(latent=7).explain_learned(originals[0, ..., 0], arrays)
    assert list(seen.curves) == ["loss", "validation loss"]
    assert "7 numbers" in seen.caption and "1,200 images in 3 epochs" in seen.caption
    assert "20.0 %" in seen.caption, "the root of 0.04, the error of the kept epoch"
    assert seen.image is not None and seen.image.shape == (2 * 2 * 64 + 8, 4 * 68 - 4, 3)
    assert seen.image[0, 68 + 5].tolist() == [10] * 3, "the second image in the first row"
    assert seen.image[64, 68 + 5].tolist() == [15] * 3, "its reconstruction is right below"
    assert seen.image[136 + 64, 68 + 5].tolist() == [55] * 3, "the sixth is in the second row"


def test_it_is_explained_once_it_has_learnt_and_nothing_is_trained_for_it(tmp_path):
    folder, store = tmp_path / "images", Store(tmp_path / "store", layers=())
    folder.mkdir()
    for i, image in enumerate(halves(12)):
        (folder / f"{i:02}.png").write_bytes(encode_png(image))
    source, text = Source("folder", str(folder)), "autoencoder:size=8,epochs=2,latent=4"
    data = open_dataset(source, store)
    key = tasks.explanation_key(data, 0, text)
    answer = tasks.explain(store, silent, source.to_json(), 0, [text, "gray_histogram"])
    assert answer == {"refused": {}}
    assert not store.has(key) and not store.has(tasks.learnt_key(data, text))
    assert store.has(tasks.explanation_key(data, 0, "gray_histogram"))
    run(data, RunConfig(text, reducer="none", clusterer="kmeans:n_clusters=3"), store)
    assert store.has(tasks.learnt_key(data, text))
    tasks.explain(store, silent, source.to_json(), 0, [text])
    entry = store.get(key)
    assert entry is not None and entry.meta["curves"] == ["loss", "validation loss"]
    assert entry.array("curve_0").shape == (2,) and entry.array("image").shape[2] == 3


def test_before_it_has_learnt_it_shows_what_goes_in():
    seen: Explanation = Autoencoder(latent=9).explain(np.full((32, 32), 7, np.uint8))
    assert "1,024 values go in, 9 come out" in seen.caption and seen.image is not None
