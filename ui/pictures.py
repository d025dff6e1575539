"""Images of a dataset in a gallery, with captions that say class, cluster and file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from core.palette import NOISE_COLOR
from core.types import UNLABELLED, Dataset
from ui.gallery import Picture, gallery

TILE = 256


def show(
    dataset: Dataset,
    rows: Sequence[int],
    key: str,
    columns: int,
    *,
    colors: Sequence[str] | None = None,
    captions: Sequence[str] | None = None,
    chosen: int | None = None,
    label: str = "Images",
    on_pick: Callable[[int], None] | None = None,
) -> None:
    """Show these rows; `on_pick` is called with the one that is clicked."""
    pictures = [
        Picture(
            row=int(row),
            image=_thumbnail(dataset.images_key, int(row), dataset),
            caption=captions[row] if captions else caption(dataset, int(row)),
            color=colors[position] if colors else NOISE_COLOR,
        )
        for position, row in enumerate(rows)
    ]
    gallery(pictures, key, columns, chosen=chosen, label=label, on_pick=on_pick)


def caption(dataset: Dataset, row: int) -> str:
    """The file, and the class where there is one, a line each."""
    name = class_name(dataset, row)
    return f"{dataset.ids[row]}\nclass {name}" if name else dataset.ids[row]


def class_name(dataset: Dataset, row: int) -> str:
    """The class of a row: a word for none, empty for unlabelled data."""
    if dataset.labels is None:
        return ""
    label = int(dataset.labels[row])
    return "unlabelled" if label == UNLABELLED else dataset.class_names[label]


@st.cache_data(show_spinner=False, max_entries=4000)
def _thumbnail(images_key: str, row: int, _dataset: Dataset) -> bytes:
    from core import images

    if max(_dataset.sizes[row]) <= TILE // 2:
        return images.encode_png(_dataset.image(row))
    return images.encode_jpeg(_dataset.image(row, TILE, fit="longest"))


def one(image: np.ndarray, alt: str, key: str) -> None:
    """One array of pixels, shown whole."""
    gallery([Picture(0, image, tooltip=alt)], key, columns=1, tile=320, label=alt)
