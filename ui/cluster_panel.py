"""Beside the map: the image that was clicked, and the images of the highlighted cluster."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core import examples, palette, plots
from core.errors import printable
from core.keys import key_of_array
from core.types import UNLABELLED
from ui import cached, errors, pictures, state
from ui.cluster_view import View, captions, color_of, name_of, picked
from ui.frame import Current

PAGE = 20
ORDERS = {
    "nearest": "nearest to the centre",
    "random": "a random choice",
    "farthest": "farthest from the centre",
    "misfits": "misfits",
}


def show(now: Current, view: View, selected: np.ndarray | None) -> None:
    """The picked image, then the images selected on the map, or else those of the cluster."""
    row = picked(now)
    if row is not None:
        _picked(now, view, row)
    if view.flat:
        _selection(now, view, selected)
    elif view.cluster is None:
        st.info(
            "Every cluster is in full colour. Choose one under the map to see its images.",
            icon=":material/touch_app:",
        )
    if view.cluster is not None and selected is None:
        _cluster(now, view, view.cluster)


def _picked(now: Current, view: View, row: int) -> None:
    dataset, result = now.dataset, view.result
    reduced = np.asarray(cached.array(result.keys.reduced, "values"))
    distance = float(cached.array(result.keys.labels, "distance")[row])
    with st.container(border=True, key="picked"):
        picture, facts = st.columns([1, 2])
        with picture:
            pictures.show(dataset, [row], key="picked-image", columns=1)
        lines = [f"**{errors.text(pictures.file_name(dataset.ids[row]))}**"]
        if dataset.labels is not None:
            lines.append(f"class {errors.text(pictures.class_name(dataset, row))}")
        lines.append(f"cluster {name_of(int(view.labels[row]))}")
        if np.isfinite(distance):
            lines.append(f"distance to the centre {distance:.2f}")
        facts.markdown("  \n".join(lines))
        facts.button(
            "Close",
            key="unpick",
            icon=":material/close:",
            on_click=state.pick,
            args=(now.run_id, None),
        )
        st.caption("Its nearest neighbours")
        near = _neighbours(result.keys.reduced, row, reduced)
        _gallery(now, view, near, "neighbours")


@st.cache_data(show_spinner=False, max_entries=200)
def _neighbours(reduced: str, row: int, _values: np.ndarray) -> np.ndarray:
    return examples.neighbours(_values, row, 6)


def _selection(now: Current, view: View, selected: np.ndarray | None) -> None:
    if selected is None or not len(selected):
        st.info(
            "Draw round points with the lasso, or a box, to see their images here.",
            icon=":material/lasso_select:",
        )
        return
    st.markdown(f"#### Selection · {len(selected):,} images")
    _grid(now, view, selected, f"selection-{key_of_array(selected)[:8]}", "selection")


def _cluster(now: Current, view: View, cluster: int) -> None:
    members = view.members(cluster)
    title = f"Cluster {cluster}" if cluster >= 0 else name_of(cluster).capitalize()
    st.markdown(f"#### {title} · {len(members):,} images")
    if now.dataset.labels is not None:
        _composition(now, members)
    orders = [o for o in ORDERS if cluster >= 0 or o == "random"]
    order = st.segmented_control(
        "Show", orders, default=orders[0], required=True, format_func=str.capitalize,
        key="order", label_visibility="collapsed",
        help="Misfits: where there are labels, images of another class than most of the "
        "cluster; elsewhere, images nearer to another cluster.",
    )  # fmt: skip
    rows = _ordered(now, view, members, str(order))
    if not len(rows):
        st.info("No image of this cluster is a misfit.")
    else:
        _grid(now, view, rows, f"{cluster}-{order}", "cluster")


def _ordered(now: Current, view: View, members: np.ndarray, order: str) -> np.ndarray:
    keys = view.result.keys
    distance = np.asarray(cached.array(keys.labels, "distance"))[members]
    if order == "nearest":
        return members[np.argsort(distance, kind="stable")]
    if order == "farthest":
        return members[np.argsort(-distance, kind="stable")]
    if order == "random":
        return np.random.default_rng(0).permutation(members)
    silhouette = np.asarray(cached.array(keys.metrics, "silhouette"))[members]
    return examples.misfits(members, now.dataset.labels, silhouette)


def _composition(now: Current, members: np.ndarray) -> None:
    labels = now.dataset.labels
    assert labels is not None
    known = labels[members][labels[members] != UNLABELLED]
    if not len(known):
        return
    counts = np.bincount(known, minlength=len(now.dataset.class_names))
    top = int(counts.argmax())
    name = errors.text(printable(now.dataset.class_names[top], pictures.NAME))
    st.markdown(f"mostly **{name}** ({counts[top] / len(known):.0%})")
    colors = palette.colors(len(counts))
    figure = plots.composition(counts, [printable(n, 30) for n in now.dataset.class_names], colors)
    st.plotly_chart(figure, key="composition", config={"displayModeBar": False})


def _grid(now: Current, view: View, rows: np.ndarray, what: str, key: str) -> None:
    """A page of these rows; `what` they are says when to begin at the first page again."""
    pages, page = -(-len(rows) // PAGE), 1
    tiles = st.container()
    if pages > 1:
        page = st.number_input(
            f"Page of {pages}",
            min_value=1,
            max_value=pages,
            key=f"page-{now.run_id}-{view.result.keys.labels}-{what}",
            width=160,
        )
    with tiles:
        _gallery(now, view, rows[(page - 1) * PAGE : page * PAGE], f"grid-{key}")


def _gallery(now: Current, view: View, rows: np.ndarray, key: str) -> None:
    pictures.show(
        now.dataset,
        [int(row) for row in rows],
        key=key,
        columns=6,
        colors=[color_of(int(view.labels[row])) for row in rows],
        captions=captions(now, view, rows),
        chosen=picked(now),
        on_pick=lambda row: state.pick(now.run_id, row),
    )
