"""Which descriptors to compare: the classic ones, the networks, and what some of these need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core import registry, words
from core.cnn import applications, studies
from core.components import Component, Descriptor
from core.descriptors.clip import FILE
from core.runs import DEFAULT_DESCRIPTORS, DEFAULT_REDUCER
from ui import cached, forms, model_picker

TRAINED = "trained_cnn"
EACH, JOINED, BOTH = "each alone", "all joined as one", "both"
_CLASSIC, _NETWORKS = "chosen-descriptors", "chosen-networks"
_FIRST = [name for name in DEFAULT_DESCRIPTORS if "+" not in name]
START: Mapping[str, Any] = {
    _CLASSIC: _FIRST,
    _NETWORKS: [],
    "chosen-joining": BOTH,
    "chosen-outliers": "none",
    "chosen-reducer": registry.parse_reducer(DEFAULT_REDUCER).name,
    "chosen-clusterers": ["kmeans"],
}
COMBINED: Mapping[str, Any] = {
    _CLASSIC: ["hsv_histogram", "sift"],
    _NETWORKS: ["autoencoder"],
    "chosen-joining": JOINED,
    "chosen-outliers": "isolation_forest",
    "chosen-reducer": "umap",
    "chosen-clusterers": ["kmeans", "agglomerative", "dbscan"],
}


def begin() -> None:
    """What is chosen to begin with, and two buttons that choose for you."""
    for key, value in START.items():
        st.session_state.setdefault(key, value)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Five classic descriptors",
            key="choose-classic",
            icon=":material/tune:",
            on_click=st.session_state.update,
            args=(START,),
            help="Colours, edges, textures and points, each alone and all joined; K-Means.",
        )
        st.button(
            "One combined signature",
            key="choose-combined",
            icon=":material/join_inner:",
            on_click=st.session_state.update,
            args=(COMBINED,),
            help="SIFT, autoencoder and HSV histogram joined: points, shapes learnt from your "
            "images, and colours. Isolation Forest takes outliers away; three clusterers.",
        )


def names() -> list[str]:
    """The descriptors that are picked."""
    known = list(registry.components("descriptor"))
    deep = [name for name in known if _class(name).deep]
    picked = _pills("Classic descriptors", [n for n in known if n not in deep], _CLASSIC, None)
    return picked + _pills(
        "Networks",
        deep,
        _NETWORKS,
        "They have learnt from a million photos, or learn from your images; slower than the "
        "classic ones, and often better at what things are.",
    )


def joining(specs: list[str]) -> list[str]:
    """The descriptors each alone, joined to one signature, or both; as they are written."""
    if len(specs) < 2:
        return specs
    st.session_state.setdefault("chosen-joining", BOTH)
    way = st.segmented_control(
        "Compare them",
        [EACH, JOINED, BOTH],
        required=True,
        key="chosen-joining",
        help="Joined: the descriptors side by side as one signature, scaled so that none drowns "
        "another.",
    )
    return specs * (way != JOINED) + ["+".join(specs)] * (way != EACH)


def form(name: str) -> Component:
    """The parameters of a descriptor; the component they make."""
    if name != TRAINED:
        return forms.component_form("descriptor", name, "run")
    models = {model.id: model for model in studies.models(cached.store())}
    chosen = st.selectbox(
        "Model",
        ["", *models],
        format_func=lambda key: model_picker.option(models[key]) if key else "the newest",
        key="run-trained-model",
        help="A model that was trained on the page Train.",
    )
    return registry.create("descriptor", name, {"model": chosen or None})


def needs(name: str) -> str:
    """What a network has yet to be given before it can run, in few words; empty if nothing."""
    if name in applications.APPLICATIONS:
        return "" if applications.place_of(name).is_file() else "downloads its weights"
    if name == "clip":
        there = (cached.store().root / "models" / FILE).is_file()
        return "" if there else "needs a file of yours"
    if name == TRAINED:
        return "" if studies.models(cached.store()) else "needs a model from Train"
    return ""


def _pills(label: str, known: list[str], key: str, tip: str | None) -> list[str]:
    called = {name: _called(name) for name in known}
    return list(
        st.pills(label, known, selection_mode="multi", format_func=called.get, key=key, help=tip)
    )


def _called(name: str) -> str:
    label, missing = words.label_of("descriptor", name), needs(name)
    return f"{label} :small[({missing})]" if missing else label


def _class(name: str) -> type[Descriptor]:
    cls = registry.find("descriptor", name)
    assert issubclass(cls, Descriptor)
    return cls
