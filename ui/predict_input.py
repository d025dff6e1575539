"""How an image comes to a model: one of its own test images, an upload, or the camera."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core import examples, uploads
from core.cnn import requests
from core.types import Dataset
from core.uploads import Kept
from ui import cached, errors, pictures, state
from ui.evaluate_images import Images
from ui.model_picker import Judged

STRIP = 14
OWN, UPLOAD, CAMERA = "own", "upload", "camera"
WAYS = {OWN: "Test images", UPLOAD: "Upload", CAMERA: "Camera"}


@dataclass(frozen=True)
class Asked:
    """One image that a model is asked about.

    `task` with `arguments` and a "class_index" finds the answer, which the store then holds at
    `key(class_index)`. `label` is the class that the image has, where that is known; `kept` the
    upload that it is.
    """

    name: str
    task: str
    arguments: Mapping[str, Any]
    key: Callable[[int], str]
    label: str = ""
    kept: Kept | None = None


def choose_way(images: Images) -> str:
    """The way in which images are given: `OWN`, `UPLOAD` or `CAMERA`."""
    ways = list(WAYS) if images.dataset is not None else [UPLOAD, CAMERA]
    return st.segmented_control(
        "What it is shown",
        ways,
        default=ways[0],
        required=True,
        format_func=WAYS.get,
        key=f"predict-way-{len(ways)}",
    )


def given(way: str, judged: Judged, images: Images) -> list[Asked]:
    """The images that the model is asked about; none while there is nothing given."""
    if way == UPLOAD:
        return _uploaded(judged)
    if way == CAMERA:
        return _photographed(judged)
    return _own(judged, images)


def _own(judged: Judged, images: Images) -> list[Asked]:
    """A strip of images that the model was tested on; the one that was clicked, or the first."""
    dataset, view = images.dataset, judged.view
    rows = view.rows("test")
    turns = rows[examples.in_turn(view.label[rows])] if len(rows) else rows
    there = [(int(row), at) for row in turns if (at := images.row(view.ids[row])) is not None]
    if dataset is None or not there:
        st.info("None of its test images is there any more. Upload an image.")
        return []
    pages, page = -(-len(there) // STRIP), 1
    strip = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("It has not learnt from these. Click one.")
        if pages > 1:
            page = st.pagination(pages, width=300, key=f"predict-page-{judged.model.id}")
    shown = there[(page - 1) * STRIP : page * STRIP]
    of_row = {at: row for row, at in there}
    place = f"predict-{dataset.images_key}"
    picked = state.picked(place)
    at = picked if picked in of_row else shown[0][1]
    with strip:
        pictures.show(
            dataset,
            [at for _, at in shown],
            key="predict-strip",
            columns=STRIP,
            chosen=at,
            label="Choose an image",
            on_pick=lambda row: state.pick(place, row),
        )
    return [_row(judged, dataset, at, view.classes[view.label[of_row[at]]])]


def _row(judged: Judged, dataset: Dataset, at: int, label: str) -> Asked:
    model = judged.model.id
    return Asked(
        pictures.file_name(dataset.ids[at]),
        "look",
        {"model": model, "source": dataset.source.to_json(), "row": at},
        lambda index: requests.look_key(model, dataset, at, index),
        label,
    )


def _uploaded(judged: Judged) -> list[Asked]:
    files = st.file_uploader(
        f"One image, or up to {uploads.MOST_FILES} for a table",
        accept_multiple_files=True,
        key="predict-files",
        max_upload_size=uploads.MOST_BYTES // 1_000_000,
        help="JPEG, PNG, WebP, BMP, TIFF or GIF. Files stay on the computer that runs Facette.",
    )
    return _asked(judged, files)


def _photographed(judged: Judged) -> list[Asked]:
    photo = st.camera_input(
        "Take a photo",
        key="predict-photo",
        width=480,
        help="The photo stays on the computer that runs Facette.",
    )
    return _asked(judged, [photo] if photo is not None else [])


def _asked(judged: Judged, files: Sequence[UploadedFile]) -> list[Asked]:
    with errors.shown():
        kept = _kept(tuple(file.file_id for file in files), files)
        return [_file(judged, one) for one in kept]
    return []


def _file(judged: Judged, kept: Kept) -> Asked:
    model = judged.model.id
    return Asked(
        pictures.file_name(kept.name),
        "look_file",
        {"model": model, "path": str(kept.path)},
        lambda index: requests.look_file_key(model, kept.digest, index),
        kept=kept,
    )


@st.cache_data(show_spinner=False, max_entries=100)
def _kept(ids: tuple[str, ...], _files: Sequence[UploadedFile]) -> list[Kept]:
    """Uploads in the store; each is written once, however often the page runs."""
    return uploads.keep_each([(file.name, file.getbuffer()) for file in _files], cached.store())
