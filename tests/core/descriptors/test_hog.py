import cv2
import numpy as np
import pytest
from skimage.feature import hog as reference
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_mutual_info_score
from threadpoolctl import threadpool_limits

from core.descriptors.hog import Hog
from core.errors import InputError
from core.types import Dataset, Source

SETTINGS = [(9, 8, 2), (7, 5, 3), (12, 16, 1), (9, 3, 2), (36, 4, 2), (1, 2, 5), (8, 7, 2)]


def images() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (40, 37)).astype(np.uint8)
    steps = rng.integers(0, 3, (48, 64)).astype(np.uint8) * np.uint8(120)
    return [noise, steps, np.full((32, 32), 200, np.uint8)]


@pytest.mark.parametrize(("orientations", "cell", "block"), SETTINGS)
def test_equals_scikit_image(orientations, cell, block):
    for image in images():
        ours = Hog(orientations=orientations, cell=cell, block=block).describe([image])[0]
        theirs = reference(image, orientations, (cell, cell), (block, block))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_equals_scikit_image_on_photos(shared_data):
    files = sorted((shared_data / "flipkart1050" / "images").iterdir())[:8]
    photos = [cv2.resize(cv2.imread(str(f), cv2.IMREAD_GRAYSCALE), (128, 128)) for f in files]
    theirs = [reference(photo, 9, (16, 16), (2, 2)) for photo in photos]
    np.testing.assert_allclose(Hog().describe(photos), theirs, atol=1e-5)


def test_a_vertical_edge_is_a_horizontal_gradient():
    image = np.zeros((8, 8), np.uint8)
    image[:, 4:] = 255
    cells = Hog(size=8, cell=8, block=1, orientations=4).describe([image])[0]
    assert cells[0] > 0.99 and (cells[1:] == 0).all()


def test_digits_have_36_values_and_group_as_published():
    digits = load_digits()
    small = np.round(digits.images * 255 / 16).astype(np.uint8)
    values = Hog(size=8, cell=4, block=2, orientations=9).describe(list(small))
    assert values.shape == (1797, 36)
    with threadpool_limits(1):  # threads of a busy machine wait for each other
        found = KMeans(10, n_init=10, random_state=0).fit_predict(values)
    assert 0.57 <= adjusted_mutual_info_score(digits.target, found) <= 0.66


@pytest.mark.parametrize(("side", "size", "cell"), [(8, 32, 8), (63, 32, 8), (64, 128, 16)])
def test_automatic_size_and_cell(side, size, cell):
    sizes = np.full((3, 2), side, np.int32)
    dataset = Dataset("d", Source("d"), ("a", "b", "c"), sizes, lambda i, s: None, "key")
    settled = Hog().resolve(dataset)
    assert (settled.size, settled.cell) == (size, cell)
    assert Hog(size=8).resolve(dataset).cell == 4
    assert Hog(size=32).resolve(dataset).cell == 8


def test_a_block_that_does_not_fit_is_one_clear_sentence():
    with pytest.raises(InputError, match=r"^hog: size: got 16, allowed is at least cell \* block"):
        Hog(size=16, cell=16)


def test_the_picture_shows_strokes_along_the_edge():
    image = np.zeros((32, 32), np.uint8)
    image[:, 12:20] = 200
    picture = Hog(size=32, cell=8, orientations=8).explain(image).image
    across, along = picture.std(axis=1).mean(), picture.std(axis=0).mean()
    assert picture.max() > 150 and across > 2 * along
