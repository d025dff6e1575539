"""Images of a dataset in a gallery, with captions that say class, cluster and file."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st
from streamlit.errors import StreamlitDuplicateElementKey

from core.errors import FacetteError, printable
from core.palette import NOISE_COLOR
from core.thumbnails import TILE as SHEET_TILE
from core.types import UNLABELLED, Dataset
from ui import cached, errors
from ui.gallery import Picture, gallery
from ui.media import Crop, tiles

TILE = 256
SMALL_TILES = 5  # so many pictures in a line are small enough for the sheets
STRIP_TILE = 96
NAME, FILE = 60, 80  # most characters of a class and of a file's path
GREY = np.full((64, 64, 3), 128, np.uint8)  # in place of an image that cannot be read


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
    """Show these rows; `on_pick` is called with the one that is clicked.

    `colors` and `captions` are one for each of `rows`.
    """
    sources = _sources(dataset, rows, key, columns)
    pictures = [
        Picture(
            row=int(row),
            image=image,
            crop=crop,
            caption=captions[position] if captions else caption(dataset, int(row)),
            color=colors[position] if colors else NOISE_COLOR,
        )
        for position, (row, (image, crop)) in enumerate(zip(rows, sources, strict=True))
    ]
    gallery(pictures, key, columns, chosen=chosen, label=label, on_pick=on_pick)


def _sources(
    dataset: Dataset, rows: Sequence[int], key: str, columns: int
) -> list[tuple[bytes | str | np.ndarray, Crop | None]]:
    """Small tiles come from the thumbnails' sheets, which the map has loaded already."""
    atlas = cached.atlas(dataset)
    if atlas is not None:
        exact = atlas.mime == "image/png"
        if exact or (columns >= SMALL_TILES and atlas.tile >= SHEET_TILE):
            return list(tiles(atlas, rows, key))
    found = [_readable(_thumbnail, dataset, int(row)) for row in rows]
    return [(GREY if data is None else data, None) for data in found]


def _readable(
    read: Callable[[str, int, Dataset], bytes], dataset: Dataset, row: int
) -> bytes | None:
    """An image made ready by `read`; None, and a message, where its file cannot be read."""
    try:
        return read(dataset.images_key, row, dataset)
    except FacetteError as error:
        _unreadable(str(error))
        return None


def _unreadable(message: str) -> None:
    """Say why an image cannot be shown, once on a page, with a button that looks again."""
    with st.container():
        place = st.container()
        try:
            st.button(
                "Look again",
                key="look-again",
                icon=":material/refresh:",
                on_click=cached.look_again,
                help="Reads the files that have changed.",
            )
        except StreamlitDuplicateElementKey:
            return  # the page says it already
        place.warning(errors.text(message), icon=":material/warning:")


def caption(dataset: Dataset, row: int) -> str:
    """The class where there is one, and the file, a line each."""
    name, file = class_name(dataset, row), file_name(dataset.ids[row])
    return f"class {name}\n{file}" if name else file


def file_name(path: str) -> str:
    """A file on one line, the end of its path where it is long."""
    if len(path) <= FILE and path.isprintable():  # as nearly all of many thousands are
        return path
    whole = printable(path, 10_000)
    return whole if len(whole) <= FILE else "…" + whole[1 - FILE :]


def captions(dataset: Dataset, clusters: Sequence[str]) -> list[str]:
    """One for every row: its cluster as given, then as `caption` says."""
    classes = [""] * len(dataset)
    if dataset.labels is not None:
        named = [f"class {printable(name, NAME)}\n" for name in dataset.class_names]
        named.append("class unlabelled\n")  # at -1
        classes = [named[label] for label in dataset.labels.tolist()]
    return [
        f"cluster {cluster}\n{name}{file_name(file)}"
        for cluster, name, file in zip(clusters, classes, dataset.ids, strict=True)
    ]


def class_name(dataset: Dataset, row: int) -> str:
    """The class of a row, cut if long: a word for none, empty for unlabelled data."""
    if dataset.labels is None:
        return ""
    label = int(dataset.labels[row])
    return "unlabelled" if label == UNLABELLED else printable(dataset.class_names[label], NAME)


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
    """A small picture of one row as a URL that holds it; empty where it cannot be read."""
    data = _readable(_small, dataset, row)
    return "" if data is None else f"data:image/png;base64,{base64.b64encode(data).decode()}"


@st.cache_data(show_spinner=False, max_entries=1000)
def _small(images_key: str, row: int, _dataset: Dataset) -> bytes:
    from core import images

    size = None if max(_dataset.sizes[row]) <= STRIP_TILE else STRIP_TILE
    return images.encode_png(_dataset.image(row, size, fit="longest"))
