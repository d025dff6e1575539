"""The map of all images, in 3D and in 2D, as plain plotly figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.errors import FacetteError
from core.palette import FADED, NOISE_COLOR, OUTLIER_COLOR, faded
from core.types import NOISE, OUTLIER

Figure = dict[str, Any]

CLEAR = "rgba(0,0,0,0)"
GRID = "rgba(128,128,128,0.22)"
GRID_3D = "#9aa0a6"  # WebGL draws half-clear lines white on a clear ground
MODEBAR = "rgba(128,128,128,0.9)"
FULL = 1.0
CAMERA = {
    "eye": {"x": 1.0, "y": 1.0, "z": 0.57},
    "center": {"x": 0, "y": 0, "z": 0},
    "up": {"x": 0, "y": 0, "z": 1},
}


def map_3d(
    coords: np.ndarray,
    groups: np.ndarray,
    names: Sequence[str],
    colors: Sequence[str],
    lit: np.ndarray | None = None,
    size: float | None = None,
    height: int = 620,
) -> Figure:
    """The cloud of points, one trace a group, or two where only a part of it is lit.

    Each point carries the index of its row in `customdata`.

    Parameters
    ----------
    coords : (n, 3) any float, finite
    groups : (n,) int, an index into `names` and `colors`; -1 is noise and -2 an outlier, in grey
    lit : (n,) bool, the rows that stay in full colour while the rest is faded to 15 %
        opacity; None fades nothing
    size : of a point in pixels; by default smaller the more points there are
    height : pixels

    Returns
    -------
    dict
        A plotly figure with `data` and `layout`; `st.plotly_chart` and `go.Figure` take it.
    """
    coords = _checked(coords, groups, 3)
    traces = []
    for trace, rows in _traces(groups, names, colors, lit, size):
        x, y, z = coords[rows].T
        trace["marker"]["line"] = {"width": 0}
        traces.append({"type": "scatter3d", "x": x, "y": y, "z": z} | trace)
    axis: Figure = {
        "title": {"text": ""}, "showticklabels": False, "ticks": "", "showbackground": False,
        "gridcolor": GRID_3D, "zeroline": False, "showline": False, "showspikes": False,
        "nticks": 4,
    }  # fmt: skip
    scene: Figure = {f"{x}axis": axis | {"range": _span(coords[:, "xyz".index(x)])} for x in "xyz"}
    scene |= {"aspectmode": "cube", "camera": CAMERA, "dragmode": "orbit", "bgcolor": CLEAR}
    return {"data": traces, "layout": _layout(height) | {"scene": scene}}


def map_2d(
    coords: np.ndarray,
    groups: np.ndarray,
    names: Sequence[str],
    colors: Sequence[str],
    lit: np.ndarray | None = None,
    size: float | None = None,
    height: int = 620,
) -> Figure:
    """The same in a plane, `coords` (n, 2), with a lasso in hand; see `map_3d`."""
    coords = _checked(coords, groups, 2)
    traces = []
    for trace, rows in _traces(groups, names, colors, lit, size):
        x, y = coords[rows].T
        traces.append({"type": "scattergl", "x": x, "y": y} | trace)
    axis = {
        "showgrid": True, "gridcolor": GRID, "zeroline": False, "showticklabels": False,
        "ticks": "", "title": {"text": ""},
    }  # fmt: skip
    layout = _layout(height) | {
        "dragmode": "lasso",
        "hovermode": "closest",
        "xaxis": dict(axis, range=_span(coords[:, 0])),
        "yaxis": dict(axis, range=_span(coords[:, 1])),
    }
    return {"data": traces, "layout": layout}


def marker_size(n: int) -> float:
    """The diameter of a point in pixels when there are `n` of them, from 8 down to 2."""
    return round(float(np.clip(22 * max(n, 1) ** -0.2, 2, 8)), 1)


def _checked(coords: np.ndarray, groups: np.ndarray, dimensions: int) -> np.ndarray:
    coords = np.asarray(coords, dtype=np.float32)
    if coords.shape != (len(groups), dimensions):
        wanted = (len(groups), dimensions)
        raise FacetteError(f"A map needs coordinates of shape {wanted}, not {coords.shape}.")
    if not np.isfinite(coords).all():
        raise FacetteError("The map's coordinates hold values that are not numbers.")
    return coords


def _traces(
    groups: np.ndarray,
    names: Sequence[str],
    colors: Sequence[str],
    lit: np.ndarray | None,
    size: float | None,
) -> list[tuple[dict[str, Any], np.ndarray]]:
    """What the traces of both maps share, with the rows of each."""
    groups = np.asarray(groups)
    shown = np.ones(len(groups), bool) if lit is None else np.asarray(lit, bool)
    found = []
    for group in np.unique(groups):
        name, color = _named(int(group), names, colors)
        for opacity, part in ((FADED, ~shown), (FULL, shown)):
            rows = np.flatnonzero((groups == group) & part).astype(np.int32)
            if not len(rows):
                continue
            marker: Figure = {"size": size or marker_size(len(groups)), "opacity": opacity}
            marker["color"] = color if opacity == FULL else faded(color)
            trace = {
                "mode": "markers", "name": name, "customdata": rows, "marker": marker,
                "hoverinfo": "none", "showlegend": False,
            }  # fmt: skip
            found.append((trace, rows))
    return found


def _named(group: int, names: Sequence[str], colors: Sequence[str]) -> tuple[str, str]:
    if group == NOISE:
        return "noise", NOISE_COLOR
    if group == OUTLIER:
        return "outlier", OUTLIER_COLOR
    return str(names[group]), colors[group]


def _span(values: np.ndarray) -> list[float]:
    """The range of an axis: what is there and 4 % more on both sides."""
    if not len(values):
        return [-1.0, 1.0]
    low, high = float(values.min()), float(values.max())
    rim = (high - low) * 0.04 or 1.0
    return [round(low - rim, 4), round(high + rim, 4)]


def _layout(height: int) -> dict[str, Any]:
    return {
        "height": height,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "uirevision": "map",
        "showlegend": False,
        "modebar": {"bgcolor": CLEAR, "color": MODEBAR, "activecolor": MODEBAR},
    }
