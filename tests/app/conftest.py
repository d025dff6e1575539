"""A store filled once by the real command, and the app on it without a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.store import Store
from tests import drawn

ROOT = Path(__file__).parents[2]
PAGES = ("data", "descriptors", "clusters", "compare")
HOSTILE_CLASSES = (
    "$x^2$ **bold** <b onclick=alert(1)>",
    ":red[hot] \N{SLIGHTLY SMILING FACE} [l](http:x) `c`\nnext",
)
HOSTILE_FILE = "=cmd() 'a' \"b\" # _{number}_ ![i](x) <i>&amp;$.png"


@dataclass(frozen=True)
class Filled:
    """A filled store, the folder that the app may open, and the id of each run by its name."""

    home: Path
    root: Path
    runs: dict[str, str]


def command(home: Path, data: str | Path, *options: str) -> str:
    """Carry out `python -m core run` and return the id of its comparison."""
    known = set(Store(home).records("comparisons"))
    words = [sys.executable, "-m", "core", "run", "--data", str(data), "--out", str(home / "out")]
    done = subprocess.run(
        [*words, *options],
        cwd=ROOT, env=os.environ | {"FACETTE_HOME": str(home)}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (made,) = set(Store(home).records("comparisons")) - known
    return made


@pytest.fixture(scope="session")
def filled(tmp_path_factory) -> Filled:
    """Pictures with hostile names and outliers; pictures without labels; the sample data."""
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root").resolve()
    for kind, name in zip(drawn.INK, HOSTILE_CLASSES, strict=True):
        drawn.save(root / "odd" / name, kind, 14, HOSTILE_FILE)
    drawn.save(root / "odd" / HOSTILE_CLASSES[0], "stray", 3)
    for kind in drawn.INK:
        drawn.save(root / "flat", kind, 12)
    drawn.save(root / "flat", "stray", 4)
    two = ("--descriptor", "gray_histogram", "--descriptor", "hsv_histogram")
    small = ("--reduce", "pca:n_components=3")
    density = ("--cluster", "kmeans", "--cluster", "hdbscan", "--cluster", "dbscan")
    runs = {
        "odd": command(home, root / "odd", *two, *small, "--outliers", "isolation_forest"),
        "flat": command(home, root / "flat", *two, *small, *density),
        "sample": command(home, ROOT / "sample_data", *two, "--reduce", "none"),
    }
    return Filled(home, root, runs)


@pytest.fixture
def store(filled, monkeypatch) -> Filled:
    """The app of this process works on the filled store."""
    return _use(filled, monkeypatch)


@pytest.fixture
def empty_store(filled, monkeypatch, tmp_path) -> Filled:
    """The app of this process works on a store in which nothing is."""
    return _use(Filled(tmp_path / "home", filled.root, {}), monkeypatch)


def _use(chosen: Filled, monkeypatch) -> Filled:
    monkeypatch.setenv("FACETTE_HOME", str(chosen.home))
    monkeypatch.setenv("FACETTE_ROOT", str(chosen.root))
    from ui import cached

    if cached.store().root != Store().root:
        st.cache_resource.clear()
    return chosen


def opened(page: str = "clusters", run: str | None = None, **query: str) -> AppTest:
    """The app at a page, a run and a query, run once; nothing may have been raised."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    if run is not None:
        at.session_state["run"] = run
    for name, value in query.items():
        at.query_params[name] = value
    if page != "clusters":
        at.run()  # only then it knows its pages
        at.switch_page(f"screens/explore/{page}.py")
    return calm(at.run())


def calm(at: AppTest) -> AppTest:
    """The same, with nothing raised."""
    assert not at.exception, [e.value for e in at.exception]
    return at


def said(at: AppTest) -> str:
    """All running text of the page."""
    kinds = ("markdown", "caption", "info", "warning", "error", "success")
    return "\n".join(element.value for kind in kinds for element in at.get(kind))
