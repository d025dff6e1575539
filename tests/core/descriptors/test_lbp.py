import warnings

import cv2
import numpy as np
import pytest
from skimage.feature import local_binary_pattern

from core.descriptors.lbp import Lbp
from core.errors import InputError

METHODS = ("uniform", "nri_uniform", "default")


def reference(image: np.ndarray, points: int, radius: float, method: str) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return local_binary_pattern(image, points, radius, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("points", "radius"), [(8, 1), (8, 2), (12, 1.5), (16, 3), (5, 2.2)])
def test_codes_equal_scikit_image(method, points, radius):
    rng = np.random.default_rng(0)
    images = [
        rng.integers(0, 256, (40, 37)).astype(np.uint8),
        rng.integers(0, 3, (30, 64)).astype(np.uint8) * np.uint8(100),
        np.full((50, 50), 201, np.uint8),
        np.full((1, 1), 9, np.uint8),
        np.full((1, 5), 9, np.uint8),
    ]
    for image in images:
        ours = Lbp(points=points, radius=radius, method=method).codes(image)
        assert np.array_equal(ours, reference(image, points, radius, method))


def test_codes_equal_scikit_image_on_photos(shared_data):
    for file in sorted((shared_data / "flipkart1050" / "images").iterdir())[:10]:
        photo = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        assert np.array_equal(Lbp().codes(photo), reference(photo, 8, 1, "uniform"))


def test_histogram_of_each_cell_sums_to_1():
    image = np.random.default_rng(1).integers(0, 256, (31, 17)).astype(np.uint8)
    values = Lbp(grid=3).describe([image])[0].reshape(9, 10)
    np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-6)
    counts = np.bincount(reference(image, 8, 1, "uniform").astype(int).ravel(), minlength=10)
    np.testing.assert_allclose(Lbp().describe([image])[0], counts / image.size, rtol=1e-6)


def test_uniform_ignores_a_quarter_turn_and_nri_uniform_does_not():
    image = np.random.default_rng(2).integers(0, 256, (20, 20)).astype(np.uint8)
    image[:, ::4] = 0
    turned = np.rot90(image).copy()
    plain, kept = Lbp(), Lbp(method="nri_uniform")
    assert np.abs(plain.describe([image]) - plain.describe([turned])).max() < 0.02
    assert np.abs(kept.describe([image]) - kept.describe([turned])).max() > 0.02


def test_too_long_a_vector_is_refused():
    with pytest.raises(InputError, match="lbp: grid"):
        Lbp(points=16, method="default", grid=2)
