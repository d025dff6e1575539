"""The choice of what to train, with widgets made from the declared parameters."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import streamlit as st

from core.cnn import backbones, study_words
from core.cnn.config import LABELS, MODELS, SMALL, Study, TrainConfig
from core.cnn.splits import Split, split_of
from core.errors import InputError
from core.types import Dataset
from ui import errors, forms, state
from ui.gallery import Picture, gallery

DATA = "screens/explore/data.py"
COPIES = 6  # changed copies that are shown of one image
PREVIEW = 128  # pixels of their side at most
WHAT = {
    "scratch": "A small network learns everything from your images alone.",
    "transfer": "A network that knows a million photos describes yours; "
    "only a new last layer learns.",
    "fine_tune": "Transfer first; then the last blocks of that network adapt to your images too.",
}
FOLDS = {0: "one split", 3: "3 folds", 5: "5 folds", 10: "10 folds"}


def outlook(dataset: Dataset) -> Split | None:
    """Say what would be trained on what; None, and what to do about it, where nothing can be."""
    try:
        split = _split(dataset.key, TrainConfig(), dataset)
    except InputError as error:
        _teach(str(error), dataset)
        return None
    st.markdown(f"### {errors.text(study_words.outlook(dataset, split))}")
    st.caption(
        " ".join([
            "A network learns from the first, stops when the second show no more progress, and "
            "is judged by the third, which it has never seen.",
            *map(errors.text, split.notes),
        ])
    )  # fmt: skip
    return split


@st.cache_resource(show_spinner=False, max_entries=32)
def _split(key: str, config: TrainConfig, _dataset: Dataset) -> Split:
    return split_of(_dataset, config)


def _teach(reason: str, dataset: Dataset) -> None:
    """What this page will do, while the open images cannot be learnt from."""
    st.markdown("### Training needs images whose classes are known")
    st.markdown(
        "A network learns the classes of your images from examples, and is then judged by "
        "images that it has never seen. This page trains one from scratch and others that start "
        "from a network that knows a million photos, and says which does best and which learns "
        "its images by heart."
    )
    name = errors.text(study_words.subject(dataset.source))
    why = errors.text(reason[:1].upper() + reason[1:])
    st.info(f"Nothing can be learnt from **{name}** yet. {why}", icon=":material/info:")
    if st.button("Choose images with classes", type="primary", icon=":material/photo_library:"):
        state.go_to(DATA)


def panel(study: Study | None, dataset: Dataset) -> st.delta_generator.DeltaGenerator:
    """Where the choice is made: open until there is a study of these images to look at."""
    shown = study.id if study is not None and study.source == dataset.source else ""
    return st.expander(
        "Choose what to train",
        expanded=not shown,
        icon=":material/tune:",
        key=f"train-panel-{state.started()}-{shown}",  # it folds when a training starts
        on_change="rerun",
    )


def choose(dataset: Dataset, split: Split) -> Study | None:
    """Model, augmentation, parameters; a study once one of the two buttons is pressed."""
    model = _model(dataset)
    switch, strip = st.columns([2, 5], vertical_alignment="center")
    augment = switch.toggle(
        "Augmentation", value=True, key="train-augment",
        help="Show each training image a little changed every time, so that a network cannot "
        "learn it by heart.",
    )  # fmt: skip
    with errors.shown():
        values, folds, search = _parameters()
        base = TrainConfig(model=model, augment=augment, **values)
        with strip:
            _preview(dataset, split, base)
        if folds:  # what is wrong with them is said before hours of training
            _split(dataset.key, dataclasses.replace(base, folds=folds), dataset)
        return _buttons(Study(dataset.source, base, folds=folds, search=search))
    return None


def _model(dataset: Dataset) -> str:
    small = dataset.typical_side < SMALL
    with st.container(key="train-models"):  # frame.css makes cards of them
        return st.radio(
            "Model",
            MODELS,
            index=MODELS.index("scratch" if small else "transfer"),
            format_func=LABELS.get,
            captions=[WHAT[model] for model in MODELS],
            horizontal=True,
            width="stretch",
            key=f"train-model-{small}",
        )


def _parameters() -> tuple[dict[str, Any], int, int]:
    """The declared parameters but for model and augment; folds and search."""
    params = {p.name: p for p in TrainConfig.params() if p.name not in ("model", "augment")}
    backbone = params.pop("backbone")
    first, second, third = st.columns(3)
    values: dict[str, Any] = {
        "backbone": first.selectbox(
            backbone.label,
            backbones.names(),
            format_func=lambda name: backbones.find(name).label,
            help=f"{backbone.help} EfficientNet-Lite comes with Facette; the others are "
            "downloaded when they are used first.",
            key="train-backbone",
        )
    }
    for place, name in ((second, "size"), (third, "epochs")):
        with place:
            values[name] = forms.widget(params.pop(name), f"train-{name}")
    with st.expander("Advanced"):
        values |= forms.widgets(list(params.values()), "train", 4)
        folds, search = _repeats()
    return values, folds, search


def _repeats() -> tuple[int, int]:
    left, right, *_ = st.columns(4, vertical_alignment="bottom")
    folds = left.selectbox(
        "Folds",
        list(FOLDS),
        format_func=FOLDS.get,
        help="Train each model so many times, every time with another part as the test: slower, "
        "and the figures say how far they depend on chance.",
        key="train-folds",
    )
    search = right.number_input(
        "Search",
        min_value=0,
        max_value=100,
        value=0,
        help="Try so many settings of learning rate, dropout and (from scratch) size, and keep "
        "what does best on the validation images. 0: no search.",
        key="train-search",
    )
    return int(folds), int(search)


def _preview(dataset: Dataset, split: Split, base: TrainConfig) -> None:
    """One training image and changed copies of it, as a network would see them."""
    config = base.resolve(dataset)
    if config.augmentation is None:
        st.caption("Each time the same pictures: a network may learn them by heart.")
        return
    row = int(split.rows(0)[0])
    image = dataset.image(row, min(config.size or PREVIEW, PREVIEW))
    number = np.arange(COPIES)
    copies = config.augmentation.view(np.stack([image] * COPIES), config.seed, 0, number)
    shown = [Picture(0, image, "as it is")]
    shown += [Picture(int(i) + 1, copy, f"changed {i + 1}") for i, copy in enumerate(copies)]
    gallery(
        shown, "train-preview", COPIES + 1, PREVIEW, chosen=0,
        label="A training image, and changed copies of it",
    )  # fmt: skip


def _buttons(study: Study) -> Study | None:
    whole = dataclasses.replace(study, variants=True)
    each = max(1, study.folds) + study.search
    if each > 1:
        st.caption(f"{each:,} trainings a model, so {each:,}, or {6 * each:,} for the study.")
    with st.container(horizontal=True):
        if st.button(
            "Run the study: all three, with and without augmentation",
            type="primary",
            icon=":material/play_arrow:",
            key="train-study",
            help="Six models, one after the other. You may leave the page meanwhile.",
        ):
            return whole
        if st.button("Train this model", icon=":material/school:", key="train-one"):
            return study
    return None
