"""What pages read: the store by key. Nothing here computes or waits; a missing key is None."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core import access, tasks
from core.cnn.config import Study
from core.cnn.studies import STUDIES, Row
from core.cnn.studies import results as study_results
from core.datasets import is_inspected, open_dataset
from core.errors import FacetteError, input_error
from core.jobs import Jobs
from core.runs import Comparison, RunResult
from core.store import Store
from core.thumbnails import Atlas, atlas_key, read_atlas
from core.types import Dataset, Source

MOST_RUNS = 100  # earlier runs in the list
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
    if not access.may_open(source, store()):
        raise input_error(
            "path", source.path, f"a path below {access.root()}", "Set FACETTE_ROOT to open others."
        )
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
    return _comparison(run_id) or DEFAULT


def comparison_ids() -> list[str]:
    """The ids of the comparisons that may be opened, the newest first, the shipped one last."""
    ids = []
    for run_id in store().records("comparisons")[:MOST_RUNS]:
        asked = _comparison(run_id)
        if asked is not None and run_id != DEFAULT.id and access.may_open(asked.source, store()):
            ids.append(run_id)
    return [*ids, DEFAULT.id]


def _comparison(run_id: str) -> Comparison | None:
    try:
        return _read_comparison(run_id)
    except (KeyError, TypeError, ValueError, AttributeError, FacetteError):
        return None  # none of that name, or one that another version wrote


@st.cache_resource(show_spinner=False, max_entries=1000)
def _read_comparison(run_id: str) -> Comparison:
    record = store().record("comparisons", run_id)
    if record is None:
        raise KeyError(run_id)  # not cached: it may be written later
    return Comparison.from_json(record)


def results(dataset: Dataset, comparison: Comparison) -> list[RunResult]:
    """The runs of a comparison that are finished, in its order."""
    return tasks.finished_runs(store(), dataset, comparison)


def study(study_id: str) -> Study | None:
    """The study of that id; None where there is none, or one that may not be opened here."""
    try:
        asked = _read_study(study_id)
    except (KeyError, TypeError, ValueError, AttributeError, FacetteError):
        return None  # none of that name, or one that another version wrote
    return asked if access.may_open(asked.source, store()) else None


def studies() -> dict[str, Study]:
    """The studies that may be opened, by id, the newest first."""
    found = ((name, study(name)) for name in store().records(STUDIES)[:MOST_RUNS])
    return {name: asked for name, asked in found if asked is not None}


def rows(study_id: str) -> list[Row]:
    """The finished models of a study."""
    try:
        return study_results(store(), study_id)
    except (KeyError, TypeError, ValueError, AttributeError, FacetteError):
        return []  # another version wrote them


def forget_studies() -> None:
    """Do not show studies that were removed."""
    _read_study.clear()


@st.cache_resource(show_spinner=False, max_entries=1000)
def _read_study(study_id: str) -> Study:
    record = store().record(STUDIES, study_id)
    if record is None:
        raise KeyError(study_id)  # not cached: it may be written later
    return Study.from_json(record)


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
