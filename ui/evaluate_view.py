"""The figures of the Evaluate page: curves, confusions, the report, how sure a model is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from core import training_plots as plots
from core.cnn import artefact, words
from core.cnn.artefact import Artefact
from core.cnn.evaluation import report_csv
from core.errors import printable
from core.maps import Figure
from ui import errors
from ui.evaluate_images import Images, grid
from ui.model_picker import Choice, Judged

BARE = {"displayModeBar": False}
NAME = 30  # most characters of a class beside a chart
_BEST, _WORST = "★", "▼"
_TINTS = {_BEST: "rgba(0,158,115,.25)", _WORST: "rgba(213,94,0,.25)"}


def headline(now: Choice) -> None:
    """The sentence on top, and how the other models do."""
    st.markdown(f"### {errors.text(words.headline(now.one.name, now.one.view, now.split))}")
    if now.others:
        views = {judged.name: judged.view for judged in now.others}
        st.markdown(errors.text(words.beside(views, now.split)))


def curves(now: Choice) -> None:
    """How accuracy and loss went, epoch by epoch."""
    st.markdown("#### How it learnt")
    found = {one.name: history for one in now.compared if (history := _history(one.model))}
    if not found:
        st.info("The history of this training is gone.")
        return
    for place, quantity in zip(st.columns(2, gap="large"), ("accuracy", "loss"), strict=True):
        _draw(
            plots.curves(found, quantity),
            f"curve-{quantity}",
            f"Training and validation {quantity} after each of the epochs",
            place,
        )
    dashed = "" if len(found) == 1 else "Dashed: training, solid: validation. "
    st.caption(
        f"{dashed}Validation images are not learnt from. Where the training curve leaves the "
        "validation curve behind, the network learns its images by heart."
    )


def _history(model: Artefact) -> dict[str, np.ndarray]:
    """The columns of a history, or none where the file is gone or not whole."""
    try:
        rows = model.history()
        names = ("accuracy", "val_accuracy", "loss", "val_loss", "phase")
        return {name: np.array([row[name] for row in rows]) for name in names} if rows else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def confusion(now: Choice, images: Images) -> None:
    """Which classes are taken for which; a cell opens its images."""
    st.markdown("#### What it takes for what")
    view, key = now.one.view, f"confusion-{now.one.model.id}-{now.split}"
    classes = [printable(name, NAME) for name in view.classes]
    with st.container(key="confusion-matrix"):
        st.plotly_chart(
            plots.confusion(view.confusion(now.split), classes),
            key=key,
            on_select=lambda: _take_cell(key),
            selection_mode="points",
            config=BARE,
            alt="How many images of each class are named as each class",
        )
    worst = view.commonest_confusion(now.split)
    if worst is not None:  # its images are open from the start
        for name, value in zip(_boxes(key), worst, strict=False):
            st.session_state.setdefault(name, value)
    label, predicted = _cell(key, classes)
    if label is None or predicted is None:
        st.caption("Click a cell, or choose its two classes, to see its images.")
        return
    rows = view.cell(label, predicted, now.split)
    done = "named right" if label == predicted else f"taken for {classes[predicted]}"
    st.markdown(
        f"{_images(len(rows))} of class {errors.text(classes[label])} {errors.text(done)}, "
        "the surest first"
    )
    grid(now.one, images, rows, f"cell-{label}-{predicted}")


def _boxes(key: str) -> tuple[str, str]:
    return f"{key}-label", f"{key}-predicted"


def _take_cell(key: str) -> None:
    """Put the cell that was clicked into the two boxes below the matrix."""
    points = st.session_state[key].selection.points
    if points:
        cell = points[0]["customdata"]  # a list becomes a dictionary on its way
        for place, name in enumerate(_boxes(key)):
            st.session_state[name] = int(cell[str(place)])


def _cell(key: str, classes: list[str]) -> tuple[int | None, int | None]:
    """The true and the predicted class that two boxes show; for those without a mouse."""
    chosen = []
    words_of = ("True class", "Predicted class")
    for place, said, name in zip(st.columns(2), words_of, _boxes(key), strict=True):
        chosen.append(
            place.selectbox(
                said,
                range(len(classes)),
                index=None,
                format_func=classes.__getitem__,
                placeholder="Choose a class",
                key=name,
            )
        )
    return chosen[0], chosen[1]


def report(now: Choice) -> None:
    """Precision, recall and F1 of every class, the best and the worst of each column marked."""
    st.markdown("#### Class by class")
    found = now.one.view.classification_report(now.split)
    measures = {"precision": found.precision, "recall": found.recall, "f1": found.f1}
    table = pd.DataFrame({
        "class": [printable(name, NAME) for name in now.one.view.classes],
        **{name: values for name, values in measures.items()}, "images": found.support,
    })  # fmt: skip
    styled = table.style
    for name, values in measures.items():
        marks = _marks(values, found.support > 0)
        styled = styled.apply(
            lambda column, marks=marks: [
                f"background-color: {_TINTS[mark]}; font-weight: 700" if mark else ""
                for mark in marks
            ],
            subset=[name],
        )
        for i, mark in enumerate(marks):
            styled = styled.format(f"{mark} {{:.3f}}".strip(), subset=pd.IndexSlice[[i], [name]])
    st.dataframe(styled, hide_index=True, column_config=_HEADS, alt="Measures of every class")
    st.caption(
        f"{_BEST} is the best of its column, {_WORST} the worst. Mean over classes: precision "
        f"{found.macro[0]:.3f}, recall {found.macro[1]:.3f}, F1 {found.macro[2]:.3f}. Accuracy: "
        f"{found.accuracy:.3f} of {_images(found.n)}."
    )


_HEADS = {
    "class": st.column_config.TextColumn("class", pinned=True),
    "precision": st.column_config.NumberColumn(
        "precision", help="Of the images that it names so, the share that are."
    ),
    "recall": st.column_config.NumberColumn(
        "recall", help="Of the images of this class, the share that it names so."
    ),
    "f1": st.column_config.NumberColumn("F1", help="Precision and recall in one number."),
    "images": st.column_config.NumberColumn("images", help="How many images are of this class."),
}


def _marks(values: np.ndarray, there: np.ndarray) -> list[str]:
    """A mark for the best and the worst of a column, none where all are equal."""
    seen = values[there]
    if not len(seen) or seen.min() == seen.max():
        return [""] * len(values)
    found = np.where(values == seen.max(), _BEST, np.where(values == seen.min(), _WORST, ""))
    return np.where(there, found, "").tolist()


def sureness(now: Choice) -> None:
    """How sure it is when right and when wrong, and whether that can be believed."""
    st.markdown("#### How sure it is, and whether to believe it")
    view = now.one.view
    left, right = st.columns(2, gap="large")
    figure = plots.confidences(*view.confidence_histogram(now.split))
    _draw(figure, "confidences", "Right and wrong answers by their probability", left)
    left.caption("Wrong answers far to the right are the dangerous ones: wrong and sure of it.")
    found = view.calibration(now.split)
    figure = plots.calibration(found)
    _draw(figure, "calibration", "Share of right answers by probability", right)
    right.caption(
        f"Above the line it is better than it says, below it is too sure. On average the two "
        f"are {found.error:.3f} apart (expected calibration error)."
    )


def downloads(now: Choice) -> None:
    """The files of the model that is looked into."""
    st.markdown("#### Take it with you")
    folder = now.one.model.folder
    with st.container(horizontal=True):
        for name, mime in (
            (artefact.PREDICTIONS, "text/csv"), (artefact.CONFUSION, "text/csv"),
            (artefact.CARD, "text/markdown"), (artefact.MODEL, "application/octet-stream"),
        ):  # fmt: skip
            if (folder / name).is_file():
                _button(name, (folder / name).read_bytes, mime)
        _button("report.csv", lambda: _report_text(now.one, now.split), "text/csv")


def _report_text(one: Judged, split: str) -> str:
    return report_csv(one.view.classification_report(split), one.view.classes)


def _button(name: str, make: Callable[[], bytes | str], mime: str) -> None:
    st.download_button(
        name, make, name, mime, key=f"get-{name}", on_click="ignore", icon=":material/download:"
    )


def _draw(figure: Figure, key: str, alt: str, place: st.delta_generator.DeltaGenerator) -> None:
    place.plotly_chart(figure, key=key, config=BARE, alt=alt)


def _images(count: int) -> str:
    return f"{count:,} image{'s' * (count != 1)}"
