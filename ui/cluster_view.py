"""The choice of what the map shows, and the map: 3D to turn, 2D to select with a lasso."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core import examples, maps, palette, registry, words
from core.runs import RunResult
from core.types import NOISE, OUTLIER, UNLABELLED
from ui import cached, media, pictures, state
from ui.frame import Current
from ui.map3d import show_map, show_map_2d
from ui.pills import pills

NAMES = {NOISE: "noise", OUTLIER: "outliers"}


@dataclass(frozen=True)
class View:
    """One run of the comparison, and what of it is looked at."""

    result: RunResult
    labels: np.ndarray  # (n,) int32, -1 noise, -2 outlier
    cluster: int | None  # the highlighted one
    color_by: str  # "cluster", "class" or "outlier"
    flat: bool  # the 2D tab

    def members(self, cluster: int) -> np.ndarray:
        """The rows of a cluster."""
        return np.flatnonzero(self.labels == cluster)


def name_of(cluster: int) -> str:
    """A cluster as people call it.

    >>> name_of(3), name_of(-1)
    ('3', 'noise')
    """
    return NAMES.get(cluster, str(cluster))


def color_of(cluster: int) -> str:
    """The colour of a cluster, the same on every page."""
    greys = {NOISE: palette.NOISE_COLOR, OUTLIER: palette.OUTLIER_COLOR}
    return greys.get(cluster) or palette.colors(cluster + 1)[cluster]


def choose(now: Current) -> View:
    """The controls under the map: view, colouring, descriptor, clusterer, cluster."""
    shape, color, what, how = st.columns([2, 2, 4, 3], vertical_alignment="bottom")
    with what:
        descriptor = _descriptor(now)
    with how:
        result = _clusterer(now, descriptor)
    labels = np.asarray(cached.array(result.keys.labels, "labels"))
    with shape:
        flat = st.segmented_control(
            "View",
            ["3d", "2d"],
            default="3d",
            required=True,
            format_func={"3d": "3D", "2d": "2D + lasso"}.get,
            key=state.VIEW,
            bind="query-params",
            help="Turn the cloud in 3D, or draw round points in 2D to see their images.",
        )
    with color:
        color_by = st.selectbox(
            "Colour by", _colorings(now, labels), key=state.COLOR_BY, bind="query-params"
        )
    return View(result, labels, _cluster(now, result, labels), color_by, flat == "2d")


def _descriptor(now: Current) -> str:
    called = words.descriptor_labels(now.results)
    known = list(called)
    return st.selectbox(
        "Descriptor",
        known,
        index=known.index(now.best.config.descriptor),
        format_func=lambda text: called[text],
        key=state.DESCRIPTOR,
        bind="query-params",
        help="What the images were grouped by.",
    )


def _clusterer(now: Current, descriptor: str) -> RunResult:
    fitting = {r.config.clusterer: r for r in now.results if r.config.descriptor == descriptor}
    known = list(fitting)
    index = known.index(now.best.config.clusterer) if now.best.config.clusterer in known else 0
    chosen = st.selectbox(
        "Clusterer",
        known,
        index=index,
        format_func=lambda text: words.label_of("clusterer", text),
        key=state.CLUSTERER,
        bind="query-params",
        help="The method that formed the groups.",
    )
    return fitting[chosen]


def _colorings(now: Current, labels: np.ndarray) -> list[str]:
    known = ["cluster"]
    if now.dataset.labels is not None:
        known.append("class")
    if (labels == OUTLIER).any():
        known.append("outlier")
    return known


def _cluster(now: Current, result: RunResult, labels: np.ndarray) -> int | None:
    """Coloured pills, one a cluster; noise and outliers last."""
    present = [int(c) for c in np.unique(labels)]
    ordered = [c for c in present if c >= 0] + [c for c in (NOISE, OUTLIER) if c in present]
    wanted = state.cluster()
    if wanted not in ordered:
        wanted = None if state.all_clusters() else _first(now, result, labels)
    pills(
        [name_of(c) for c in ordered],
        [color_of(c) for c in ordered],
        None if wanted is None else ordered.index(wanted),
        "clusters",
        label="Highlight a cluster",
        on_pick=lambda index: state.set_cluster(None if index is None else ordered[index]),
    )
    return wanted


def _first(now: Current, result: RunResult, labels: np.ndarray) -> int | None:
    silhouette = np.asarray(cached.array(result.keys.metrics, "silhouette"))
    return examples.best_cluster(labels, now.dataset.labels, silhouette)


def draw_map(now: Current, view: View) -> np.ndarray | None:
    """Draw the map; the rows selected by lasso or box, or None. A click picks an image."""
    coords = np.asarray(cached.array(view.result.keys.map, "values"))
    groups, names, colors = _groups(now, view)
    lit = None if view.cluster is None else view.labels == view.cluster
    shared = {
        "atlas": cached.atlas(now.dataset),
        "captions": _notes(_names(now), view.result.keys.metrics, now, view),
        "lit": lit,
        "pinned": picked(now),
        "alt": f"Map of {len(now.dataset):,} images coloured by {view.color_by}.",
        "on_pick": lambda row: state.pick(now.run_id, row),
    }
    if view.flat:
        _, rows = show_map_2d(maps.map_2d(coords[:, :2], groups, names, colors), "map2d", **shared)
        return np.array(rows, int)
    show_map(maps.map_3d(coords, groups, names, colors), "map3d", **shared)
    return None


def picked(now: Current) -> int | None:
    """The row of the image that was clicked, if there still is one."""
    row = state.picked(now.run_id)
    return row if row is not None and row < len(now.dataset) else None


def captions(now: Current, view: View, rows: np.ndarray) -> list[str]:
    """One for each of `rows`: cluster, class and file, a line each."""
    return [
        f"cluster {name_of(int(view.labels[row]))}\n{pictures.caption(now.dataset, int(row))}"
        for row in rows
    ]


def _names(now: Current) -> int:
    """What tells datasets of the same images and labels apart, in this process, at once."""
    return hash((now.dataset.images_key, now.dataset.ids, now.dataset.class_names))


@st.cache_resource(show_spinner=False, max_entries=8)
def _notes(names: int, metrics: str, _now: Current, _view: View) -> bytes:
    """The captions of all rows for the map; the metrics' key depends on clusters and classes."""
    called = {int(cluster): name_of(int(cluster)) for cluster in np.unique(_view.labels)}
    clusters = [called[cluster] for cluster in _view.labels.tolist()]
    return media.notes(cached.atlas(_now.dataset), pictures.captions(_now.dataset, clusters))


