"""Digits as a dataset, made by hand, so that the pieces are tried apart from the readers."""

import numpy as np
from sklearn.datasets import load_digits

from core.keys import key_of_array
from core.types import Dataset, Source


def digits_dataset() -> Dataset:
    """The 1,797 digits, 8 x 8 pixels."""
    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    n = len(pixels)
    return Dataset(
        name="digits",
        source=Source("digits"),
        ids=tuple(f"digit-{i}.png" for i in range(n)),
        sizes=np.full((n, 2), 8, np.int32),
        read=lambda i, at_least: pixels[i],
        images_key=key_of_array(pixels),
        labels=digits.target.astype(np.int32),
        class_names=tuple(str(i) for i in range(10)),
    )
