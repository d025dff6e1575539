import colorsys

import cv2
import numpy as np
import pytest
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_mutual_info_score
from threadpoolctl import threadpool_limits

from core.descriptors.color_moments import ColorMoments
from core.descriptors.gray_histogram import GrayHistogram
from core.descriptors.hsv_histogram import HsvHistogram
from core.descriptors.raw_pixels import RawPixels
from core.types import Dataset, Source


def dataset_of(image: np.ndarray) -> Dataset:
    sizes = np.array([image.shape[1::-1]], np.int32)
    return Dataset("d", Source("d"), ("a",), sizes, lambda i, size: image, "key")


def plain(*color: int) -> np.ndarray:
    return np.full((6, 5, 3), color, np.uint8)


def test_raw_pixels_in_colour_and_in_grey():
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 1] = (255, 0, 0)
    dataset = dataset_of(image)
    gray, color = RawPixels().resolve(dataset), RawPixels(color=True).resolve(dataset)
    assert gray.size == color.size == 2
    np.testing.assert_allclose(
        gray.describe([gray.prepare(dataset, 0)])[0], [0, 0.299, 0, 0], atol=0.003
    )
    assert color.describe([color.prepare(dataset, 0)])[0].tolist() == [0] * 3 + [1] + [0] * 8


def test_raw_pixels_shrinks_photos():
    assert RawPixels().resolve(dataset_of(np.zeros((64, 90), np.uint8))).size == 32
    assert RawPixels().resolve(dataset_of(np.zeros((63, 90), np.uint8))).size == 63


def test_gray_histogram_of_a_hand_made_image():
    image = np.array([[0, 0, 63, 64], [127, 128, 255, 255]], np.uint8)
    assert GrayHistogram(bins=4).describe([image])[0].tolist() == [3 / 8, 2 / 8, 1 / 8, 2 / 8]
    whole = GrayHistogram().describe([image])[0]
    assert whole[0] == 2 / 8 and whole[255] == 2 / 8 and whole[1] == 0


def test_gray_histogram_of_digits_groups_as_badly_as_published():
    digits = load_digits()
    values = GrayHistogram().describe(list(np.round(digits.images * 255 / 16).astype(np.uint8)))
    with threadpool_limits(1):  # threads of a busy machine wait for each other
        found = KMeans(10, n_init=10, random_state=0).fit_predict(values)
    assert 0.10 < adjusted_mutual_info_score(digits.target, found) < 0.16


def test_colours_of_one_brightness_differ_in_hue_and_not_in_grey():
    red, blue = plain(200, 0, 0), plain(0, 75, 137)
    gray = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (red, blue)]
    a, b = GrayHistogram().describe(gray)
    assert np.array_equal(a, b)
    for mode in ("joint", "per_channel"):
        a, b = HsvHistogram(mode=mode).describe([red, blue])
        assert np.abs(a - b).sum() > 0.5


@pytest.mark.parametrize("bins", [1, 2, 3, 7, 8, 12, 36])
def test_hue_bins_are_centred_on_red(bins):
    hues = (np.arange(360) + 0.5) / 360
    for hue in hues[::7]:
        r, g, b = (round(255 * c) for c in colorsys.hsv_to_rgb(hue, 1, 1))
        shares = HsvHistogram(bins, 1, 1).describe([plain(r, g, b)])[0]
        turned = (hue * bins + 0.5) % bins
        if min(turned % 1, 1 - turned % 1) > bins / 90:  # hue has steps of 2 degrees
            assert shares[int(turned)] == 1
    near = HsvHistogram(bins, 1, 1).describe([plain(255, 0, 12), plain(255, 12, 0)])
    assert near[:, 0].tolist() == [1, 1]


def test_hsv_histogram_by_hand():
    image = np.array([[[255, 0, 0], [0, 0, 255]], [[128, 128, 128], [0, 0, 0]]], np.uint8)
    joint = HsvHistogram(3, 2, 2).describe([image])[0].reshape(3, 2, 2)
    assert joint[0, 1, 1] == joint[2, 1, 1] == 0.25  # red, blue
    assert joint[0, 0, 1] == joint[0, 0, 0] == 0.25  # grey and black have no hue
    apart = HsvHistogram(3, 2, 2, mode="per_channel").describe([image])[0] * 3
    np.testing.assert_allclose(apart, [0.75, 0, 0.25, 0.5, 0.5, 0.25, 0.75], rtol=1e-6)


def test_colour_moments_equal_scipy():
    image = np.random.default_rng(0).integers(0, 256, (12, 9, 3)).astype(np.uint8)
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(float)
    lab = (lab - [0, 128, 128]) / [255, 100, 100]
    expected = [lab.mean(0), lab.std(0), np.cbrt(stats.moment(lab, order=3))]
    ours = ColorMoments().describe([image])[0].reshape(3, 3)
    np.testing.assert_allclose(ours, np.transpose(expected), atol=2e-5)


def test_colour_moments_of_a_grid_tell_where():
    image = np.zeros((10, 10, 3), np.uint8)
    image[:, 5:] = 255
    cells = ColorMoments(grid=2).describe([image])[0].reshape(2, 2, 3, 3)
    np.testing.assert_allclose(cells[:, :, 0, 0], [[0, 1], [0, 1]], atol=1e-6)
    assert (np.abs(cells[:, :, :, 1:]) < 1e-6).all()


def test_colour_moments_in_hsv_have_no_break_at_red():
    a, b, green = ColorMoments(space="hsv").describe(
        [plain(255, 0, 12), plain(255, 12, 0), plain(0, 255, 0)]
    )
    assert np.abs(a - b).max() < 0.12 < np.abs(a - green).max()
    half = np.concatenate([plain(255, 0, 12), plain(255, 12, 0)])
    assert ColorMoments(space="hsv").describe([half])[0].reshape(3, 3)[0, 0] > 0.99
