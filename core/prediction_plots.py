"""The chart of a prediction: how probable each class is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.charts import FONT, frame, plain
from core.cnn.words import share
from core.maps import Figure


def probabilities(names: Sequence[str], values: np.ndarray, colors: Sequence[str]) -> Figure:
    """A bar a class, the first on top, its probability written at its end.

    Parameters
    ----------
    names : C names of classes
    values : (C,) float from 0 to 1
    colors : C colours as "#rrggbb"
    """
    shown = [plain(name) for name in names]
    p = [float(value) for value in values]
    layout = frame(44 + 42 * len(shown))
    layout["margin"] |= {"t": 4}
    layout["bargap"] = 0.28
    layout["xaxis"] |= {"range": [0, 1.18], "visible": False, "fixedrange": True}
    layout["yaxis"] |= {
        "autorange": "reversed", "showgrid": False, "fixedrange": True, "ticks": "",
        "tickvals": list(range(len(shown))), "ticktext": [f"{name}  " for name in shown],
        "tickfont": {"size": FONT + 2},
    }  # fmt: skip
    bars = {
        "type": "bar", "orientation": "h", "x": p, "y": list(range(len(shown))),
        "marker": {"color": list(colors)}, "text": [share(value) for value in p],
        "textposition": "outside", "textfont": {"size": FONT + 2}, "cliponaxis": False,
        "customdata": shown, "hovertemplate": "%{customdata}: %{x:.4f}<extra></extra>",
    }  # fmt: skip
    return {"data": [bars], "layout": layout}
