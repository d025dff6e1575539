"""How long a newcomer waits: from `streamlit run` to the first 3D map in the browser."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import ROOT, Table, spread
from benchmarks.browser import chromium, chromium_path, serving, until_up

NAME = "startup"
TITLE = "Time to the first map"
PAIRS = 5
BARE = """\
import numpy as np, plotly.express as px, streamlit as st
x, y, z = np.random.default_rng(0).normal(size=(3, 1797))
st.plotly_chart(px.scatter_3d(x=x, y=y, z=z))
"""
# A chart counts once its WebGL scene is made, has its points and two frames have passed.
PAINTED = """() => {
    const graph = document.querySelector('.js-plotly-plot');
    const scene = graph?._fullLayout?.scene?._scene;
    if (!scene?.glplot || !Object.keys(scene.traces).length) return false;
    window.frames_since = (window.frames_since ?? 0) + 1;
    return window.frames_since > 2;
}"""


def measure(large: bool) -> list[Table]:
    """Facette and a bare app in turn, each in a process and a browser profile of its own."""
    if chromium_path() is None:
        return []
    pairs = 2 * PAIRS if large else PAIRS
    times: dict[str, list[float]] = {"Facette": [], "three-line app": []}
    with tempfile.TemporaryDirectory(prefix="facette-bench-") as folder, chromium() as browser:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        apps = {"Facette": ROOT / "app.py", "three-line app": bare}
        for turn in range(pairs + 1):
            for name, app in apps.items():
                seconds = first_map(browser, app, Path(folder) / f"{name}-{turn}")
                if turn:  # the first turn only warms the disk's cache
                    times[name].append(seconds)
    return [_table(times["Facette"], times["three-line app"])]


def first_map(browser: Any, app: Path, home: Path) -> float:
    """Seconds from starting the server to the painted map, with an empty store and profile."""
    start = time.perf_counter()
    with serving(app, home) as address:
        until_up(address)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(address, wait_until="commit")
        page.wait_for_function(PAINTED, polling="raf", timeout=120_000)
        seconds = time.perf_counter() - start
        context.close()
    return seconds


def _table(facette: Sequence[float], bare: Sequence[float]) -> Table:
    ratios = [a / b for a, b in zip(facette, bare, strict=True)]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    rows = [
        ("Facette, first screen", spread(facette, 1), spread(ratios, 2)),
        ("three-line app, 1,797 random points", spread(bare, 1), "1"),
    ]
    return Table(
        "From `streamlit run` to the painted 3D map",
        ("app", "seconds", "ratio"),
        rows,
        f"Median (range) of {len(ratios)} pairs taken in turn, Chromium with WebGL in software, "
        f"empty store, empty browser cache; {os.cpu_count()} processors, load {load:.1f}. The "
        f"goal for the ratio is 1.2; its median is {median(ratios):.2f}.",
    )
