import numpy as np
import pytest

from core.cnn.augmentation import Augmentation

STILL = Augmentation(flip=False, shift=0, rotation=0, zoom=0, contrast=0)
IMAGE = np.random.default_rng(0).integers(0, 256, (24, 30, 3), dtype=np.uint8)


def changed(seed=0, image=IMAGE, **values):
    how = {**vars(STILL), **values}
    return Augmentation(**how).apply(image, np.random.default_rng(seed))


def test_nothing_asked_is_nothing_changed():
    assert (changed() == IMAGE).all()


def test_half_of_the_images_are_mirrored_exactly():
    copies = [changed(seed, flip=True) for seed in range(40)]
    mirrored = [(copy == IMAGE[:, ::-1]).all() for copy in copies]
    same = [(copy == IMAGE).all() for copy in copies]
    assert all(a or b for a, b in zip(mirrored, same, strict=True))
    assert 10 < sum(mirrored) < 30


def test_a_shift_moves_by_at_most_the_share_of_the_side():
    image = np.zeros((40, 40, 3), np.uint8)
    image[20, 20] = 255
    for seed in range(20):
        moved = changed(seed, image, shift=0.25).sum(axis=2).astype(float)
        y, x = np.indices(moved.shape)
        centre = (moved * y).sum() / moved.sum(), (moved * x).sum() / moved.sum()
        assert np.abs(np.array(centre) - 20).max() <= 10.05
    assert any((changed(seed, image, shift=0.25) != image).any() for seed in range(3))


def test_a_rotation_keeps_the_centre_and_turns_by_at_most_the_degrees():
    image = np.zeros((41, 41, 3), np.uint8)
    image[20, 20:40] = 255  # a line from the centre to the right
    for seed in range(10):
        turned = changed(seed, image, rotation=30)
        y, x = np.nonzero(turned[..., 0] > 100)
        far = np.argmax((y - 20) ** 2 + (x - 20) ** 2)
        angle = np.degrees(np.arctan2(y[far] - 20, x[far] - 20))
        assert abs(angle) <= 31.5
        assert turned[20, 20, 0] > 100


def test_contrast_keeps_the_mean_and_what_is_dark_stays_dark():
    image = np.full((16, 16, 3), 140, np.uint8)
    image[:8] = 100
    for seed in range(10):
        copy = changed(seed, image, contrast=0.5)
        assert abs(float(copy.mean()) - 120) <= 1
        assert 10 <= int(copy[15, 15, 0]) - int(copy[0, 0, 0]) <= 60
        image_to_clip = np.where(image == 100, 2, 250).astype(np.uint8)
        strong = changed(seed, image_to_clip, contrast=0.9)
        assert strong[0, 0, 0] < 110 and strong[15, 15, 0] > 140, "nothing wraps around"


@pytest.mark.parametrize("number", [0, 7])
def test_a_copy_depends_on_seed_number_and_row_alone(number):
    images, rows = np.stack([IMAGE, IMAGE[::-1], IMAGE[:, ::-1]]), np.array([4, 9, 2])
    together = Augmentation().view(images, 1, number, rows)
    alone = Augmentation().view(images[1:2], 1, number, rows[1:2])
    assert (together[1] == alone[0]).all()
    assert (together != Augmentation().view(images, 2, number, rows)).any()
    assert (together != Augmentation().view(images, 1, number + 1, rows)).any()
