"""Charts of trainings: learning curves, a study's accuracies, confusions, calibration.

Plain plotly figures, as in `core.plots`: clear grounds, and texts in the colour of the theme
wherever the ground under them is not strong enough for one of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from core.charts import FONT, LINE, MAIN, PICKED, frame, plain, readable
from core.cnn.measures import Calibration
from core.maps import Figure
from core.palette import colors

SECOND = colors(2)[1]
# Opaque from end to end: whether black or white stands out on them depends on no theme.
_RIGHT, _WRONG = ("#cfe3f0", "#0072b2"), ("#f7dfa8", "#e69f00")
_MOST_NUMBERS, _MOST_SHARES = 30, 12  # classes; beyond, numbers and shares would cover each other
_FEW = 10  # epochs that all have a tick
_FLAT_LETTERS = 50  # more of them in all do not fit beside each other under the matrix
PHASES = {"head": "new head", "fine_tune": "fine-tuning", "scratch": "from scratch"}


def curves(histories: Mapping[str, Mapping[str, np.ndarray]], quantity: str) -> Figure:
    """Training (dashed) and validation (solid) after every epoch.

    Where there is one model, its two lines have a colour each, the start of every phase after the
    first has a line with its name, and on the loss the lowest validation loss is marked. Several
    models have a colour each, and the legend names their validation lines alone.

    Parameters
    ----------
    histories : name of a model -> its history by column, each (epochs,): `quantity`,
        `val_` + `quantity`, and `phase` (str, such as "head", then "fine_tune") if there is one
    quantity : "accuracy" or "loss"
    """
    alone = len(histories) == 1
    data, layout = [], frame(340 if alone else 300 + 24 * len(histories))
    for (name, history), color in zip(histories.items(), colors(len(histories)), strict=True):
        for column, said, dash, width, own in (
            (quantity, "training", "dash", 3, color),
            (f"val_{quantity}", "validation", "solid", 3, SECOND if alone else color),
        ):
            y = np.asarray(history[column], float)
            called = said if alone else plain(f"{name}, {said}")
            data.append({
                "type": "scatter", "mode": "lines" if len(y) > 1 else "markers",
                "name": said if alone else plain(name), "legendgroup": said if alone else name,
                "showlegend": alone or said == "validation",
                "x": np.arange(1, len(y) + 1), "y": y, "cliponaxis": False,
                "line": {"color": own, "width": width, "dash": dash}, "marker": {"color": own},
                "hovertemplate": f"{called}, epoch %{{x}}: %{{y:.3f}}<extra></extra>",
            })  # fmt: skip
    if alone:
        (history,) = histories.values()
        layout["shapes"], layout["annotations"] = _phases(history.get("phase", ()))
        data += _lowest(history) if quantity == "loss" else []
    layout["margin"]["t"] = 56
    layout["legend"] |= {"y": 1.1}
    layout["xaxis"] |= {"title": {"text": "epoch"}, "showgrid": False}
    if all(len(history[quantity]) <= _FEW for history in histories.values()):
        layout["xaxis"] |= {"dtick": 1}  # there is no epoch 1.5
    layout["yaxis"] |= {"title": {"text": quantity}, "nticks": 6}
    if quantity == "loss":
        layout["yaxis"]["rangemode"] = "tozero"
    return {"data": data, "layout": layout}


def _phases(phases: Sequence[Any] | np.ndarray) -> tuple[list[Figure], list[Figure]]:
    """A line and a name where each phase after the first begins."""
    starts = [i for i in range(1, len(phases)) if phases[i] != phases[i - 1]]
    shapes = [
        {"type": "line", "x0": i + 0.5, "x1": i + 0.5, "yref": "paper", "y0": 0, "y1": 1,
         "line": {"color": LINE, "width": 2, "dash": "dot"}}
        for i in starts
    ]  # fmt: skip
    names = [
        {"x": i + 0.5, "y": 1, "yref": "paper", "xanchor": "left" if i < len(phases) / 2 else
         "right", "yanchor": "bottom", "showarrow": False, "font": {"size": FONT},
         "text": f"{plain(PHASES.get(str(phases[i]), phases[i]))} begins"}
        for i in starts
    ]  # fmt: skip
    return shapes, names


def _lowest(history: Mapping[str, np.ndarray]) -> list[Figure]:
    loss = np.asarray(history["val_loss"], float)
    if not np.isfinite(loss).any():
        return []
    best = int(np.nanargmin(loss))
    return [{
        "type": "scatter", "mode": "markers", "x": [best + 1], "y": [loss[best]],
        "marker": {"size": 13, "color": PICKED, "symbol": "diamond"}, "showlegend": True,
        "name": f"lowest: {loss[best]:.3f}", "cliponaxis": False, "hoverinfo": "skip",
    }]  # fmt: skip


class StudyRow(NamedTuple):
    """Accuracies of one variant from 0 to 1; spreads are standard deviations over folds."""

    variant: str
    train: float
    validation: float
    test: float
    validation_spread: float = 0.0
    test_spread: float = 0.0


def study_chart(rows: Sequence[StudyRow]) -> Figure:
    """Validation and test accuracy of every variant, and how far training ran ahead.

    Two bars a variant in the order given, the value inside each at its foot, error bars where
    there are spreads. A line from validation to training accuracy, with its length written at
    its end, is the overfitting gap.
    """
    names = [plain(row.variant) for row in rows]
    places = list(range(len(rows)))
    data = [
        _study_bars(called, color, [getattr(row, part) for row in rows], spreads, names)
        for called, part, color, spreads in (
            ("test", "test", MAIN, [row.test_spread for row in rows]),
            ("validation", "validation", SECOND, [row.validation_spread for row in rows]),
        )
    ]
    upper = [i + 0.2 for i in places]  # the middle of the validation bar
    for row, y in zip(rows, upper, strict=True):
        data.append({
            "type": "scatter", "mode": "lines", "x": [row.validation, row.train], "y": [y, y],
            "line": {"color": LINE, "width": 3}, "hoverinfo": "skip", "showlegend": False,
        })  # fmt: skip
    ends = [max(row.validation + row.validation_spread, row.train) for row in rows]
    data.append({
        "type": "scatter", "mode": "markers", "name": "training", "x": [r.train for r in rows],
        "y": upper, "marker": {"symbol": "line-ns", "size": 16,
                               "line": {"width": 4, "color": PICKED}},
        "cliponaxis": False, "text": names,
        "hovertemplate": "%{text}, training: %{x:.3f}<extra></extra>",
    })  # fmt: skip
    layout = frame(120 + 74 * len(rows)) | {"barmode": "group", "bargap": 0.2, "bargroupgap": 0}
    layout["annotations"] = [
        {"x": end, "y": y, "text": f"gap {row.train - row.validation:+.2f}", "showarrow": False,
         "xanchor": "left", "xshift": 10, "font": {"size": FONT}}
        for row, y, end in zip(rows, upper, ends, strict=True)
    ]  # fmt: skip
    layout["xaxis"] |= {"title": {"text": "accuracy"}, "range": [0, 1.2],
                        "tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1]}  # fmt: skip
    layout["yaxis"] |= {"tickvals": places, "ticktext": names, "showgrid": False,
                        "range": [len(rows) - 0.5, -0.5], "ticklabelstandoff": 6}  # fmt: skip
    layout["legend"] |= {"traceorder": "normal"}
    return {"data": data, "layout": layout}


def _study_bars(
    called: str, color: str, values: list[float], spreads: list[float], names: list[str]
) -> Figure:
    bars: Figure = {
        "type": "bar", "orientation": "h", "name": called, "x": values,
        "y": list(range(len(values))), "marker": {"color": color},
        "text": [f"{value:.3f}" for value in values], "textposition": "inside",
        "insidetextanchor": "start", "textfont": {"color": readable(color), "size": FONT + 1},
        "constraintext": "none", "customdata": names,
        "hovertemplate": f"%{{customdata}}, {called}: %{{x:.3f}}<extra></extra>",
    }  # fmt: skip
    if any(spreads):
        bars["error_x"] = {
            "array": [s or None for s in spreads],
            "color": LINE,
            "thickness": 2,
            "width": 6,
        }
    return bars


def confusion(table: np.ndarray, classes: Sequence[str]) -> Figure:
    """True class by predicted class: right answers in blue, confusions in orange.

    Colour is the share of the row (of the orange ones relative to the largest); every cell says
    its count and, while there is room, its share. `table` (C, C) int. Each cell is also a point
    that can be selected, with [true, predicted] in its `customdata`.
    """
    table = np.asarray(table)
    n = len(table)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    right = np.eye(n, dtype=bool)
    largest = float(share[~right].max(initial=0)) or 1.0
    heats = [
        {"type": "heatmap", "z": np.where(mine & (table > 0), share, np.nan), "zmin": 0,
         "zmax": top, "colorscale": list(enumerate(scale)), "xgap": 2, "ygap": 2,
         "showscale": False, "hoverinfo": "skip"}
        for mine, scale, top in ((right, _RIGHT, 1.0), (~right, _WRONG, largest))
    ]  # fmt: skip
    height = 52 if n <= _MOST_SHARES else 30
    layout = frame(110 + height * n) | {"hovermode": "closest", "dragmode": False}
    ticks = {"tickmode": "array", "showgrid": False, "zeroline": False, "fixedrange": True,
             "tickvals": list(range(n)), "ticktext": [plain(name) for name in classes]}  # fmt: skip
    slanted = n * max((len(name) for name in classes), default=0) > _FLAT_LETTERS
    layout["xaxis"] |= ticks | {"title": {"text": "predicted class"}, "range": [-0.5, n - 0.5],
                                "tickangle": -40 if slanted else 0}  # fmt: skip
    layout["yaxis"] |= ticks | {"title": {"text": "true class"}, "range": [n - 0.5, -0.5]}
    if n <= _MOST_NUMBERS:
        layout["annotations"] = _cell_texts(table, share, largest)
    return {"data": [*heats, _cell_points(table, share, classes)], "layout": layout}


def _cell_texts(table: np.ndarray, share: np.ndarray, largest: float) -> list[Figure]:
    texts = []
    for i, j in np.argwhere((table > 0) | np.eye(len(table), dtype=bool)).tolist():
        count = f"{table[i, j]:,}"
        text = f"<b>{count}</b>"
        if len(table) <= _MOST_SHARES:
            text += f"<br><span style='font-size:12px'>{share[i, j]:.0%}</span>"
        font: Figure = {"size": FONT if len(table) <= 15 else 11}
        if table[i, j]:
            ends, part = (_RIGHT, share[i, j]) if i == j else (_WRONG, share[i, j] / largest)
            font["color"] = readable(_between(*ends, part))
        texts.append({"x": j, "y": i, "text": text, "showarrow": False, "font": font})
    return texts


def _between(first: str, second: str, part: float) -> str:
    """The colour that lies `part` of the way from one to the other."""
    ends = [(int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(low + (high - low) * part):02x}" for low, high in ends)


def _cell_points(table: np.ndarray, share: np.ndarray, classes: Sequence[str]) -> Figure:
    y, x = (grid.ravel() for grid in np.mgrid[: len(table), : len(table)])
    names = [plain(name) for name in classes]
    return {
        "type": "scatter", "mode": "markers", "x": x, "y": y, "customdata": np.c_[y, x],
        "marker": {"symbol": "square-open", "size": 34, "color": PICKED, "opacity": 0,
                   "line": {"width": 3}},
        "hovertext": [
            f"{count} of {names[i]} named {names[j]} ({part:.1%})"
            for count, part, i, j in zip(table.ravel(), share.ravel(), y, x, strict=True)
        ],
        "hoverinfo": "text", "selected": {"marker": {"opacity": 1}},
        "unselected": {"marker": {"opacity": 0}}, "showlegend": False,
    }  # fmt: skip


def calibration(found: Calibration) -> Figure:
    """How often the model is right against how sure it says it is; the diagonal is perfect.

    The number at each bar is how many images it stands for; empty bins have no bar.
    """
    middle = (found.edges[:-1] + found.edges[1:]) / 2
    used = found.counts > 0
    data = [
        {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "name": "perfect",
         "line": {"color": LINE, "width": 2, "dash": "dash"}, "hoverinfo": "skip"},
        {"type": "bar", "x": middle[used], "y": found.accuracy[used], "name": "share that is right",
         "width": float(found.edges[1] - found.edges[0]) * 0.94, "marker": {"color": MAIN},
         "text": [f"{n:,}" for n in found.counts[used]], "textposition": "outside",
         "cliponaxis": False, "customdata": found.confidence[used],
         "hovertemplate": "%{text} images, sure %{customdata:.2f}, right %{y:.2f}<extra></extra>"},
    ]  # fmt: skip
    layout = frame(340)
    layout["xaxis"] |= {"title": {"text": "probability it gives its answer"}, "range": [0, 1]}
    layout["yaxis"] |= {"title": {"text": "share that is right"}, "range": [0, 1.12],
                        "tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1]}  # fmt: skip
    return {"data": data, "layout": layout}


def confidences(edges: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> Figure:
    """How many right and wrong answers were given how surely, side by side; (b,) counts each."""
    middle = (edges[:-1] + edges[1:]) / 2
    data = [
        {"type": "bar", "name": name, "x": middle, "y": counts, "marker": {"color": color},
         "text": [f"{n:,}" if n else "" for n in counts.tolist()], "textposition": "outside",
         "cliponaxis": False, "hovertemplate": f"%{{y}} {name}<extra></extra>"}
        for name, counts, color in (("right", right, MAIN), ("wrong", wrong, SECOND))
    ]  # fmt: skip
    layout = frame(340) | {"barmode": "group", "bargap": 0.06, "bargroupgap": 0}
    top = max(1, *right.tolist(), *wrong.tolist())
    layout["xaxis"] |= {"title": {"text": "probability it gives its answer"}, "range": [0, 1]}
    layout["yaxis"] |= {"title": {"text": "images"}, "range": [0, top * 1.12]}
    return {"data": data, "layout": layout}
