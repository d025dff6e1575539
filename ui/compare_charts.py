"""The charts of the Compare page."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core import examples, metrics, palette, plots, words
from core.errors import printable
from core.runs import RunResult
from core.summary import best_per_descriptor, main_metric
from core.types import UNLABELLED, Dataset
from ui import cached, pictures
from ui.cluster_view import name_of
from ui.frame import Current

STRIP = 3
STRIPS = 12  # descriptions that get pictures beside their bars
WORTH = {"ami": "AMI", "silhouette": "Silhouette"}
BARE = {"displayModeBar": False}


def explain(now: Current) -> None:
    """What the ranking metric means, in a paragraph and a picture, one switch away."""
    if now.dataset.labels is None:
        st.info(
            "These images have no labels, so nothing says which groups are right. The silhouette "
            "takes the place of AMI: how much nearer an image is to its own cluster than to the "
            "next one. It favours round, compact groups, meaningful or not.",
            icon=":material/info:",
        )
        return
    if not st.toggle("What does AMI mean?", key="explain-ami"):
        return
    text, picture = st.columns([3, 2], gap="large", vertical_alignment="center")
    text.markdown(
        "**Adjusted mutual information** says how much you learn of an image's true class by "
        "being told its cluster. **1**: every cluster is one class. **0**: no better than "
        "shuffled cards. The names of clusters do not matter, nor their order, and splitting "
        "into many small clusters does not help: what luck would give is taken off."
    )
    good, shuffled = np.diag([9, 9, 9]), np.full((3, 3), 3)
    names = ["A", "B", "C"]
    with picture:
        left, right = st.columns(2)
        for place, table, said in ((left, good, "AMI 1"), (right, shuffled, "AMI 0")):
            figure = plots.contingency(table, names, ["1", "2", "3"])
            figure["layout"]["height"] = 220
            place.plotly_chart(figure, key=said, config=BARE, alt=f"Classes by clusters, {said}")
            place.caption(said)


def bars(now: Current) -> None:
    """The ranking metric of every run, best on top, and pictures of each one's best cluster."""
    name, called = main_metric(now.results), words.descriptor_labels(now.results)
    rows = [
        (called[r.config.descriptor], _how(r), float(value))
        for r in now.results
        if (value := r.metrics[name]) is not None
    ]
    if not rows:
        st.info("No run formed groups that can be measured.")
        return
    best = list(best_per_descriptor(now.results).items())[:STRIPS]
    strips = {called[text]: _strip(now, result) for text, result in best}
    with st.container(key="bars"):
        st.plotly_chart(
            plots.bars(rows, WORTH[name], strips=strips),
            key="bars-chart",
            config=BARE,
            alt=f"Bars: {WORTH[name]} of {len(rows)} runs, the best on top",
        )
    st.caption("The pictures are the middle of the best cluster that each description found.")


def _how(result: RunResult) -> str:
    return words.label_of("clusterer", result.config.clusterer)


def _strip(now: Current, result: RunResult) -> list[str]:
    """The images nearest to the centre of the best cluster, as URLs."""
    rows = _middle(result.keys.metrics, result, now.dataset)
    return [url for row in rows if (url := pictures.data_url(now.dataset, row))]


@st.cache_data(show_spinner=False, max_entries=500)
def _middle(metrics: str, _result: RunResult, _dataset: Dataset) -> list[int]:
    """Rows in the middle of the best cluster; the metrics' key depends on clusters and classes."""
    labels = np.asarray(cached.array(_result.keys.labels, "labels"))
    silhouette = np.asarray(cached.array(_result.keys.metrics, "silhouette"))
    cluster = examples.best_cluster(labels, _dataset.labels, silhouette)
    if cluster is None:
        return []
    members = np.flatnonzero(labels == cluster)
    distance = np.asarray(cached.array(_result.keys.labels, "distance"))[members]
    return members[np.argsort(distance, kind="stable")[:STRIP]].tolist()


