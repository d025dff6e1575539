"""The choice of what to compare, with forms made from the declared parameters."""

from __future__ import annotations

import streamlit as st

from core import registry, words
from core.runs import DEFAULT_DESCRIPTORS, DEFAULT_REDUCER, Comparison
from core.types import Dataset
from ui import cached, errors, forms, progress


def choose(dataset: Dataset) -> Comparison | None:
    """Descriptors, outliers, reducer, clusterers; a comparison once the button is pressed."""
    known = list(registry.components("descriptor"))
    names = st.pills(
        "Descriptors",
        known,
        selection_mode="multi",
        default=[name for name in known if name in DEFAULT_DESCRIPTORS],
        format_func=lambda name: words.label_of("descriptor", name),
        key="chosen-descriptors",
    )
    with errors.shown():
        descriptors = _signatures(list(names))
        outliers, reducer, clusterers = _methods()
        scale, seed = _general(descriptors)
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
                scale=scale,
                seed=seed,
            )
    return None


def start(asked: Comparison) -> None:
    """Remember a comparison, so that it can be opened again, and start it."""
    cached.store().save_record("comparisons", asked.id, asked.to_json())
    progress.start("compare", {"comparison": asked.to_json()})


def _signatures(names: list[str]) -> list[str]:
    specs = []
    for name in names:
        with st.expander(f"{words.label_of('descriptor', name)}: parameters"):
            st.caption(registry.find("descriptor", name).summary)
            specs.append(forms.component_form("descriptor", name, "run").spec())
    joined = []
    if len(specs) > 1 and st.checkbox(
        "Also all of them joined",
        value=True,
        help="The descriptors side by side as one signature, scaled so that none drowns another.",
    ):
        joined = ["+".join(specs)]
    return specs + joined


def _methods() -> tuple[str, str, list[str]]:
    left, middle, right = st.columns(3)
    with left:
        outliers = _one("Outliers", "outliers", "none")
    with middle:
        reducer = _one("Reducer", "reducer", registry.parse_reducer(DEFAULT_REDUCER).name)
    with right:
        chosen = st.multiselect(
            "Clusterers",
            list(registry.components("clusterer")),
            default=["kmeans"],
            format_func=lambda name: words.label_of("clusterer", name),
            key="chosen-clusterers",
        )
        clusterers = []
        for name in chosen:
            with st.expander(f"{words.label_of('clusterer', name)}: parameters"):
                clusterers.append(forms.component_form("clusterer", name, "run").spec())
    return outliers, reducer, clusterers


def _one(label: str, kind: str, default: str) -> str:
    known = list(registry.components(kind))
    name = st.selectbox(
        label,
        known,
        index=known.index(default),
        format_func=lambda n: words.label_of(kind, n),
        key=f"chosen-{kind}",
    )
    cls = registry.find(kind, name)
    st.caption(cls.summary)
    if not cls.params():
        return name
    with st.expander("Parameters"):
        return forms.component_form(kind, name, "run").spec()


def _general(descriptors: list[str]) -> tuple[str | None, int]:
    with st.expander("Scaling and seed"):
        scale = None
        if any("+" in text for text in descriptors):
            scale = st.selectbox(
                "Scaling of joined descriptors",
                ["standard", "l2", "none"],
                help="standard: every number varies equally. l2: every image has length 1 in each "
                "descriptor. none: as they are, so that the largest numbers win.",
            )
        seed = st.number_input(
            "Seed", 0, 2**32 - 1, 0, help="The same seed gives the same result again."
        )
    return (None if scale == "standard" else scale), int(seed)
