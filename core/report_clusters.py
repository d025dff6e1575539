"""The parts of a report that show images: the bars, the clusters, classes against clusters."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from core import words
from core.images import encode_jpeg, encode_png, thumbnail
from core.metrics import METRICS
from core.report_map import group_colour, group_name
from core.runs import RunResult
from core.store import Store
from core.summary import main_metric
from core.tables import label_text, read_array
from core.types import UNLABELLED, Dataset

PER_CLUSTER = 12  # example pictures
MAX_CLUSTERS = 60  # a person reads no further
MAX_CLASSES = 60
SIDE = 128  # pixels of an example picture
SMALL = 64  # images up to this size are shown pixel for pixel


def bars(dataset: Dataset, results: Sequence[RunResult], store: Store) -> str:
    """The runs, best first, each with a bar and three images of its clearest cluster."""
    name = main_metric(results)
    called = words.descriptor_labels(results)
    metric = next(m for m in METRICS if m.name == name)
    clusterers = {result.config.clusterer for result in results}
    rows = []
    for i, result in enumerate(results):
        value = result.metrics.get(name)
        label = called[result.config.descriptor]
        if len(clusterers) > 1:
            label += f", {words.label_of('clusterer', result.config.clusterer)}"
        labels = np.asarray(read_array(store, result.keys.labels, "labels"))
        group = _showpiece(dataset, labels)
        shown = "" if group is None else _strip(dataset, nearest(result, store, group, 3))
        width = max(0.0, min(1.0, value or 0.0))
        figure = "not defined" if value is None else f"{value:.2f}"
        rows.append(
            f"<li{' class=best' if i == 0 and len(results) > 1 else ''}>"
            f"<span class=name>{escape(label)}</span>"
            f'<span class=track><i style="width:{width:.1%}"></i><b>{figure}</b></span>'
            f"<span class=thumbs>{shown}</span></li>"
        )
    title = "Which description groups them best?" if len(results) > 1 else "How good is it?"
    return (
        f"<section><h2>{title}</h2><p class=note><b>{escape(metric.label)}</b>: "
        f"{escape(metric.sentence)} Beside each bar: three images of the run's clearest cluster."
        f"</p><ol class=bars>{''.join(rows)}</ol></section>"
    )


def _showpiece(dataset: Dataset, labels: np.ndarray) -> int | None:
    """The cluster that shows best what a run found: the purest of a fair size, or the largest."""
    groups, sizes = np.unique(labels[labels >= 0], return_counts=True)
    if not len(groups):
        return None
    if dataset.labels is None:
        return int(groups[sizes.argmax()])
    fair = groups[sizes >= min(sizes.max(), len(labels) / len(groups) / 2)]
    purity = [_composition(dataset, labels == group)[0][1] for group in fair]
    return int(fair[int(np.argmax(purity))])


def _composition(dataset: Dataset, rows: np.ndarray) -> list[tuple[int, float]]:
    """Class number and share of each class among some rows, the largest first."""
    assert dataset.labels is not None
    classes, counts = np.unique(dataset.labels[rows], return_counts=True)
    shares = sorted(zip(-counts / max(1, counts.sum()), classes, strict=True))
    return [(int(number), float(-share)) for share, number in shares]


def cards(dataset: Dataset, best: RunResult, labels: np.ndarray, store: Store) -> str:
    """Every cluster of a run: what it holds, and the images nearest to its centre."""
    groups, sizes = np.unique(labels, return_counts=True)
    found = zip(groups.tolist(), sizes.tolist(), strict=True)
    order = sorted(found, key=lambda item: (item[0] < 0, abs(item[0])))
    articles = []
    for group, size in order[:MAX_CLUSTERS]:
        shown = _strip(dataset, nearest(best, store, group, PER_CLUSTER))
        about = f"{size:,} image{'s' * (size != 1)}"
        mix = ""
        if dataset.labels is not None:
            shares = _composition(dataset, labels == group)
            about += f", mostly {_class_name(dataset, shares[0][0])} ({shares[0][1]:.0%})"
            mix = _mixture(dataset, shares)
        articles.append(
            f"<article style='--c:{group_colour(group)}'><h3><i></i>{group_name(group)}</h3>"
            f"<p>{escape(about)}</p>{mix}<div class=thumbs>{shown}</div></article>"
        )
    more = len(order) - MAX_CLUSTERS
    note = f" {more} more clusters are in clusters.csv." if more > 0 else ""
    return (
        "<section><h2>What the clusters look like</h2><p class=note>The images nearest to the "
        f"centre of each cluster.{note}</p><div class=cards>{''.join(articles)}</div></section>"
    )


def _mixture(dataset: Dataset, shares: Iterable[tuple[int, float]]) -> str:
    bits = []
    for number, share in shares:
        colour = group_colour(number)
        title = f"{_class_name(dataset, number)}: {share:.1%}"
        bits.append(f'<i style="flex:{share:.4f};background:{colour}" title="{escape(title)}"></i>')
    return f"<div class=mix>{''.join(bits)}</div>"


def contingency(dataset: Dataset, labels: np.ndarray) -> str:
    """How many images of each class are in each cluster; empty without labels."""
    if dataset.labels is None:
        return ""
    groups, column = np.unique(labels, return_inverse=True)
    known = dataset.labels != UNLABELLED
    table = np.zeros((len(dataset.class_names), len(groups)), int)
    np.add.at(table, (dataset.labels[known], column[known]), 1)
    # Each cluster stands under the class it holds most of, so that agreement is a diagonal.
    order = sorted(range(len(groups)), key=lambda j: (groups[j] < 0, table[:, j].argmax(), j))
    order = order[:MAX_CLUSTERS]
    head = "".join(f"<th>{_short_name(int(groups[j]))}</th>" for j in order)
    body = []
    for name, counts in list(zip(dataset.class_names, table, strict=True))[:MAX_CLASSES]:
        total = max(1, int(counts.sum()))
        cells = "".join(_cell(int(counts[j]), counts[j] / total) for j in order)
        body.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    return (
        "<section><h2>Classes and clusters</h2><p class=note>How many images of each true class "
        "(rows) fell into each cluster (columns). The stronger the "
        "colour, the larger the share of the class.</p>"
        "<div class=scroll><table class=heat><thead><tr><th>class \\ cluster</th>"
        f"{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div></section>"
    )


def _cell(count: int, share: float) -> str:
    if not count:
        return "<td></td>"
    deep = " class=deep" if share > 0.55 else ""
    return f'<td{deep} style="--s:{share:.3f}">{count}</td>'


def nearest(result: RunResult, store: Store, group: int, count: int) -> np.ndarray:
    """The rows of a cluster nearest to its centre; the first ones of noise and outliers."""
    labels = np.asarray(read_array(store, result.keys.labels, "labels"))
    rows = np.flatnonzero(labels == group)
    if group < 0:
        return rows[:count]
    distance = np.asarray(read_array(store, result.keys.labels, "distance"))[rows]
    return rows[np.argsort(distance, kind="stable")[:count]]


def _strip(dataset: Dataset, rows: Iterable[int]) -> str:
    images = []
    for row in rows:
        small = int(dataset.sizes[row].max()) <= SMALL
        pixels = thumbnail(dataset.read(int(row), SIDE), SIDE)
        mime, data = ("png", encode_png(pixels)) if small else ("jpeg", encode_jpeg(pixels, 82))
        uri = f"data:image/{mime};base64,{base64.b64encode(data).decode()}"
        name = label_text(dataset, int(row))
        caption = escape(f"{dataset.ids[row]} ({name})" if name else dataset.ids[row])
        kind = " class=pixels" if small else ""
        images.append(f'<img{kind} src="{uri}" alt="{caption}" title="{caption}">')
    return "".join(images)


def _short_name(group: int) -> str:
    return str(group) if group >= 0 else group_name(group).lower()


def _class_name(dataset: Dataset, number: int) -> str:
    return "no label" if number == UNLABELLED else dataset.class_names[number]
