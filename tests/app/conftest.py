"""A store filled once by the real command, and an empty one."""

from __future__ import annotations

import pytest
import streamlit as st

from core.store import Store
from tests import drawn
from tests.app.support import HOSTILE_CLASSES, HOSTILE_FILE, ROOT, Filled, command


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
