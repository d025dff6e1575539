"""What a model says of one image: its class, how sure it is, where it looks, what is alike."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from core import prediction_plots, uploads
from core.cnn import answers, requests, words
from core.cnn.heat import overlaid
from core.errors import printable
from core.palette import colors
from core.store import Entry
from ui import cached, errors, pictures, progress
from ui.evaluate_images import Images
from ui.model_picker import Judged
from ui.predict_input import Asked

PROMISE = (
    "Once there is one, you show this page an image: one of yours, a photo from the camera, or "
    "a test image. It says in large type what the image shows and how sure the model is, draws "
    "where in the image it looks, and puts the training images beside it that are most alike. "
    f"Of up to {uploads.MOST_FILES} images at once it makes a table to take away."
)
DOCS = Path(__file__).parent.parent / "docs" / "service.md"
BARS, NAMED = 5, 6  # classes with a bar; classes that the headline names
SAME = 1e-3  # a distance that is rounding alone: the same image


def headline(judged: Judged) -> None:
    """What the model can be asked, and how far to believe it."""
    view, count = judged.view, len(judged.view.classes)
    named = ", ".join(errors.text(words_of(name)) for name in view.classes[:NAMED])
    more = f" and {count - NAMED:,} more" if count > NAMED else ""
    st.markdown(f"### Show it an image, and it says which of {count:,} classes it sees")
    report = view.classification_report("test")
    right = f"It names {words.share(report.accuracy)} of {report.n:,} test images right. "
    trust = right if report.n else ""
    st.markdown(
        f"{errors.text(judged.name)} knows {named}{more}. {errors.text(trust)}"
        "Whatever it is shown, it answers with one of these."
    )


def words_of(name: str) -> str:
    """A class as it is shown: on one line, cut if long."""
    return printable(name, words.NAME)


def answer(judged: Judged, images: Images, asked: Asked) -> None:
    """Everything that the model says of one image; a worker finds it out."""
    if asked.kept is not None and asked.kept.path is None:
        st.error(errors.text(f"{asked.name}: {asked.kept.reason}."), icon=":material/error:")
        return
    entry = _entry(asked, requests.TOP)
    if entry is None:
        return
    p = np.asarray(entry.array("probabilities"))
    seen, said = st.columns([2, 3], gap="medium")
    with said:
        _said(judged, asked, p)
        _bars(judged, p)
    with seen:
        _picture(judged, asked, entry, int(p.argmax()))
    _nearest(judged, images, entry)


def _entry(asked: Asked, index: int) -> Entry | None:
    """The answer for a class; None while a worker looks for it, and the page says how far."""
    entry = cached.store().get(asked.key(index))
    if entry is None:
        progress.follow(asked.task, {**asked.arguments, "class_index": index})
    return entry


def _said(judged: Judged, asked: Asked, p: np.ndarray) -> None:
    classes, top = judged.view.classes, int(p.argmax())
    st.markdown(f"# {errors.text(words_of(classes[top]))}")
    line = f"**{errors.text(words.share(float(p[top])))}** probability"
    if asked.label:
        right = asked.label == classes[top]
        true = f":material/close: wrong, it is {errors.text(words_of(asked.label))}"
        line += " · " + (":material/check: right" if right else true)
    st.markdown(line)
    st.markdown(errors.text(answers.verdict(classes, p)))


def _bars(judged: Judged, p: np.ndarray) -> None:
    """How probable each class is: the first ones as bars, all of them on demand."""
    classes, order = judged.view.classes, np.argsort(-p, kind="stable")
    ink, first = colors(len(classes)), order[:BARS]
    figure = prediction_plots.probabilities(
        [printable(classes[i], 24) for i in first], p[first], [ink[i] for i in first]
    )
    st.plotly_chart(
        figure, key="predict-bars", config={"displayModeBar": False},
        alt="The most probable classes and their probabilities",
    )  # fmt: skip
    if len(order) > BARS:
        with st.expander(f"All {len(order):,} classes"):
            table = pd.DataFrame({"class": [words_of(classes[i]) for i in order], "p": p[order]})
            st.dataframe(
                table, hide_index=True, height=280,
                column_config={"p": st.column_config.ProgressColumn(
                    "probability", format="%.4f", min_value=0, max_value=1)},
            )  # fmt: skip


def _picture(judged: Judged, asked: Asked, entry: Entry, top: int) -> None:
    """The image, with what speaks for a class shining on it."""
    place = st.container()
    st.caption(errors.text(asked.name))
    classes = judged.view.classes
    with_heat = st.toggle("Show where it looks", value=True, key="predict-heat")
    image = np.asarray(entry.array("image"))
    index = top
    if with_heat:
        chosen = st.selectbox(
            "Where it looks for",
            [requests.TOP, *range(len(classes))],
            format_func=lambda i: words_of(classes[i]) if i >= 0 else "the class it names",
            key=f"predict-for-{judged.model.id}",
            help="Grad-CAM: the parts of the image that speak for a class shine, orange to "
            "yellow where they speak most.",
        )
        index = top if chosen == requests.TOP else chosen
    name = words_of(classes[index])
    with place:
        hot = (entry if index == top else _entry(asked, index)) if with_heat else None
        heat = None if hot is None else np.asarray(hot.array("heat"))
        shown = image if heat is None else overlaid(image, heat)
        pictures.one(shown, f"Where it looks for {name}" if with_heat else asked.name, "predicted")
    if heat is not None and not heat.any():
        st.caption(f"Nothing in this image speaks for {errors.text(name)}.")


def _nearest(judged: Judged, images: Images, entry: Entry) -> None:
    """The training images that its last layer but one finds most alike."""
    st.markdown("#### What it learnt from that is most alike")
    view = judged.view
    rows = np.asarray(entry.array("nearest"))
    far = np.asarray(entry.array("distance"))
    if not len(rows):
        st.info("The model came without the files that tell.")
        return
    names = [words_of(view.classes[view.label[row]]) for row in rows]
    st.markdown(_alike(names, float(far[0])))
    there = [(i, at) for i, row in enumerate(rows) if (at := images.row(view.ids[row])) is not None]
    if images.dataset is not None and there:
        ink = colors(len(view.classes))
        pictures.show(
            images.dataset,
            [at for _, at in there],
            key="predict-nearest",
            columns=requests.NEAREST,
            colors=[ink[view.label[rows[i]]] for i, _ in there],
            captions=[
                f"{names[i]}\ndistance {far[i]:.2f}\n{pictures.file_name(view.ids[rows[i]])}"
                for i, _ in there
            ],
            label="The nearest training images, the nearest first",
        )
    gone = len(rows) - len(there)
    if gone:
        st.caption(f"{gone} of them {'is' if gone == 1 else 'are'} not there any more.")
    with st.expander("Their classes and distances", expanded=not there):
        files = [pictures.file_name(view.ids[row]) for row in rows]
        table = pd.DataFrame({"image": files, "class": names, "distance": far})
        st.dataframe(table, hide_index=True)
        st.caption("The distance is between what the network's last layer but one says of each.")


def _alike(names: Sequence[str], least: float) -> str:
    """Which classes the nearest training images are of, the commonest first."""
    count = [(n, errors.text(name)) for name, n in Counter(names).most_common()]
    if len(count) == 1:
        said = f"All {len(names)} nearest training images are {count[0][1]}."
    else:
        parts = ", ".join(f"{n} {name}" for n, name in count)
        said = f"Of the {len(names)} nearest training images: {parts}."
    return f"{said} The first is this very image." if least <= SAME else said


def address(judged: Judged) -> None:
    """The command that puts the model behind an HTTP address."""
    st.markdown("#### Put it behind an address")
    st.markdown("This command answers other programs over HTTP with this model:")
    folder = str(judged.model.folder)
    quoted = subprocess.list2cmdline([folder]) if os.name == "nt" else shlex.quote(folder)
    st.code(f"python -m core serve {quoted}", language="bash", wrap_lines=True)
    if DOCS.is_file() and st.button("Read docs/service.md", icon=":material/menu_book:"):
        _document()


@st.dialog("The prediction service", width="large")
def _document() -> None:
    text = DOCS.read_text("utf-8")
    st.markdown(text.partition("\n")[2])
