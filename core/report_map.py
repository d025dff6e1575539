"""The turning map of a report: its points and thumbnails as data for `assets/report.js`."""

from __future__ import annotations

import base64
import json
from html import escape
from typing import Any

import numpy as np

from core.palette import NOISE_COLOR, OUTLIER_COLOR, colors
from core.runs import RunResult
from core.store import Store
from core.tables import read_array
from core.thumbnails import make_atlas, read_atlas
from core.types import NOISE, OUTLIER, UNLABELLED, Dataset

MAX_POINTS = 20_000  # a canvas still turns these smoothly
MAX_THUMBNAILS = 4_000  # above that the file would weigh more than people send each other
TILE = 48


def section(dataset: Dataset, best: RunResult, labels: np.ndarray, store: Store) -> str:
    """The part of the report with the turning map of a run."""
    coords = np.asarray(read_array(store, best.keys.map, "values"))
    rows = _drawn(len(dataset))
    n_drawn = len(rows)
    data = script_json(map_data(dataset, coords, labels, rows, store))
    what = "Every point is an image; near points look alike to the descriptor."
    if n_drawn < len(dataset):
        what = f"{n_drawn:,} of {len(dataset):,} images, evenly picked. " + what
    alternative = f"Turning 3D map of {n_drawn:,} images in {best.n_clusters} clusters"
    choice = ""
    if dataset.labels is not None:
        choice = (
            "<label>Colour by <select id=colour><option value=cluster>cluster</option>"
            "<option value=class>true class</option></select></label>"
        )
    return (
        "<section class=map><div class=stage>"
        f'<canvas id=map tabindex=0 role=img aria-label="{escape(alternative)}"></canvas>'
        "<div id=card hidden><canvas id=thumb width=96 height=96></canvas>"
        "<p><b id=card-title></b><span id=card-text></span></p></div>"
        "<div class=zoom><button id=closer title=Closer>+</button>"
        "<button id=farther title=Farther>\N{MINUS SIGN}</button></div></div>"
        f"<div class=controls>{choice}<div id=pills></div></div>"
        f"<p class=note>{escape(what)} Drag to turn it, point at an image to see it, choose a "
        "cluster to bring it out. The axes of such a map have no meaning of their own.</p>"
        "<noscript><p class=note>The map needs JavaScript; all else is here.</p></noscript>"
        f'<script type="application/json" id=data>{data}</script></section>'
    )


def group_name(group: int) -> str:
    """A cluster as people call it.

    >>> group_name(3), group_name(-1), group_name(-2)
    ('Cluster 3', 'Noise', 'Outliers')
    """
    return {NOISE: "Noise", OUTLIER: "Outliers"}.get(group, f"Cluster {group}")


def group_colour(group: int) -> str:
    """The colour of a cluster, or of a class number."""
    if group < 0:
        return OUTLIER_COLOR if group == OUTLIER else NOISE_COLOR
    return colors(group + 1)[group]


def map_data(
    dataset: Dataset, coords: np.ndarray, labels: np.ndarray, rows: np.ndarray, store: Store
) -> dict[str, Any]:
    """What the map's script draws, as JSON values; `rows` are the images that it draws.

    xyz : base64 of int16, three a point, each axis stretched to -32767 .. 32767
    """
    groups = np.unique(labels).tolist()
    groups = [g for g in groups if g >= 0] + [g for g in (NOISE, OUTLIER) if g in groups]
    place = {group: i for i, group in enumerate(groups)}
    data: dict[str, Any] = {
        "xyz": base64.b64encode(_stretched(coords[rows]).astype("<i2").tobytes()).decode(),
        "group": [place[group] for group in labels[rows].tolist()],
        "groups": [{"name": group_name(g), "colour": group_colour(g)} for g in groups],
        "id": [dataset.ids[i] for i in rows],
    }
    if dataset.labels is not None:
        names = [*dataset.class_names, "no label"]
        shades = [*colors(len(dataset.class_names)), NOISE_COLOR]
        data["classes"] = [
            {"name": name, "colour": shade} for name, shade in zip(names, shades, strict=True)
        ]
        data["class"] = np.where(dataset.labels == UNLABELLED, len(names) - 1, dataset.labels)[
            rows
        ].tolist()
    return data | _thumbnails(dataset, store)


def script_json(values: Any) -> str:
    r"""JSON that may stand inside a script element, whatever its texts hold.

    >>> script_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _drawn(n: int) -> np.ndarray:
    """Every row, or as many as are drawn, evenly picked."""
    return np.linspace(0, n - 1, min(n, MAX_POINTS)).round().astype(int)


def _stretched(coords: np.ndarray) -> np.ndarray:
    low, high = coords.min(axis=0), coords.max(axis=0)
    span = np.where(high > low, high - low, 1)
    return np.rint((2 * (coords - low) / span - 1) * 32767)


def _thumbnails(dataset: Dataset, store: Store) -> dict[str, Any]:
    if len(dataset) > MAX_THUMBNAILS:
        return {}
    atlas = read_atlas(store, make_atlas(dataset, store, tile=TILE))
    if atlas is None:
        return {}
    sheets = [
        f"data:{atlas.mime};base64,{base64.b64encode(sheet).decode()}" for sheet in atlas.sheets()
    ]
    return {
        "sheets": sheets, "tile": atlas.tile, "columns": atlas.columns,
        "perSheet": atlas.per_sheet, "sizes": atlas.sizes.ravel().tolist(),
    }  # fmt: skip
