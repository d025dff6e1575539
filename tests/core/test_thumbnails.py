"""The atlas: each image in its tile, whole, at the size it says."""

import cv2
import numpy as np
import pytest

from core import thumbnails
from core.keys import key_of
from core.store import Store
from core.thumbnails import atlas_key, make_atlas, read_atlas
from core.types import Dataset, Source


def dataset(images):
    return Dataset(
        name="test",
        source=Source("folder"),
        ids=tuple(str(i) for i in range(len(images))),
        sizes=np.array([image.shape[1::-1] for image in images], np.int32),
        read=lambda i, at_least: images[i],
        images_key=key_of(len(images), [image.tolist() for image in images[:1]]),
    )


def tile(atlas, row):
    sheet, left, top = atlas.place(row)
    data = np.frombuffer(list(atlas.sheets())[sheet], np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    width, height = atlas.sizes[row]
    return pixels[top : top + height, left : left + width]


def test_small_images_stay_exact_over_several_sheets(tmp_path):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (5 + i % 4, 8, 3)).astype(np.uint8) for i in range(23)]
    store, calls = Store(tmp_path), []
    key = make_atlas(
        dataset(images), store, per_sheet=9, report=lambda done, n: calls.append((done, n))
    )
    atlas = read_atlas(store, key)
    assert (atlas.mime, atlas.tile, atlas.n) == ("image/png", 8, 23)
    for row, image in enumerate(images):
        np.testing.assert_array_equal(tile(atlas, row), image)
    assert calls == [(9, 23), (18, 23), (23, 23)]


def test_photos_are_shrunk_whole_and_do_not_bleed_into_each_other(tmp_path):
    colors = [(250, 20, 20), (20, 200, 40), (10, 20, 240)]
    images = [np.full((200 + 90 * i, 300, 3), c, np.uint8) for i, c in enumerate(colors)]
    store = Store(tmp_path)
    atlas = read_atlas(store, make_atlas(dataset(images), store))
    assert (atlas.mime, atlas.tile) == ("image/jpeg", 96)
    assert atlas.sizes.tolist() == [[96, 64], [96, 93], [76, 96]]
    for row, color in enumerate(colors):
        middle = tile(atlas, row)[8:-8, 8:-8].reshape(-1, 3)
        assert np.abs(middle.astype(int) - color).max() < 12


def test_it_is_made_once_and_read_as_none_before(tmp_path):
    images = [np.zeros((4, 4, 3), np.uint8)]
    store, calls = Store(tmp_path), []
    assert read_atlas(store, atlas_key(dataset(images))) is None
    for _ in range(2):
        make_atlas(dataset(images), store, report=lambda done, n: calls.append(done))
    assert calls == [1]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_images_give_the_same_bytes(tmp_path, seed):
    images = [np.random.default_rng(seed).integers(0, 256, (99, 99, 3)).astype(np.uint8)]
    first, second = (Store(tmp_path / name) for name in "ab")
    one, two = (read_atlas(s, make_atlas(dataset(images), s)) for s in (first, second))
    assert list(one.sheets()) == list(two.sheets())


def test_very_many_images_get_small_tiles(tmp_path, monkeypatch):
    images = [np.full((60, 60, 3), 40 + 30 * i, np.uint8) for i in range(6)]
    usual = atlas_key(dataset(images))
    monkeypatch.setattr(thumbnails, "MANY", 5)
    assert atlas_key(dataset(images)) != usual
    store = Store(tmp_path)
    atlas = read_atlas(store, make_atlas(dataset(images), store))
    assert (atlas.mime, atlas.tile) == ("image/jpeg", 48)
    for row, image in enumerate(images):
        assert np.abs(tile(atlas, row).astype(int) - image[0, 0]).max() < 6
