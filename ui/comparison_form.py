"""The choice of what to compare, with forms made from the declared parameters."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core import registry, words
from core.runs import Comparison
from core.types import Dataset
from ui import cached, descriptor_choice, errors, forms, progress


def choose(dataset: Dataset) -> Comparison | None:
    """Descriptors, outliers, reducer, clusterers; a comparison once the button is pressed."""
    descriptor_choice.begin()
    names = descriptor_choice.names()
    with errors.shown():
        descriptors = _signatures(names)
        outliers, reducer, clusterers = _methods()
        general = _general(descriptors)
        ready = bool(descriptors and clusterers)
        count = len(descriptors) * len(clusterers)
        label = f"Run {count} pipeline{'s' * (count != 1)}" if ready else "Run"
        if not ready:
            st.info("Choose at least one descriptor and one clusterer.")
        if st.button(label, type="primary", disabled=not ready, icon=":material/play_arrow:"):
            return Comparison(
                source=dataset.source,
                descriptors=tuple(descriptors),
                clusterers=tuple(clusterers),
                outliers=outliers,
                reducer=reducer,
                **general,
            )
    return None


def start(asked: Comparison) -> None:
    """Remember a comparison, so that it can be opened again, and start it."""
    cached.store().save_record("comparisons", asked.id, asked.to_json())
    progress.start("compare", {"comparison": asked.to_json()})


def _signatures(names: list[str]) -> list[str]:
    specs = []
    columns = st.columns(3)
    for position, name in enumerate(names):
        with columns[position % 3].expander(f"{_label('descriptor', name)}: parameters"):
            st.caption(registry.find("descriptor", name).summary)
            specs.append(descriptor_choice.form(name).spec())
    return descriptor_choice.joining(specs)


def _methods() -> tuple[str, str, list[str]]:
    left, middle, right = st.columns(3)
    with left:
        outliers = _one("Outliers", "outliers")
    with middle:
        reducer = _one("Reducer", "reducer")
    with right:
        chosen = st.multiselect(
            "Clusterers",
            list(registry.components("clusterer")),
            format_func=lambda name: _label("clusterer", name),
            key="chosen-clusterers",
            wrap=True,
        )
        clusterers = []
        for name in chosen:
            with st.expander(f"{_label('clusterer', name)}: parameters"):
                clusterers.append(forms.component_form("clusterer", name, "run").spec())
    return outliers, reducer, clusterers


def _one(label: str, kind: str) -> str:
    known = list(registry.components(kind))
    name = st.selectbox(
        label,
        known,
        format_func=lambda n: _label(kind, n),
        key=f"chosen-{kind}",
    )
    cls = registry.find(kind, name)
    st.caption(cls.summary)
    if not cls.params():
        return name
    with st.expander("Parameters"):
        return forms.component_form(kind, name, "run").spec()


def _general(descriptors: list[str]) -> dict[str, Any]:
    """Scaling, weights and PCA of joined descriptors; the map; the seed."""
    chosen: dict[str, Any] = {}
    with st.expander("Scaling, map and seed"):
        first, second, third = st.columns(3)
        joined = [text for text in descriptors if "+" in text]
        if joined:
            with first:
                chosen |= _joining(joined[0])
        map_method = second.selectbox(
            "Map",
            ["reducer", "pca", "tsne", "umap"],
            format_func=lambda m: "as the reducer" if m == "reducer" else _label("reducer", m),
            help="What draws the 3D map. It is for looking: clusters do not depend on it.",
        )
        chosen["map"] = None if map_method == "reducer" else map_method
        chosen["seed"] = third.number_input(
            "Seed", 0, 2**32 - 1, 0, help="The same seed gives the same result again."
        )
    return chosen


def _joining(signature: str) -> dict[str, Any]:
    scale = st.selectbox(
        "Scaling of joined descriptors",
        ["standard", "l2", "none"],
        help="standard: every number varies equally. l2: every image has length 1 in each "
        "descriptor. none: as they are, so that the largest numbers win.",
    )
    block_pca = st.number_input(
        "PCA of each one before joining",
        min_value=1,
        value=None,
        placeholder="no PCA",
        help="Reduce each descriptor to so many numbers first.",
    )
    parts = registry.parse_signature(signature)
    weights = tuple(
        float(st.slider(f"Weight of {part.label}", 0.0, 2.0, 1.0, 0.1, key=f"weight-{i}"))
        for i, part in enumerate(parts)
    )
    return {
        "scale": None if scale == "standard" else scale,
        "block_pca": block_pca,
        "weights": None if set(weights) == {1.0} else weights,
    }


def _label(kind: str, name: str) -> str:
    return words.label_of(kind, name)
