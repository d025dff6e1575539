"""A wall of thumbnails, by class and paged."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.errors import printable
from core.types import UNLABELLED, Dataset
from ui import explanations, pictures, state

ROWS, COLUMNS = 7, 10


def show(name: str, dataset: Dataset) -> None:
    """Images of every class mixed, or of one class; a click picks one for the Descriptors page."""
    rows = _rows(name, dataset)
    per_page = ROWS * COLUMNS
    pages = max(1, -(-len(rows) // per_page))
    page = 1
    if pages > 1:
        page = st.slider("Page", 1, pages, key=f"wall-page-{name}")
    shown = [int(row) for row in rows[(page - 1) * per_page : page * per_page]]
    pictures.show(
        dataset,
        shown,
        key="wall",
        columns=COLUMNS,
        chosen=state.picked(name),
        on_pick=lambda row: state.pick(name, row),
    )
    st.caption(f"{len(rows):,} images. Click one to take it to the Descriptors page.")


def _rows(name: str, dataset: Dataset) -> np.ndarray:
    if dataset.labels is None:
        return np.arange(len(dataset))
    used = np.unique(dataset.labels)
    options = ["all", *(int(c) for c in used)]
    names = {"all": "all classes", UNLABELLED: "unlabelled"}
    chosen = st.selectbox(
        "Class",
        options,
        format_func=lambda c: names.get(c) or printable(dataset.class_names[int(c)], pictures.NAME),
        key=f"wall-class-{name}",
    )
    if chosen == "all":
        return explanations.example_rows(dataset, len(dataset))
    return np.flatnonzero(dataset.labels == chosen)
