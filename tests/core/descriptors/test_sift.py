import cv2
import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from core.descriptors import sift as module
from core.descriptors.sift import Sift
from core.errors import InputError
from core.events import Context
from core.local_features import dense_features, keypoint_features
from core.types import Dataset, FeatureBlock, Source


def dataset_of(images: list[np.ndarray]) -> Dataset:
    sizes = np.array([image.shape[1::-1] for image in images], np.int32)
    names = tuple(map(str, range(len(images))))
    return Dataset("d", Source("d"), names, sizes, lambda i, size: images[i], "key")


def block_of(images: list[np.ndarray], seed: int = 0, **values: object) -> FeatureBlock:
    dataset = dataset_of(images)
    return Sift(**values).resolve(dataset).extract(dataset, Context(seed))


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    """Squares cut from scikit-learn's two photographs, turned ones beside them."""
    temple, flower = load_sample_images().images
    squares = [temple[40:296, 200:456], temple[150:406, 0:256], flower[60:316, 250:506]]
    return squares + [np.rot90(square).copy() for square in squares]


@pytest.mark.parametrize("encoding", ["bow", "vlad"])
def test_a_turned_image_is_nearest_to_itself(photos, encoding):
    values = block_of(photos, words=32, encoding=encoding, size=256, max_keypoints=300).values
    likeness = values @ values.T - 2 * np.eye(6)
    assert likeness.argmax(axis=1).tolist() == [3, 4, 5, 0, 1, 2]


@pytest.mark.parametrize("encoding", ["bow", "vlad"])
@pytest.mark.parametrize("dense", [False, True])
def test_rows_have_length_1_and_the_seed_decides(photos, encoding, dense):
    values = block_of(photos, encoding=encoding, dense=dense, words=20).values
    assert values.shape == (6, 20 if encoding == "bow" else 20 * 128)
    np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, rtol=1e-5)
    again = block_of(photos, encoding=encoding, dense=dense, words=20).values
    other = block_of(photos, 1, encoding=encoding, dense=dense, words=20).values
    assert values.tobytes() == again.tobytes() != other.tobytes()


def test_the_codebook_is_the_same_in_bounded_memory(photos, monkeypatch):
    kept = block_of(photos, words=20).values
    monkeypatch.setattr(module, "KEPT_BYTES", 0)
    assert block_of(photos, words=20).values.tobytes() == kept.tobytes()


def test_describe_learns_from_its_own_images(photos):
    dataset = dataset_of(photos)
    sift = Sift(words=20).resolve(dataset)
    prepared = [sift.prepare(dataset, i) for i in range(len(dataset))]
    np.testing.assert_allclose(
        sift.describe(prepared), sift.extract(dataset, Context(0)).values, atol=1e-6
    )


def test_prepare_keeps_the_proportions(photos):
    dataset = dataset_of([photos[0][:128]])
    assert Sift(size=100).prepare(dataset, 0).shape == (50, 100)


def test_bow_by_hand():
    """Three words, two images: counts (2, 1, 0) and (0, 1, 1)."""
    sift, codebook = Sift(words=3, root=False), np.eye(3, 128, dtype=np.float32)
    near = (codebook * 255).astype(np.uint8)
    counts = [sift._encode(near[[0, 0, 1]], codebook), sift._encode(near[[1, 2]], codebook)]
    idf = np.log(3 / np.array([2, 3, 2])) + 1
    expected = np.sqrt([[2, 1, 0], [0, 1, 1]] * idf)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(sift._pooled(counts), expected, rtol=1e-6)


def test_vlad_by_hand():
    sift = Sift(words=2, root=False, encoding="vlad")
    codebook = np.eye(2, 128, dtype=np.float32)
    found = np.zeros((1, 128), np.uint8)
    found[0, [0, 2]] = (160, 120)  # of length 1: 0.8 and 0.6, nearest to the first word
    row = sift._pooled([sift._encode(found, codebook)])[0].reshape(2, 128)
    expected = np.array([-np.sqrt(0.2), 0, np.sqrt(0.6)])
    np.testing.assert_allclose(row[0, :3], expected / np.linalg.norm(expected), atol=1e-6)
    assert (row[1] == 0).all()


def test_images_without_keypoints_are_zero_and_counted(photos):
    empty = np.full((256, 256, 3), 90, np.uint8)
    block = block_of([photos[0], empty, photos[1], empty], words=8)
    assert block.values.any(axis=1).tolist() == [True, False, True, False]
    assert block.notes == ("sift: 2 of 4 images have no keypoints.",)


def test_no_keypoint_at_all_says_what_to_do():
    empty = np.full((256, 256, 3), 90, np.uint8)
    with pytest.raises(InputError, match="no image has a single keypoint"):
        block_of([empty, empty])
    assert block_of([empty, empty], dense=True).values.shape[0] == 2


def test_fewer_local_descriptors_than_words_are_noted(photos):
    block = block_of(photos[:2], max_keypoints=5, words=64)
    assert block.values.shape[1] <= 10
    assert "different local descriptors" in block.notes[0]


def test_small_images_are_described_on_a_grid():
    images = [np.random.default_rng(i).integers(0, 256, (8, 8)).astype(np.uint8) for i in range(3)]
    sift = Sift().resolve(dataset_of(images))
    assert (sift.size, sift.dense, sift.words) == (64, True, 256)
    features = sift.local_features(sift.prepare(dataset_of(images), 0))
    assert features.shape == (128, 128) and features.dtype == np.uint8


@pytest.mark.parametrize("shape", [(1, 1), (1, 128), (128, 2), (3, 3), (40, 128)])
@pytest.mark.parametrize("dense", [False, True])
def test_any_shape(shape, dense):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    features = Sift(dense=dense).local_features(image)
    assert features.shape[1] == 128 and len(features) <= 128
    assert len(features) >= 1 or not dense


def test_at_most_max_keypoints(photos):
    gray = cv2.cvtColor(photos[0], cv2.COLOR_RGB2GRAY)
    for most in (1, 2, 7, 50):
        assert len(keypoint_features(gray, most)) == most
        assert len(dense_features(gray, most)) <= max(2, most)


def test_dense_features_are_close_to_opencv_sift(photos):
    """The same upright window by OpenCV: nearly the same direction in 128 dimensions."""
    gray = cv2.cvtColor(photos[0], cv2.COLOR_RGB2GRAY)
    ours = dense_features(gray, 2)[0].astype(float)  # the centre, cells of 6 pixels
    point = cv2.KeyPoint(127.5, 127.5, 4.0, 0)  # cells of 1.5 times this size
    theirs = cv2.SIFT_create().compute(gray, [point])[1][0].astype(float)
    theirs = theirs.reshape(4, 4, 8)[:, :, (-np.arange(8)) % 8].ravel()  # it counts upwards
    assert ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs) > 0.95


def test_keypoints_are_drawn_on_the_image(photos):
    gray = cv2.cvtColor(photos[0], cv2.COLOR_RGB2GRAY)
    seen = Sift(max_keypoints=20).explain(gray)
    assert seen.caption.startswith("20 points")
    assert (seen.image != seen.image[..., :1]).any(), "the circles are coloured"