def _groups(now: Current, view: View) -> tuple[np.ndarray, list[str], list[str]]:
    """The group of each row, and the names and colours of the groups."""
    dataset, labels = now.dataset, view.labels
    if view.color_by == "class" and dataset.labels is not None:
        groups = np.where(dataset.labels == UNLABELLED, NOISE, dataset.labels)
        names = list(dataset.class_names)
    elif view.color_by == "outlier":
        groups, names = (labels == OUTLIER).astype(int), ["kept", "outlier"]
    else:
        groups, names = labels, [str(c) for c in range(int(labels.max(initial=-1)) + 1)]
    return groups, names, palette.colors(len(names))


def caption(view: View) -> None:
    """What the map is made of, and what it leaves out."""
    reducer = registry.parse_reducer(view.result.config.reducer)
    drawn = view.result.config.map or ("PCA" if reducer.name == "none" else reducer.label)
    space = "the full matrix" if reducer.name == "none" else f"{reducer.label}'s dimensions"
    st.caption(
        f"The map is made by {drawn}: near points are similar images, the axes mean nothing. "
        f"Clusters were found, and metrics computed, in {space}. "
        "Hover over a point for its image, click to keep it."
    )
    share = {c: float((view.labels == c).mean()) for c in (NOISE, OUTLIER)}
    if share[NOISE]:
        counted = (
            "The silhouette leaves them out, so it flatters methods that find much noise."
            if view.result.metrics["ami"] is None
            else "AMI and the other label-based metrics count them as one more group."
        )
        st.caption(f"Noise (-1): {share[NOISE]:.0%} of the images fit no dense group. {counted}")
    if share[OUTLIER]:
        st.caption(f"Outliers: {share[OUTLIER]:.0%} were left out before clustering.")
