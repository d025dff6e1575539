"""The map on a page: hover for a thumbnail, click for a row, the camera stays."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.keys import key_of, key_of_array
from core.maps import FULL, Figure
from core.palette import FADED, faded
from core.thumbnails import Atlas
from ui.media import atlas_data

_HERE = Path(__file__).parent
_companion = st.components.v2.component(
    "facette_map",
    html='<div class="card" hidden>\n<div class="thumb"></div><div class="text"></div></div>',
    css=(_HERE / "map3d.css").read_text("utf-8"),
    js=(_HERE / "map3d.js").read_text("utf-8"),
)
_CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": [
        "zoom3d", "pan3d", "orbitRotation", "tableRotation", "resetCameraLastSave3d",
        "zoom2d", "zoomIn2d", "zoomOut2d", "autoScale2d",
    ],
}  # fmt: skip


def show_map(
    figure: Figure,
    key: str,
    atlas: Atlas | None = None,
    captions: Sequence[str] | bytes = (),
    lit: np.ndarray | None = None,
    *,
    pinned: int | None = None,
    alt: str = "",
    on_pick: Callable[[int], None] | None = None,
    turn: bool = True,
) -> int | None:
    """Draw a figure of `core.maps.map_3d`; the row that was just clicked, else `pinned`.

    The points go to the browser once: another colouring, highlight or pinned row of the same
    coordinates recolours them in place, with the camera kept.

    Parameters
    ----------
    key : of the map on its page, letters, digits, dashes
    captions : one a row, shown beside the thumbnail, its first line bold; or what
        `ui.media.notes` made of them
    lit : (n,) bool, the rows left in full colour, the rest faded; None leaves the figure's own
    pinned : a row to be ringed
    alt : what the map shows, in words, for those who cannot see it
    on_pick : called with the clicked row before the page runs again
    turn : let the cloud turn slowly at first sight
    """
    with st.container(key=key, gap=None):
        figure = _lit(figure, lit)
        base = _stable(figure, key)
        st.plotly_chart(base, width="stretch", key=f"{key}-chart", theme=None, config=_CONFIG)
        look = _look(figure, pinned) | {"alt": alt, "turn": turn}
        return _mount(key, look, atlas, captions, pinned, on_pick)


def show_map_2d(
    figure: Figure,
    key: str,
    atlas: Atlas | None = None,
    captions: Sequence[str] | bytes = (),
    lit: np.ndarray | None = None,
    *,
    pinned: int | None = None,
    alt: str = "",
    on_pick: Callable[[int], None] | None = None,
) -> tuple[int | None, list[int]]:
    """The same for `core.maps.map_2d`; also the rows inside the lasso or box, in order."""
    with st.container(key=key, gap=None):
        figure = _lit(figure, lit)
        event = st.plotly_chart(
            _stable(figure, key), width="stretch", key=f"{key}-chart", theme=None, config=_CONFIG,
            on_select="rerun", selection_mode=("lasso", "box"),
        )  # fmt: skip
        look = _look(figure, pinned) | {"alt": alt, "turn": False}
        clicked = _mount(key, look, atlas, captions, pinned, on_pick)
    points = event["selection"]["points"]
    return clicked, sorted({int(p["customdata"]) for p in points if "customdata" in p})


def _mount(
    key: str,
    look: dict[str, Any],
    atlas: Atlas | None,
    captions: Sequence[str] | bytes,
    pinned: int | None,
    on_pick: Callable[[int], None] | None,
) -> int | None:
    name = f"{key}-companion"

    def picked() -> None:
        row = st.session_state[name].get("picked")
        if on_pick is not None and row is not None:
            on_pick(int(row))

    data = look | {"container": key, "atlas": atlas_data(atlas, captions, key)}
    result = _companion(key=name, data=data, height=1, on_picked_change=picked)
    return pinned if result.picked is None else int(result.picked)


def _lit(figure: Figure, lit: np.ndarray | None) -> Figure:
    """The figure with each trace parted into what is lit and what is faded."""
    if lit is None:
        return figure
    traces = []
    for trace in figure["data"]:
        shown = lit[trace["customdata"]]
        for opacity, part in ((FADED, ~shown), (FULL, shown)):
            if part.any():
                arrays = {k: trace[k][part] for k in ("x", "y", "z", "customdata") if k in trace}
                marker = trace["marker"] | {"opacity": opacity}
                if opacity == FADED:
                    marker["color"] = faded(marker["color"])
                traces.append(trace | arrays | {"marker": marker})
    return figure | {"data": traces}


def _stable(figure: Figure, key: str) -> Figure:
    """The figure that was sent first for these coordinates.

    Streamlit makes a chart anew, camera lost, whenever its figure differs; so the same one is
    sent as long as the points stay where they are, and the companion does the colouring.
    """
    rows, coords = _geometry(figure)
    geometry = key_of(key_of_array(coords), key_of_array(rows), figure["layout"]["height"])
    held = st.session_state.get(f"{key}-sent")
    if held is None or held[0] != geometry:
        look = _look(figure, None)["look"]
        first, *rest = _merged(figure["data"])
        first = first | {"meta": {"look": look}}
        held = (geometry, {"data": [first, *rest], "layout": figure["layout"]})
        st.session_state[f"{key}-sent"] = held
    return held[1]


def _merged(traces: list[Figure]) -> list[Figure]:
    """One 3D trace for all groups of the same opacity, coloured by a scale of their colours.

    WebGL sets up each trace anew, which is most of the time to the first picture.
    """
    if "z" not in traces[0]:
        return traces
    merged = []
    for opacity in sorted({trace["marker"]["opacity"] for trace in traces}):
        same = [trace for trace in traces if trace["marker"]["opacity"] == opacity]
        arrays = {k: np.concatenate([t[k] for t in same]) for k in ("x", "y", "z", "customdata")}
        index = [np.full(len(t["x"]), i, np.uint8) for i, t in enumerate(same)]
        last = max(len(same) - 1, 1)
        shades = [t["marker"]["color"] for t in same]
        scale = [[i / last, shades[min(i, len(same) - 1)]] for i in range(last + 1)]
        color = {"color": np.concatenate(index), "colorscale": scale, "cmin": 0, "cmax": last}
        merged.append(same[0] | arrays | {"name": "", "marker": same[0]["marker"] | color})
    return merged


def _geometry(figure: Figure) -> tuple[np.ndarray, np.ndarray]:
    traces = figure["data"]
    rows = np.concatenate([trace["customdata"] for trace in traces])
    axes = [axis for axis in "xyz" if axis in traces[0]]
    coords = np.column_stack([np.concatenate([t[axis] for t in traces]) for axis in axes])
    order = np.argsort(rows)
    return rows[order], coords[order]


def _look(figure: Figure, pinned: int | None) -> dict[str, Any]:
    """Colour and opacity of each group, and the group of each row, as JSON values."""
    traces = figure["data"]
    part = np.zeros(sum(len(trace["customdata"]) for trace in traces), np.int16)
    groups = []
    for index, trace in enumerate(traces):
        part[trace["customdata"]] = index
        marker = trace["marker"]
        groups.append(
            {"name": trace["name"], "color": marker["color"], "opacity": marker["opacity"]}
        )
    parts = base64.b64encode(part.tobytes()).decode()
    pinned = pinned if pinned is not None and 0 <= pinned < len(part) else None
    look = key_of(parts, groups, pinned)
    return {"look": look, "groups": groups, "parts": parts, "pinned": pinned}
