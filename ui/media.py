"""Bytes for the browser by URL, so that it can fetch them when needed and keep them."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit import runtime

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


def atlas_data(atlas: Atlas | None, captions: Sequence[str], place: str) -> dict[str, Any]:
    """What a component's JavaScript needs to show thumbnails and captions of rows."""
    sizes = [] if atlas is None else atlas.sizes.ravel().tolist()
    notes = json.dumps({"captions": list(captions), "sizes": sizes}).encode()
    found: dict[str, Any] = {"notes": media_url(notes, "application/json", f"{place}-notes")}
    if atlas is not None:
        urls = [
            media_url(sheet, atlas.mime, f"{place}-{i}") for i, sheet in enumerate(atlas.sheets())
        ]
        found |= {"sheets": urls, "tile": atlas.tile, "columns": atlas.columns}
        found |= {"perSheet": atlas.per_sheet, "pixelated": atlas.tile <= 64}
    return found


def tiles(atlas: Atlas, rows: Sequence[int], place: str) -> list[tuple[str, Crop]]:
    """For each row the URL of its sheet and its part of it, as `ui.gallery.Picture` takes them."""
    urls: dict[int, str] = {}
    found = []
    for row in rows:
        sheet, left, top = atlas.place(int(row))
        if sheet not in urls:
            urls[sheet] = media_url(atlas.sheet(sheet), atlas.mime, f"{place}-sheet-{sheet}")
        width, height = atlas.sizes[row].tolist()
        found.append((urls[sheet], (left, top, width, height)))
    return found
