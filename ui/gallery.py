"""A grid of pictures, shown whole; one of them can be picked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.palette import NOISE_COLOR
from core.thumbnails import SMALL
from ui.media import media_url

_HERE = Path(__file__).parent
_gallery = st.components.v2.component(
    "facette_gallery",
    html='<div class="grid"\nrole="group"></div>',
    css=(_HERE / "gallery.css").read_text("utf-8"),
    js=(_HERE / "gallery.js").read_text("utf-8"),
)


@dataclass(frozen=True)
class Picture:
    """One tile of a gallery.

    `image` is an encoded PNG or JPEG, a URL, or pixels (h, w) or (h, w, 3) uint8 RGB; `crop` is
    left, top, width, height of the part of it that is meant. The caption shows while the pointer
    or the focus is on the picture; the tooltip is also what a screen reader says.
    """

    row: int
    image: bytes | str | np.ndarray
    caption: str = ""
    tooltip: str = ""
    color: str = NOISE_COLOR
    crop: tuple[int, int, int, int] | None = None


def gallery(
    pictures: Sequence[Picture],
    key: str,
    columns: int = 4,
    tile: int = 400,
    *,
    chosen: int | None = None,
    label: str = "Images",
    on_pick: Callable[[int], None] | None = None,
) -> int | None:
    """Show pictures in a grid; the row that was just clicked, else None.

    Parameters
    ----------
    columns : pictures in a line; fewer where they would be narrower than 56 pixels
    tile : the largest side of a tile in pixels
    chosen : a row to be marked
    label : what these pictures are, for screen readers
    on_pick : called with the clicked row before the page runs again
    """

    def picked() -> None:
        row = st.session_state[key].get("picked")
        if on_pick is not None and row is not None:
            on_pick(int(row))

    items = [
        _item(picture, f"{key}-{position}") | {"chosen": picture.row == chosen}
        for position, picture in enumerate(pictures)
    ]
    data = {"items": items, "columns": columns, "tile": tile, "label": label}
    result = _gallery(key=key, data=data, on_picked_change=picked)
    return None if result.picked is None else int(result.picked)


def _compressed(image: np.ndarray) -> bytes:
    from core.images import encode_jpeg, encode_png

    return encode_png(image) if max(image.shape[:2]) <= SMALL else encode_jpeg(image, 85)


def _item(picture: Picture, place: str) -> dict[str, Any]:
    source = picture.image
    if isinstance(source, np.ndarray):
        source = _compressed(source)
    if isinstance(source, bytes):
        mime = "image/png" if source.startswith(b"\x89PNG") else "image/jpeg"
        source = media_url(source, mime, place)
    return {
        "row": int(picture.row),
        "src": source,
        "crop": picture.crop,
        "caption": picture.caption,
        "tooltip": picture.tooltip or picture.caption,
        "color": picture.color,
    }
