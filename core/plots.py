"""Charts as plain plotly figures: dictionaries that `st.plotly_chart` and `go.Figure` take.

Grounds are clear and texts take the colour of the page's theme. Maps are in `core.maps`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.charts import MAIN, frame, plain, readable, short
from core.cluster_plots import contingency, dendrogram, k_curve, silhouettes
from core.maps import Figure
from core.palette import NOISE_COLOR, colors

__all__ = [
    "Figure", "bars", "composition", "contingency", "counts", "curves", "dendrogram",
    "k_curve", "silhouettes", "time_quality",
]  # fmt: skip

STRIP_SHARE = 0.28  # of the chart's width, for pictures beside the bars
SMALL = 200  # pixels; charts lower than this get small type


def bars(
    rows: Sequence[tuple[str, str, float]],
    metric: str,
    higher_is_better: bool = True,
    strips: Mapping[str, Sequence[str]] | None = None,
) -> Figure:
    """Horizontal bars, best on top, a colour a clusterer, the value written at each end.

    Parameters
    ----------
    rows : (descriptor, clusterer, value); a descriptor's place is that of its best value
    metric : what the values are, for the axis
    strips : pictures to the right of a descriptor's bars, as URLs of images
    """
    better = max if higher_is_better else min
    rows = [(plain(descriptor), plain(clusterer), value) for descriptor, clusterer, value in rows]
    best: dict[str, float] = {}
    for descriptor, _, value in rows:
        best[descriptor] = better(best.get(descriptor, value), value)
    order = sorted(best, key=lambda name: best[name], reverse=not higher_is_better)
    clusterers = list(dict.fromkeys(clusterer for _, clusterer, _ in rows))
    data = []
    for clusterer, color in zip(clusterers, colors(len(clusterers)), strict=True):
        mine = [(d, v) for d, c, v in rows if c == clusterer]
        data.append({
            "type": "bar", "orientation": "h", "name": clusterer, "marker": {"color": color},
            "y": [d for d, _ in mine], "x": [v for _, v in mine], "offsetgroup": clusterer,
            "text": [short(v) for _, v in mine], "textposition": "outside",
            "cliponaxis": False, "customdata": [[d, clusterer] for d, _ in mine],
            "hovertemplate": f"%{{y}}, {clusterer}: %{{text}}<extra></extra>",
        })  # fmt: skip
    values = [v for _, _, v in rows] or [1.0]
    low, high = min(0.0, *values), max(0.0, *values)
    pitch = max(62 if strips else 0, 16 + 24 * len(clusterers))
    layout = frame(90 + len(order) * pitch)
    room = 0.25 if strips else 0.12  # for the values at the ends, on a narrow screen too
    layout["xaxis"] |= {"title": {"text": metric}, "range": [low, high + (high - low) * room]}
    layout["yaxis"] |= {"categoryorder": "array", "categoryarray": order, "showgrid": False}
    layout |= {"barmode": "group", "bargap": 0.25, "showlegend": len(clusterers) > 1}
    layout["legend"] |= {"traceorder": "reversed"}
    if strips:
        layout["xaxis"]["domain"] = [0, 1 - STRIP_SHARE]
        layout["images"] = [
            image
            for place, descriptor in enumerate(order)
            for image in _strip(strips.get(descriptor, ()), place)
        ]
    return {"data": data[::-1], "layout": layout}


def _strip(urls: Sequence[str], place: int) -> list[Figure]:
    """Pictures in a line beside the bar at `place`, counted from below."""
    width = STRIP_SHARE / max(len(urls), 1)
    return [
        {
            "source": url, "xref": "paper", "yref": "y", "sizing": "contain",
            "x": 1 - STRIP_SHARE + width * (i + 0.5), "y": place, "sizex": width * 0.92,
            "sizey": 0.92, "xanchor": "center", "yanchor": "middle",
        }
        for i, url in enumerate(urls)
    ]  # fmt: skip


def counts(rows: Sequence[tuple[str, int]], label: str) -> Figure:
    """Horizontal bars in the order given, the count at each end; `rows` (name, count)."""
    names = [plain(name) for name, _ in rows]
    values = [int(count) for _, count in rows]
    data = [{
        "type": "bar", "orientation": "h", "x": values, "y": list(range(len(rows))),
        "text": [f"{value:,}" for value in values], "textposition": "outside",
        "marker": {"color": MAIN}, "cliponaxis": False, "hoverinfo": "none", "showlegend": False,
    }]  # fmt: skip
    layout = frame(70 + 30 * len(rows))
    layout["xaxis"] |= {"title": {"text": label}, "range": [0, max([*values, 1]) * 1.12]}
    layout["yaxis"] |= {
        "tickmode": "array", "tickvals": list(range(len(rows))), "ticktext": names,
        "autorange": "reversed", "showgrid": False,
    }  # fmt: skip
    return {"data": data, "layout": layout}


def composition(counts: np.ndarray, names: Sequence[str], colors: Sequence[str]) -> Figure:
    """One bar, cut by true class, the largest part first; `counts` (n_classes,) int."""
    counts = np.asarray(counts)
    total = int(counts.sum()) or 1
    data = []
    for index in np.argsort(-counts, kind="stable"):
        if not counts[index]:
            continue
        share, name = counts[index] / total, plain(names[index])
        data.append({
            "type": "bar", "orientation": "h", "name": name, "x": [int(counts[index])],
            "y": [""], "marker": {"color": colors[index], "line": {"width": 0}},
            "text": [f"{name} {share:.0%}" if share >= 0.08 + 0.02 * len(names[index]) else ""],
            "textposition": "inside", "insidetextanchor": "middle", "textangle": 0,
            "textfont": {"color": readable(colors[index])}, "constraintext": "none",
            "customdata": [int(index)], "hovertemplate":
            f"{name}: {counts[index]} of {total} ({share:.1%})<extra></extra>",
        })  # fmt: skip
    layout = frame(46) | {"barmode": "stack", "showlegend": False, "bargap": 0}
    layout["margin"] = {"l": 0, "r": 0, "t": 4, "b": 4}
    layout["xaxis"] = {"visible": False, "range": [0, total], "fixedrange": True}
    layout["yaxis"] = {"visible": False, "fixedrange": True}
    return {"data": data, "layout": layout}


def time_quality(rows: Sequence[tuple[str, str, float, float]], metric: str) -> Figure:
    """Seconds (logarithmic) against quality; `rows` (descriptor, clusterer, seconds, value)."""
    clusterers = list(dict.fromkeys(row[1] for row in rows))
    data = []
    for clusterer, color in zip(clusterers, colors(len(clusterers)), strict=True):
        mine = [row for row in rows if row[1] == clusterer]
        data.append({
            "type": "scatter", "mode": "markers+text", "name": plain(clusterer),
            "x": [max(row[2], 1e-3) for row in mine], "y": [row[3] for row in mine],
            "text": [plain(row[0]) for row in mine], "textposition": "top center",
            "marker": {"size": 13, "color": color}, "cliponaxis": False,
            "hovertemplate": "%{text}: %{x:.2f} s, %{y:.3f}<extra></extra>",
        })  # fmt: skip
    layout = frame(420) | {"showlegend": len(clusterers) > 1, "hovermode": "closest"}
    layout["xaxis"] |= {"type": "log", "title": {"text": "seconds, from images to clusters"}}
    layout["yaxis"] |= {"title": {"text": metric}}
    return {"data": data, "layout": layout}


def curves(
    named: Mapping[str, np.ndarray], x_label: str = "", y_label: str = "", height: int = 260
) -> Figure:
    """One line a name over the positions 0, 1, 2, …; red, green and blue in their own colour."""
    own = {"red": "#d62728", "green": "#2ca02c", "blue": "#1f77b4", "gray": NOISE_COLOR}
    data = [
        {
            "type": "scatter", "mode": "lines", "name": name, "y": np.asarray(values),
            "line": {"width": 2, "color": own.get(name.lower(), color)},
            "fill": "tozeroy" if len(named) == 1 else "none",
            "hovertemplate": f"{plain(name)}, %{{x}}: %{{y:.4g}}<extra></extra>",
        }
        for (name, values), color in zip(named.items(), colors(len(named)), strict=True)
    ]  # fmt: skip
    layout = frame(height) | {"showlegend": len(named) > 1}
    if height < SMALL:
        layout["legend"] |= {"y": -0.25, "yanchor": "top", "font": {"size": 12}, "itemwidth": 30}
        for axis in ("xaxis", "yaxis"):
            layout[axis]["tickfont"] = {"size": 12}
    layout["xaxis"] |= {"title": {"text": x_label}, "showgrid": False}
    layout["yaxis"] |= {"title": {"text": y_label}, "nticks": 4}
    return {"data": data, "layout": layout}
