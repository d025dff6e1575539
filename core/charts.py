"""What all charts share: the layout, and how texts are written on them."""

from __future__ import annotations

from core.maps import CLEAR, GRID, MODEBAR, Figure
from core.palette import colors

FONT = 15
MAIN = colors(1)[0]
PICKED = colors(4)[3]
LINE = "rgba(128,128,128,0.9)"


def frame(height: int) -> Figure:
    """The layout that all charts start from: clear grounds, readable type, narrow margins."""
    axis = {"automargin": True, "gridcolor": GRID, "zeroline": False, "tickfont": {"size": FONT}}
    title = {"font": {"size": FONT}, "standoff": 12}
    return {
        "height": height,
        "margin": {"l": 8, "r": 16, "t": 12, "b": 8},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"size": FONT},
        "xaxis": axis | {"title": title},
        "yaxis": axis | {"title": title},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "modebar": {"bgcolor": CLEAR, "color": MODEBAR, "activecolor": MODEBAR},
    }


def short(value: float) -> str:
    """A number as it is written beside a bar."""
    return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


def plain(text: object) -> str:
    """A text that plotly shows as it is, without its little markup of <b> and links."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def readable(color: str) -> str:
    """Black or white, whichever stands out more on a colour."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"
