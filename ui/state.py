"""Every session and URL key, and nothing else knows their names.

The URL carries the run, descriptor, clusterer and cluster: those widgets are bound to query
parameters of the same name, so a link shows what its sender saw.
"""

from __future__ import annotations

import uuid

import streamlit as st

from core.prepare import Preparation
from core.types import Source

# In the URL.
RUN = "run"
DESCRIPTOR = "descriptor"
CLUSTERER = "clusterer"
CLUSTER = "cluster"  # written here, the others by the widgets that are bound to them
COLOR_BY = "color"
VIEW = "view"
ALL = "all"
MODELS = "models"
MODEL = "model"
STUDY = "study"

# In the session alone.
_OWNER = "_owner"
_CLUSTER_TEXT = "_cluster"
_PICKED = "_picked"  # (run, row) of the image that was clicked
_NEXT_RUN = "_next_run"  # a widget's value can only be set before it is drawn
_PREPARATION = "_preparation"  # what was asked of `prepare` last
_STUDY = "_study"  # (data, study) that was opened last
_STARTED = "_started"
_DRAFT = "_draft"  # the source that the Data page has opened, not yet run


def owner() -> str:
    """A name for this browser session, to bound how many jobs it may have."""
    return str(st.session_state.setdefault(_OWNER, uuid.uuid4().hex))


def show_run(run_id: str) -> None:
    """Make the sidebar, and with it every page, show this run from the next rerun on."""
    st.session_state[_NEXT_RUN] = run_id
    for key in (DESCRIPTOR, CLUSTERER, COLOR_BY):
        st.session_state.pop(key, None)
    st.session_state.pop(_CLUSTER_TEXT, None)
    st.query_params.pop(CLUSTER, None)


def apply_next_run() -> None:
    """Carry out `show_run`; called before the sidebar is drawn."""
    if _NEXT_RUN in st.session_state:
        st.session_state[RUN] = st.session_state.pop(_NEXT_RUN)


def cluster() -> int | None:
    """The highlighted cluster, from the URL or from before a visit to another page, if any."""
    text = _cluster_text()
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 9 else None


def all_clusters() -> bool:
    """Whether the person asked to see every cluster in full colour."""
    return _cluster_text() == ALL


def set_cluster(number: int | None) -> None:
    """Highlight a cluster; None shows all of them in full colour."""
    text = ALL if number is None else str(number)
    st.query_params[CLUSTER] = st.session_state[_CLUSTER_TEXT] = text


def _cluster_text() -> str:
    if CLUSTER not in st.query_params and _CLUSTER_TEXT in st.session_state:
        st.query_params[CLUSTER] = st.session_state[_CLUSTER_TEXT]
    return st.query_params.get(CLUSTER, "")


def picked(run_id: str) -> int | None:
    """The row of the image that was clicked in this run, if any."""
    run, row = st.session_state.get(_PICKED, ("", None))
    return row if run == run_id else None


def pick(run_id: str, row: int | None) -> None:
    """Remember which image was clicked; None forgets it."""
    st.session_state[_PICKED] = (run_id, row)


def advanced(job_id: str, done: int) -> bool:
    """Whether more runs of a job are finished than when this was asked last."""
    key = f"_done-{job_id}"
    before = st.session_state.get(key, done)
    st.session_state[key] = done
    return done > before


def stopped(job_id: str, active: bool) -> bool:
    """Whether a job has ended since this was asked last."""
    key = f"_active-{job_id}"
    before = st.session_state.get(key, active)
    st.session_state[key] = active
    return before and not active


def draft(run_id: str) -> Source | None:
    """The source that the Data page opened while this run was open, if any."""
    run, source = st.session_state.get(_DRAFT, ("", None))
    return source if run == run_id else None


def set_draft(source: Source) -> None:
    """Set the source opened on the Data page; choosing another run forgets it."""
    st.session_state[_DRAFT] = (st.session_state[RUN], source)


def preparation() -> Preparation | None:
    """The training set that was asked for last in this session, if any."""
    return st.session_state.get(_PREPARATION)


def set_preparation(request: Preparation) -> None:
    """Remember which training set was asked for."""
    st.session_state[_PREPARATION] = request


def study(data: str) -> str:
    """The study that is open, from the URL or from before a visit to another page; or empty.

    `data` names the open data: with other data, a study that was opened before is closed.
    """
    known, chosen = st.session_state.get(_STUDY, (data, ""))
    shown = st.query_params.get(STUDY, "")
    if known != data and shown in ("", chosen):
        return ""
    return shown or chosen


def set_study(data: str, study_id: str) -> None:
    """Open a study, here and in the URL; an empty name closes it."""
    st.session_state[_STUDY] = (data, study_id)
    if not study_id:
        st.query_params.pop(STUDY, None)
    elif st.query_params.get(STUDY) != study_id:
        st.query_params[STUDY] = study_id


def started() -> int:
    """How many trainings were started in this session."""
    return int(st.session_state.get(_STARTED, 0))


def count_start() -> None:
    """Count one more training that was started."""
    st.session_state[_STARTED] = started() + 1


def show_models(model_ids: list[str]) -> None:
    """Make the Evaluate page open with these models."""
    st.session_state[MODELS] = model_ids


def go_to(page: str) -> None:
    """Show another page, as `st.switch_page`, which refuses while a widget is in the URL."""
    st.switch_page(page, query_params={})