def choose(now: Current) -> RunResult:
    """The run that the charts below look into; the best one first."""
    order, called = list(range(len(now.results))), words.descriptor_labels(now.results)
    index = st.selectbox(
        "Look into one run",
        order,
        index=now.results.index(now.best),
        format_func=lambda i: (
            f"{called[now.results[i].config.descriptor]}, " + _how(now.results[i])
        ),
        key=f"look-into-{now.run_id}",
    )
    return now.results[index]


def contingency(now: Current, result: RunResult) -> None:
    """Classes by clusters; a selected cell shows its images."""
    if now.dataset.labels is None:
        return
    st.markdown("#### Classes by clusters")
    labels = np.asarray(cached.array(result.keys.labels, "labels"))
    found = metrics.contingency(now.dataset.labels, labels).matched()
    classes = [printable(now.dataset.class_names[c], 30) for c in found.classes]
    clusters = [name_of(int(g)) for g in found.groups]
    key = f"contingency-{result.keys.metrics}"
    st.plotly_chart(
        plots.contingency(found.counts, classes, clusters),
        key=key,
        on_select=lambda: _take_cell(key),
        selection_mode="points",
        config=BARE,
        alt="How many images of each class are in each cluster",
    )
    cell = _cell(key, classes, clusters)
    if cell is None:
        st.caption("Click a cell, or choose its class and cluster, to see its images.")
        return
    row, column = cell
    mine = (now.dataset.labels == found.classes[row]) & (labels == found.groups[column])
    rows = np.flatnonzero(mine)
    st.markdown(f"{_images(len(rows))} of this class in cluster {clusters[column]}")
    pictures.show(now.dataset, [int(r) for r in rows[:24]], key="cell", columns=8)


def _images(count: int) -> str:
    return f"{count:,} image{'s' * (count != 1)}"


def _take_cell(key: str) -> None:
    """Put the cell that was clicked into the two boxes below the heat map."""
    points = st.session_state[key].selection.points
    if points:
        cell = points[0]["customdata"]  # a list becomes a dictionary on its way
        st.session_state[f"{key}-class"] = int(cell["0"])
        st.session_state[f"{key}-cluster"] = int(cell["1"])


def _cell(key: str, classes: list[str], clusters: list[str]) -> tuple[int, int] | None:
    """The row and column that two boxes show, once both are chosen; for those without a mouse."""
    chosen = []
    named = (("class", classes), ("cluster", clusters))
    for place, (what, names) in zip(st.columns(2), named, strict=True):
        index = place.selectbox(
            what.capitalize(),
            range(len(names)),
            index=None,
            format_func=names.__getitem__,
            placeholder=f"Choose a {what}",
            key=f"{key}-{what}",
        )
        chosen.append(index)
    row, column = chosen
    return None if row is None or column is None else (row, column)


def silhouettes(now: Current, result: RunResult) -> None:
    """How well each image sits in its cluster, cluster by cluster."""
    st.markdown("#### Silhouettes")
    labels = np.array(cached.array(result.keys.labels, "labels"))
    values = np.asarray(cached.array(result.keys.metrics, "silhouette"))
    labels[np.isnan(values)] = UNLABELLED
    if not (labels >= 0).any():
        st.info("There are too few clusters for silhouettes.")
        return
    k = int(labels.max()) + 1
    st.plotly_chart(
        plots.silhouettes(values, labels, [str(c) for c in range(k)], palette.colors(k)),
        key=f"silhouettes-{result.keys.metrics}",
        config=BARE,
        alt="Silhouette of every image, a band a cluster",
    )
    st.caption("Wide bands to the right: images sit well in their cluster. Left of 0: misfits.")


def time_and_quality(now: Current) -> None:
    """What each run cost against how good it is."""
    name, called = main_metric(now.results), words.descriptor_labels(now.results)
    rows = [
        (called[r.config.descriptor], _how(r), r.seconds, float(value))
        for r in now.results
        if (value := r.metrics[name]) is not None
    ]
    if rows:
        st.markdown("#### Time against quality")
        st.plotly_chart(
            plots.time_quality(rows, WORTH[name]),
            key="time-quality",
            config=BARE,
            alt=f"Seconds and {WORTH[name]} of every run",
        )
        st.caption("Seconds that a run took when its stages were computed; up and left is better.")
