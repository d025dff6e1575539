"""What pages read: the store by key. Nothing here computes or waits; a missing key is None."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core import pipeline
from core.datasets import is_inspected, open_dataset
from core.jobs import Jobs
from core.runs import Comparison, RunResult
from core.store import Store
from core.thumbnails import Atlas, atlas_key, read_atlas
from core.types import Dataset, Source

LOOK_AGAIN = 300  # seconds after which a source is checked for changed files
DEFAULT = Comparison(Source("digits"))  # the shipped run, see core/shipped/make.py


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """The store of this server."""
    return Store()


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """The jobs of this server, shared by all sessions."""
    return Jobs(store())


class _NotYetError(Exception):
    """No worker has read the images of a source; raised so that this is not cached."""


@st.cache_resource(show_spinner=False, max_entries=16, ttl=LOOK_AGAIN)
def _opened(source: Source) -> Dataset:
    if not is_inspected(source, store()):
        raise _NotYetError
    return open_dataset(source, store())


def dataset(source: Source) -> Dataset | None:
    """The dataset of a source, or None while no worker has read its images.

    Whether files have changed meanwhile is looked at every few minutes, and at `look_again`.
    """
    try:
        return _opened(source)
    except _NotYetError:
        return None


def look_again() -> None:
    """Look at the files of all sources again when they are opened next."""
    _opened.clear()


def comparison(run_id: str) -> Comparison:
    """The comparison of that id; the one that ships with Facette where there is none."""
    record = store().record("comparisons", run_id)
    return DEFAULT if record is None else Comparison.from_json(record)


def comparison_ids() -> list[str]:
    """The ids of all comparisons that can be opened, the newest first."""
    ids = [name for name in store().records("comparisons") if name != DEFAULT.id]
    return [*ids, DEFAULT.id]


def results(dataset: Dataset, comparison: Comparison) -> list[RunResult]:
    """The runs of a comparison that are finished, in its order."""
    found = (pipeline.stored(dataset, config, store()) for config in comparison.configs())
    return [result for result in found if result is not None]


@st.cache_resource(show_spinner=False, max_entries=256)
def array(key: str, name: str) -> np.ndarray:
    """An array of a finished stage, shared and read-only."""
    entry = store().get(key)
    assert entry is not None  # a finished run's stages are in the store
    return entry.array(name)


def atlas(dataset: Dataset) -> Atlas | None:
    """The thumbnails of a dataset, or None while no worker has made them."""
    return _atlas(atlas_key(dataset)) if store().has(atlas_key(dataset)) else None


@st.cache_resource(show_spinner=False, max_entries=16)
def _atlas(key: str) -> Atlas | None:
    return read_atlas(store(), key)
