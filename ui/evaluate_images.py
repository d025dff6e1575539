"""The images that a model was judged on: grids of them, its worst mistakes, one under a glass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from core.cnn import requests
from core.cnn.evaluation import agreement, as_written
from core.cnn.heat import overlaid
from core.errors import FacetteError, printable
from core.store import Entry
from core.types import Dataset, Source
from ui import cached, errors, pictures, progress, state
from ui.model_picker import Choice, Judged

GRID, CARDS, STRIP = 24, 8, 14
PICK = "evaluate"
NAME = 30


@dataclass(frozen=True)
class Images:
    """The dataset of a model, if it can be opened, and the row of every id in it."""

    dataset: Dataset | None
    rows: Mapping[str, int]

    def row(self, name: str) -> int | None:
        """Where the image of that name is in the dataset, or None."""
        return self.rows.get(name)


def of(judged: Judged) -> Images:
    """The images on which a model was trained; where they are gone, the page says so."""
    model = judged.model
    try:
        source = Source.from_json(model.about["source"])
        dataset = cached.dataset(source)
    except (FacetteError, KeyError, TypeError, AttributeError) as error:
        why = str(error) if isinstance(error, FacetteError) else "the model does not name them."
        st.warning(
            f"The images of this model cannot be shown: {errors.text(why)} Its figures are below.",
            icon=":material/hide_image:",
        )
        return Images(None, {})
    if dataset is None:
        progress.follow("open", {"source": source.to_json()})
        return Images(None, {})
    if dataset.images_key != model.about.get("images_key", dataset.images_key):
        st.warning(
            "The images have changed since this model was trained. Those that are still there "
            "are shown.",
            icon=":material/sync_problem:",
        )
    return Images(dataset, _row_of(dataset.key, dataset))


@st.cache_resource(show_spinner=False, max_entries=16)
def _row_of(key: str, _dataset: Dataset) -> Mapping[str, int]:
    return {as_written(name): row for row, name in enumerate(_dataset.ids)}


def grid(judged: Judged, images: Images, rows: np.ndarray, what: str) -> None:
    """A page of images, each with what the model says; a click takes one under the glass.

    `rows` are those of the predictions; `what` they are names the grid.
    """
    pages, page = -(-len(rows) // GRID), 1
    tiles = st.container()
    if pages > 1:
        page = st.number_input(
            f"Page of {pages}", 1, pages, key=f"page-{judged.model.id}-{what}", width=160
        )
    shown = [int(row) for row in rows[(page - 1) * GRID : page * GRID]]
    with tiles:
        _gallery(judged, images, shown, "cell", 8)


def _gallery(judged: Judged, images: Images, rows: list[int], key: str, columns: int) -> None:
    """These images; the names of those that are not there any more."""
    view, dataset = judged.view, images.dataset
    there = [(row, at) for row in rows if (at := images.row(view.ids[row])) is not None]
    if dataset is not None and there:
        pictures.show(
            dataset,
            [at for _, at in there],
            key=key,
            columns=columns,
            captions=["\n".join(_said(judged, row)) for row, _ in there],
            chosen=_picked(images),
            on_pick=lambda at: _pick(dataset, at),
        )
    gone = [view.ids[row] for row in rows if images.row(view.ids[row]) is None]
    if gone:
        names = ", ".join(errors.text(pictures.file_name(name)) for name in gone)
        st.caption(f"Without their pictures: {names}")


def _said(judged: Judged, row: int) -> list[str]:
    """What the model says of an image, what it is, and its file, a line each."""
    view = judged.view
    lines = [f"says {_class(judged, view.predicted[row])} {view.confidence[row]:.2f}"]
    label = int(view.label[row])
    if label >= 0:
        lines.append(f"is {_class(judged, label)} {view.probabilities[row, label]:.2f}")
    return [*lines, pictures.file_name(view.ids[row])]


def _class(judged: Judged, index: int) -> str:
    return printable(judged.view.classes[int(index)], NAME)


def mistakes(now: Choice, images: Images) -> None:
    """The images that were named wrong, the surest of the wrong answer first, as cards."""
    st.markdown("#### Its worst mistakes")
    found = now.one.view.mistakes(now.split)
    if not found:
        st.info("It makes none on these images.")
        return
    st.caption("Click an image to see, further down, where in it each model looks.")
    pages, page = -(-len(found) // CARDS), 1
    cards = st.container()
    if pages > 1:
        page = st.number_input(
            f"Page of {pages}, {len(found):,} mistakes", 1, pages, width=200,
            key=f"mistakes-page-{now.one.model.id}-{now.split}",
        )  # fmt: skip
    shown = found[(page - 1) * CARDS : page * CARDS]
    with cards:
        cells = [place for _ in range(0, len(shown), 4) for place in st.columns(4)]
    for place, mistake in zip(cells, shown, strict=False):
        says, label = _class(now.one, mistake.predicted), _class(now.one, mistake.label)
        with place.container(border=True, height="stretch"):
            _card_picture(now.one, images, mistake.row)
            st.markdown(
                f"says **{errors.text(says)}** {mistake.p_predicted:.2f}  \n"
                f"is **{errors.text(label)}** {mistake.p_label:.2f}"
            )


def _card_picture(judged: Judged, images: Images, row: int) -> None:
    _gallery(judged, images, [row], f"mistake-{row}", 1)


def same_image(now: Choice, images: Images) -> None:
    """One image under every compared model: its answer, its probabilities, where it looks."""
    st.markdown("#### The same image under " + ("each model" if now.others else "the glass"))
    dataset = images.dataset
    rows = _offered(now, images)
    if dataset is None or not rows:
        st.info("There are no pictures to choose from.")
        return
    picked = _picked(images)
    at = rows[0] if picked is None else picked
    pictures.show(
        dataset, rows, key="same-image", columns=STRIP, chosen=at, label="Choose an image",
        on_pick=lambda row: _pick(dataset, row),
    )  # fmt: skip
    many = " Those that the models name differently come first." if now.others else ""
    st.caption(f"Click one here, or any image above.{many}")
    whole, answers = st.columns([1, 3], gap="large")
    with whole:
        pictures.show(dataset, [at], key="glass", columns=1)
        st.caption(errors.text(pictures.file_name(dataset.ids[at])))
    with answers:
        wanted = _wanted_class(now)
        for judged in now.compared:
            if _same_data(judged, now.one):
                _answer(judged, dataset, at, None if picked is None else wanted)
            else:
                st.caption(f"{errors.text(judged.name)} was trained on other images.")
        if picked is None:
            st.caption("Once you have clicked an image, you also see where each model looks.")


def _offered(now: Choice, images: Images) -> list[int]:
    """Rows of the dataset to choose from: the disputed ones, the mistakes, then any."""
    view = now.one.view
    alike = {one.model.id: one.view for one in now.compared if _same_data(one, now.one)}
    found = agreement(alike, now.split)
    disputed = np.flatnonzero((found.predicted != found.predicted[:1]).any(axis=0))
    rows = view.rows(now.split)
    some = np.unique(np.linspace(0, len(rows) - 1, STRIP).astype(int)) if len(rows) else []
    names = [
        *(found.ids[i] for i in disputed),
        *(mistake.id for mistake in view.mistakes(now.split, STRIP)),
        *(view.ids[rows[i]] for i in some),
    ]
    there = (images.row(name) for name in dict.fromkeys(names))
    return [at for at in there if at is not None][:STRIP]


def _same_data(one: Judged, other: Judged) -> bool:
    """Whether two models were trained on the same images."""
    return one.model.about.get("images_key") == other.model.about.get("images_key")


def _wanted_class(now: Choice) -> str:
    """The class for which the heat is asked; empty for the one that each model names."""
    return st.selectbox(
        "Where it looks for",
        ["", *now.one.view.classes],
        format_func=lambda name: printable(name, NAME) if name else "the class it names",
        key=f"look-for-{now.one.model.id}",
        help="Grad-CAM: the parts of the image that speak most for a class shine.",
        width=320,
    )


def _answer(judged: Judged, dataset: Dataset, at: int, heat_for: str | None) -> None:
    """A row of the table: a model's heat over the image, and its most probable classes.

    `heat_for` is the class that is looked for, empty for the one it names, None for no heat.
    """
    view = judged.view
    with st.container(border=True):
        row = view.row_of.get(as_written(dataset.ids[at]))
        if row is None:
            st.markdown(f"**{errors.text(judged.name)}**")
            st.caption("This image was not among those that it was trained or judged on.")
            return
        shown, heat = st.container(), None  # what a job has to say comes below
        if heat_for is not None:
            known = heat_for in view.classes
            index = view.classes.index(heat_for) if known else int(view.predicted[row])
            heat = _heat(judged, dataset, at, index)
        lines = [f"**{errors.text(judged.name)}**", *_ranking(judged, row)]
        if heat is None:
            shown.markdown("  \n".join(lines))
            return
        seen, said = shown.columns([1, 2], vertical_alignment="center")
        said.markdown("  \n".join(lines))
        with seen, errors.shown():
            image = overlaid(dataset.image(at), np.asarray(heat.array("heat")))
            alt = f"Where {judged.name} looks for {_class(judged, index)}"
            pictures.one(image, alt, f"heat-{judged.model.id}")


def _ranking(judged: Judged, row: int) -> list[str]:
    """The class that a model names, whether that is right, and the next ones, a line each."""
    view = judged.view
    first, *rest = np.argsort(-view.probabilities[row], kind="stable")[:4].tolist()
    right = ":material/check: right" if first == view.label[row] else ":material/close: wrong"
    lines = [f"**{errors.text(_class(judged, first))} {view.confidence[row]:.2f}** {right}"]
    for index in rest:
        name, p = errors.text(_class(judged, index)), view.probabilities[row, index]
        lines.append(f":small[{name} {p:.2f}]")
    return lines


def _heat(judged: Judged, dataset: Dataset, at: int, index: int) -> Entry | None:
    """Where the model looks for a class; None while a worker finds out."""
    entry = cached.store().get(requests.look_key(judged.model.id, dataset, at, index))
    if entry is None:
        arguments: dict[str, Any] = {
            "model": judged.model.id, "source": dataset.source.to_json(), "row": at,
            "class_index": index,
        }  # fmt: skip
        progress.follow("look", arguments)
    return entry


def _picked(images: Images) -> int | None:
    """The row that was clicked on this page, if it is of this dataset."""
    if images.dataset is None:
        return None
    row = state.picked(f"{PICK}-{images.dataset.images_key}")
    return row if row is not None and row < len(images.dataset) else None


def _pick(dataset: Dataset, row: int) -> None:
    state.pick(f"{PICK}-{dataset.images_key}", row)
