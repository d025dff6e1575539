"""Bytes for the browser by URL, so that it can fetch them when needed and keep them."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit import runtime

from core.keys import key_of_bytes
from core.thumbnails import Atlas

Crop = tuple[int, int, int, int]  # left, top, width, height in pixels


def media_url(data: bytes, mime: str, place: str) -> str:
    """A URL under which the browser gets `data`, good until the page's next full run.

    `place` names where on the page it is used: new data for the same place replace the old.
    This is the way `st.image` serves its pictures, but not a documented one, so it is used here
    only; where there is no server (a bare script) the data itself becomes the URL.
    """
    if not runtime.exists():
        return f"data:{mime};base64,{base64.b64encode(data).decode()}"
    url = runtime.get_instance().media_file_mgr.add(data, mime, place)
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{url}" if base else url


def notes(atlas: Atlas | None, captions: Sequence[str]) -> bytes:
    """The captions and sizes of all rows, as a component's JavaScript reads them."""
    sizes = [] if atlas is None else atlas.sizes.ravel().tolist()
    words = json.dumps({"captions": list(captions), "sizes": sizes}).encode()
    # Streamlit tells large files apart by their length, head, middle and tail alone.
    return b'{"key":"' + key_of_bytes([words]).encode() + b'",' + words[1:]


def atlas_data(atlas: Atlas | None, captions: Sequence[str] | bytes, place: str) -> dict[str, Any]:
    """What a component's JavaScript needs to show thumbnails and captions of rows.

    `captions` are one a row, or what `notes` made of them before.
    """
    said = captions if isinstance(captions, bytes) else notes(atlas, captions)
    found: dict[str, Any] = {"notes": media_url(said, "application/json", f"{place}-notes")}
    if atlas is not None:
        sheets = _sheets(str(atlas.entry.folder), atlas)
        urls = [media_url(sheet, atlas.mime, f"{place}-{i}") for i, sheet in enumerate(sheets)]
        found |= {"sheets": urls, "tile": atlas.tile, "columns": atlas.columns}
        found |= {"perSheet": atlas.per_sheet, "pixelated": atlas.mime == "image/png"}
    return found


@st.cache_resource(show_spinner=False, max_entries=4)
def _sheets(folder: str, _atlas: Atlas) -> tuple[bytes, ...]:
    """All sheets, read once: Streamlit wants them named at every run, and keeps these bytes."""
    return tuple(_atlas.sheets())


@st.cache_resource(show_spinner=False, max_entries=200)
def _sheet(folder: str, index: int, _atlas: Atlas) -> bytes:
    return _atlas.sheet(index)


def tiles(atlas: Atlas, rows: Sequence[int], place: str) -> list[tuple[str, Crop]]:
    """For each row the URL of its sheet and its part of it, as `ui.gallery.Picture` takes them."""
    urls: dict[int, str] = {}
    found = []
    for row in rows:
        sheet, left, top = atlas.place(int(row))
        if sheet not in urls:
            data = _sheet(str(atlas.entry.folder), sheet, atlas)
            urls[sheet] = media_url(data, atlas.mime, f"{place}-sheet-{sheet}")
        width, height = atlas.sizes[row].tolist()
        found.append((urls[sheet], (left, top, width, height)))
    return found
