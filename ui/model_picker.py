"""The choice of trained models, and of the images they are judged on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import streamlit as st

from core.cnn import artefact, studies, words
from core.cnn.artefact import Artefact
from core.cnn.evaluation import SPLITS, Evaluation, read_predictions
from core.errors import FacetteError, printable
from ui import cached, errors, state

TRAIN = "screens/classify/train.py"
MOST = 6  # models side by side: more are no comparison any more
_HELP = (
    "test: images that the model never saw. These figures count.",
    "validation: images that decided when training stopped.",
    "training: images that it learnt from. It does better on them than on any others.",
)
_EVALUATE = (
    "Once there is one, this page says how many images it names right that it has never "
    "seen, which classes it confuses, and with a click on a cell shows you these images: "
    "often they are hard for people too. It shows the worst mistakes, whether the model "
    "knows when it is unsure, where in an image it looks, and how several models see the "
    "same image."
)


@dataclass(frozen=True)
class Judged:
    """A trained model, what it is called on this page, and what it said of every image."""

    model: Artefact
    name: str
    view: Evaluation


@dataclass(frozen=True)
class Choice:
    """The models that are compared, the one that is looked into, and on which images."""

    compared: tuple[Judged, ...]
    one: Judged
    split: str

    @property
    def others(self) -> tuple[Judged, ...]:
        """The compared models but for the one that is looked into."""
        return tuple(judged for judged in self.compared if judged is not self.one)


def choose() -> Choice:
    """The models to look at; the page ends here, and says why, when there is none."""
    models = {model.id: model for model in studies.models(cached.store())}
    if not models:
        _teach(_EVALUATE)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        ids = _chosen(models)
    with right:
        split = _split()
    names = words.names_of([models[key] for key in ids])
    judged = [one for key in ids if (one := _judged(models[key], names[key])) is not None]
    if not judged:
        st.info("Choose a model.", icon=":material/touch_app:")
        st.stop()
    return Choice(tuple(judged), _looked_into(judged), split)


def choose_one(teach: str) -> Judged:
    """The model to ask; the page ends here, and says `teach`, when there is none."""
    models = {model.id: model for model in studies.models(cached.store())}
    if not models:
        _teach(teach)
    chosen = st.selectbox(
        "Model",
        list(models),
        format_func=lambda key: option(models[key]),
        key=state.MODEL,
        bind="query-params",
        help="The newest is on top.",
    )
    judged = _judged(models[chosen], words.called(models[chosen].config))
    if judged is None:
        st.stop()
    return judged


def _chosen(models: dict[str, Artefact]) -> list[str]:
    return st.multiselect(
        "Models",
        list(models),
        default=[next(iter(models))],
        format_func=lambda key: option(models[key]),
        max_selections=MOST,
        key=state.MODELS,
        bind="query-params",
        wrap=True,
        help="One to look into, or several to compare. The newest is on top.",
    )


def option(model: Artefact) -> str:
    """A model in the list, and in links: what it is, its data, its accuracy, its id."""
    value = model.metrics.get("accuracy")
    accuracy = f" · {words.share(value)}" if isinstance(value, float) else ""
    data = printable(model.about.get("dataset", ""), words.NAME)
    return f"{words.called(model.config)} · {data}{accuracy} · {model.id[:6]}"


def _split() -> str:
    return st.segmented_control(
        "Judged on images of",
        list(SPLITS[::-1]),
        default="test",
        required=True,
        format_func=lambda split: "training" if split == "train" else split,
        key="evaluate-split",
        help="  \n".join(_HELP),
    )


def _looked_into(judged: list[Judged]) -> Judged:
    if len(judged) == 1:
        return judged[0]
    names = [one.name for one in judged]
    name = st.segmented_control(
        "Look into", names, default=names[0], required=True, format_func=errors.text,
        key="evaluate-one-" + "-".join(one.model.id[:6] for one in judged),
    )  # fmt: skip
    return judged[names.index(name)]


def _judged(model: Artefact, name: str) -> Judged | None:
    file = model.folder / artefact.PREDICTIONS
    with errors.shown():
        try:
            stamp = file.stat()
        except OSError as error:
            raise FacetteError(
                f"The predictions of {name} are gone ({error.strerror}). Train it again."
            ) from None
        return Judged(model, name, _predictions(str(file), stamp.st_mtime_ns, stamp.st_size))
    return None


@st.cache_resource(show_spinner=False, max_entries=16)
def _predictions(file: str, changed: int, size: int) -> Evaluation:
    return read_predictions(Path(file))


def _teach(text: str) -> NoReturn:
    """What this page will show, while there is no model to show it of."""
    st.markdown("### No model has been trained yet")
    st.markdown(text)
    if st.button("Train a model", type="primary", icon=":material/model_training:"):
        state.go_to(TRAIN)
    st.stop()
