"""Colours: one a class or cluster, the same on every page, on light and on dark ground."""

from __future__ import annotations

NOISE_COLOR = "#9a9ea6"
OUTLIER_COLOR = "#646973"
FADED = 0.15  # opacity of what is not highlighted

# The first six are Okabe & Ito's (2008) without black and yellow. The next four keep at least
# 17 CIELAB units from every other one as seen by people without red or green cones (Machado,
# Oliveira & Fernandes, 2009). The rest are as far from each other as normal vision allows.
_COLORS = (
    "#0072b2 #e69f00 #009e73 #d55e00 #cc79a7 #56b4e9 #7a2cff #4b78ff #b40f2d #69d278 "
    "#ff00d2 #695a1e #00c800 #b4d200 #ffb496 #ff0f87 #e187ff #c3c369 #ff001e #1e6900 "
    "#961ec3 #a51e87 #a55a4b #c3b4ff #694b96 #5ad2d2 #2da500 #ff7887 #2850ff #e100ff "
    "#a52d5a #789600 #ff69c3 #c3873c #3c693c #96d2a5 #0f96ff #ff0f5a #ff5a4b #c3b41e"
).split()


def colors(n: int) -> list[str]:
    """`n` colours as "#rrggbb"; colour i is the same for every n, and repeats after 40.

    >>> colors(2)
    ['#0072b2', '#e69f00']
    """
    return [_COLORS[i % len(_COLORS)] for i in range(n)]


def faded(color: str) -> str:
    """A colour mixed with grey, so that many faded points on a heap do not look lit.

    >>> faded("#0072b2")
    '#7493a9'
    """
    parts = [(int(color[i : i + 2], 16), int(NOISE_COLOR[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(0.25 * own + 0.75 * grey):02x}" for own, grey in parts)
