"""A heat map over an image: cold places stay as they are, hot ones turn yellow."""

from __future__ import annotations

import numpy as np

from core.cnn.heat import overlaid

GREEN = np.full((8, 6, 3), (0, 200, 0), np.uint8)


def test_a_cold_image_stays_as_it_is():
    np.testing.assert_array_equal(overlaid(GREEN, np.zeros((8, 6))), GREEN)


def test_heat_shows_where_it_is_and_not_elsewhere():
    heat = np.zeros((8, 6), np.float32)
    heat[:4] = 1
    seen = overlaid(GREEN, heat)
    assert seen.shape == GREEN.shape
    assert seen.dtype == np.uint8
    np.testing.assert_array_equal(seen[4:], GREEN[4:])
    red, green, blue = seen[0, 0].astype(int)
    assert red > 150  # the hot end of "inferno" is a pale yellow (252, 255, 164)
    assert green > blue


def test_grey_images_other_sizes_and_values_that_are_no_numbers():
    grey = np.full((8, 6), 90, np.uint8)
    heat = np.full((2, 2), np.nan, np.float32)
    np.testing.assert_array_equal(overlaid(grey, heat), np.repeat(grey[..., None], 3, 2))
    assert overlaid(grey, np.ones((4, 3))).shape == (8, 6, 3)
