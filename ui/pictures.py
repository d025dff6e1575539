"""Images of a dataset in a gallery, with captions that say class, cluster and file."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from core.errors import printable
from core.palette import NOISE_COLOR
from core.types import UNLABELLED, Dataset
from ui import cached
from ui.gallery import Picture, gallery
from ui.media import Crop, tiles

TILE = 256
SMALL_TILES = 5  # so many pictures in a line are small enough for the sheets


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
    sources = _sources(dataset, rows, key, columns)
    pictures = [
        Picture(
            row=int(row),
            image=image,
            crop=crop,
            caption=captions[row] if captions else caption(dataset, int(row)),
            color=colors[position] if colors else NOISE_COLOR,
        )
        for position, (row, (image, crop)) in enumerate(zip(rows, sources, strict=True))
    ]
    gallery(pictures, key, columns, chosen=chosen, label=label, on_pick=on_pick)


def _sources(
    dataset: Dataset, rows: Sequence[int], key: str, columns: int
) -> list[tuple[bytes | str, Crop | None]]:
    """Small tiles come from the thumbnails' sheets, which the map has loaded already."""
    atlas = cached.atlas(dataset)
    if atlas is not None and (columns >= SMALL_TILES or atlas.mime == "image/png"):
        return list(tiles(atlas, rows, key))
    return [(_thumbnail(dataset.images_key, int(row), dataset), None) for row in rows]


def caption(dataset: Dataset, row: int) -> str:
    """The class where there is one, and the file, a line each."""
    name, file = class_name(dataset, row), printable(dataset.ids[row])
    return f"class {printable(name)}\n{file}" if name else file


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


def data_url(dataset: Dataset, row: int) -> str:
    """A small picture of one row as a URL that holds it."""
    from core import images

    size = None if max(dataset.sizes[row]) <= 96 else 96
    data = images.encode_png(dataset.image(row, size, fit="longest"))
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
