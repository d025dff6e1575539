"""Charts of a clustering: classes in clusters, silhouettes, the choice of k, the tree of merges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.charts import FONT, LINE, MAIN, PICKED, frame, plain
from core.maps import Figure

BLUES = [[0, "rgba(0,114,178,0.04)"], [1, "rgba(0,114,178,1)"]]


def contingency(
    table: np.ndarray, class_names: Sequence[str], cluster_names: Sequence[str]
) -> Figure:
    """Class by cluster; colour is the share of the class, the number is the count.

    `table` (n_classes, n_clusters) int. Each cell is also a point that can be selected, with
    [class, cluster] in its `customdata`.
    """
    table = np.asarray(table)
    rows, columns = table.shape
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    y, x = (grid.ravel() for grid in np.mgrid[:rows, :columns])
    flat, part = table.ravel(), share.ravel()
    heat = {
        "type": "heatmap", "z": share, "colorscale": BLUES, "zmin": 0, "zmax": 1, "xgap": 2,
        "ygap": 2, "showscale": False, "hoverinfo": "skip",
    }  # fmt: skip
    cells = {
        "type": "scatter", "mode": "markers", "x": x, "y": y, "customdata": np.c_[y, x],
        "marker": {"symbol": "square-open", "size": 28, "color": PICKED, "opacity": 0,
                   "line": {"width": 3}},
        "hovertext": [
            f"{count} of class {plain(class_names[i])} in cluster {plain(cluster_names[j])}"
            for count, i, j in zip(flat, y, x, strict=True)
        ],
        "hoverinfo": "text", "selected": {"marker": {"opacity": 1}},
        "unselected": {"marker": {"opacity": 0}}, "showlegend": False,
    }  # fmt: skip
    layout = frame(110 + 34 * rows) | {"hovermode": "closest", "dragmode": False}
    ticks = {"tickmode": "array", "showgrid": False, "zeroline": False, "fixedrange": True}
    layout["xaxis"] |= ticks | {
        "title": {"text": "cluster"}, "tickvals": list(range(columns)), "side": "bottom",
        "ticktext": [plain(name) for name in cluster_names], "range": [-0.5, columns - 0.5],
    }  # fmt: skip
    layout["yaxis"] |= ticks | {
        "title": {"text": "true class"}, "tickvals": list(range(rows)),
        "ticktext": [plain(name) for name in class_names], "range": [rows - 0.5, -0.5],
    }  # fmt: skip
    if table.size <= 900:  # beyond that the numbers would cover each other
        layout["annotations"] = [
            {
                "x": j, "y": i, "text": str(count), "showarrow": False,
                "font": {"size": FONT if columns <= 15 else 11,
                         "color": "#ffffff" if p > 0.5 else LINE},
            }
            for count, p, i, j in zip(flat.tolist(), part, y.tolist(), x.tolist(), strict=True)
            if count
        ]  # fmt: skip
    return {"data": [heat, cells], "layout": layout}


def silhouettes(
    values: np.ndarray, labels: np.ndarray, names: Sequence[str], colors: Sequence[str]
) -> Figure:
    """The silhouette of every image, sorted within its cluster (Rousseeuw, 1987).

    `values` (n,) from -1 to 1, `labels` (n,) int; negative labels are left out.
    """
    data, start = [], 0
    ticks, words = [], []
    gap = max(1, int((labels >= 0).sum()) // 60)
    for cluster in np.unique(labels[labels >= 0]):
        mine = np.sort(values[labels == cluster])[::-1]
        at = np.unique(np.linspace(0, len(mine) - 1, min(len(mine), 300)).astype(int))
        y = np.concatenate([[start], start + at, [start + len(mine) - 1]])
        x = np.concatenate([[0.0], mine[at], [0.0]])
        name = plain(names[cluster])
        data.append({
            "type": "scatter", "mode": "lines", "fill": "toself", "name": name, "x": x, "y": y,
            "line": {"width": 1, "color": colors[cluster]}, "fillcolor": colors[cluster],
            "hoveron": "fills", "hoverinfo": "text",
            "text": f"cluster {name}: mean {mine.mean():.2f} over {len(mine)} images",
        })  # fmt: skip
        ticks.append(start + len(mine) / 2)
        words.append(name)
        start += len(mine) + gap
    layout = frame(max(320, 110 + 26 * len(data))) | {"showlegend": False}
    layout["xaxis"] |= {"title": {"text": "silhouette: 1 fits its cluster, below 0 fits another"}}
    layout["xaxis"] |= {"zeroline": True, "zerolinecolor": LINE}
    layout["yaxis"] |= {"title": {"text": "cluster"}, "tickmode": "array", "tickvals": ticks}
    layout["yaxis"] |= {"ticktext": words, "showgrid": False, "range": [start, -gap]}
    return {"data": data, "layout": layout}


def k_curve(ks: Sequence[int], values: Sequence[float], metric: str, chosen: int | None) -> Figure:
    """A metric against the number of clusters, the chosen one marked and named."""
    data = [{
        "type": "scatter", "mode": "lines+markers", "x": list(ks), "y": list(values),
        "line": {"color": MAIN, "width": 3}, "marker": {"size": 8}, "showlegend": False,
        "hovertemplate": "%{x} clusters: %{y:.3f}<extra></extra>",
    }]  # fmt: skip
    if chosen is not None and chosen in ks:
        data.append({
            "type": "scatter", "mode": "markers+text", "x": [chosen],
            "y": [values[list(ks).index(chosen)]], "text": [f"chosen: {chosen}"],
            "textposition": "top center", "marker": {"size": 15, "color": PICKED},
            "hoverinfo": "skip", "showlegend": False, "cliponaxis": False,
        })  # fmt: skip
    layout = frame(320)
    layout["xaxis"] |= {"title": {"text": "number of clusters"}}
    layout["yaxis"] |= {"title": {"text": metric}}
    return {"data": data, "layout": layout}


def dendrogram(merges: np.ndarray, leaves: int = 30) -> Figure:
    """The last merges of a hierarchy as a tree of at most `leaves` leaves.

    `merges` (n - 1, 4) float as in scipy's linkage: the two groups, their distance, the size.
    """
    from scipy.cluster.hierarchy import dendrogram as tree

    found = tree(np.asarray(merges, float), p=leaves, truncate_mode="lastp", no_plot=True)
    x: list[float | None] = []
    y: list[float | None] = []
    for across, up in zip(found["icoord"], found["dcoord"], strict=True):
        x += [*across, None]
        y += [*up, None]
    line = {"color": MAIN, "width": 2}
    data = [{"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line,
             "hoverinfo": "skip", "showlegend": False}]  # fmt: skip
    layout = frame(380)
    layout["xaxis"] |= {
        "title": {"text": "number of images in each branch"}, "showgrid": False,
        "tickmode": "array", "tickvals": [5 + 10 * i for i in range(len(found["ivl"]))],
        "ticktext": [t.strip("()") if t.startswith("(") else "1" for t in found["ivl"]],
    }  # fmt: skip
    layout["yaxis"] |= {"title": {"text": "distance at which two groups join"}}
    return {"data": data, "layout": layout}
