"""The choice of a source: digits, sample pictures, an upload, or a path on this computer."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import access, datasets, uploads
from core.datasets import table
from core.errors import InputError
from core.types import Source
from ui import cached, errors, state

SAMPLE = Source(
    "table",
    str(Path(__file__).parent.parent / "sample_data" / "captions.csv"),
    image_column="image",
    label_column="label",
    text_columns=("caption",),
)
KINDS = {
    "digits": "Handwritten digits",
    "sample": "Sample pictures",
    "upload": "Upload images or a ZIP",
    "path": "A path on this computer",
}


def choose(opened: Source) -> None:
    """Show the choice; what is opened becomes the draft that the page shows below."""
    kinds = {Source("digits"): "digits", SAMPLE: "sample"}
    kind = st.segmented_control(
        "Source",
        list(KINDS),
        default=kinds.get(opened),
        format_func=KINDS.get,
        key="source-kind",
        label_visibility="collapsed",
        on_change=_changed,
    )
    if kind == "upload":
        _upload()
    elif kind == "path":
        _path()


def _changed() -> None:
    kind = st.session_state["source-kind"]
    if kind == "digits":
        state.set_draft(Source("digits"))
    elif kind == "sample":
        state.set_draft(SAMPLE)


def _upload() -> None:
    files = st.file_uploader(
        "One ZIP (a folder a class, or no folders), or image files",
        accept_multiple_files=True,
        key="uploaded",
        help="JPEG, PNG, WebP, BMP, TIFF or GIF. Files stay on this computer.",
    )
    if st.button("Open", disabled=not files, key="open-upload", icon=":material/folder_open:"):
        with errors.shown():
            source = uploads.keep([(f.name, f.getbuffer()) for f in files], cached.store())
            state.set_draft(source)


def _path() -> None:
    text = st.text_input(
        f"A folder, a .zip, an .npz, a .csv or a .tsv below {access.root()}",
        key="path",
        placeholder="photos/holidays",
        help="A sub-folder is a class. Set FACETTE_ROOT before the start to open other folders.",
    )
    if not text:
        return
    with errors.shown():
        path = access.inside_root(text)
        columns = _columns(path) if table.matches(path) else {}
        if st.button("Open", key="open-path", icon=":material/folder_open:"):
            state.set_draft(datasets.source_from(path, **columns))


def _columns(path: str) -> dict[str, object]:
    names = table.columns_of(path)
    if not names:
        raise InputError(f"{path} has no columns. Choose a CSV whose first line names them.")
    image, label, texts = table.guess_columns(path)
    first, second, third = st.columns(3)
    chosen = first.selectbox("Image column", names, index=names.index(image) if image else 0)
    none = "(none)"
    classes = second.selectbox(
        "Label column", [none, *names], index=names.index(label) + 1 if label else 0
    )
    words = third.multiselect("Text columns", names, default=list(texts))
    return {
        "image_column": chosen,
        "label_column": "" if classes == none else classes,
        "text_columns": tuple(words),
    }
