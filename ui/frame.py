"""The sidebar: it only navigates, and says which data and run is open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import streamlit as st

from core.errors import FacetteError
from core.keys import key_of
from core.runs import Comparison, RunResult
from core.summary import best_result
from core.types import Dataset, Source
from ui import cached, errors, progress, state

DATA = "screens/explore/data.py"
_HERE = Path(__file__).parent


def sidebar() -> None:
    """Draw the frame around every page."""
    state.apply_next_run()
    st.logo(_HERE / "logo.svg", size="large")
    st.html(_HERE / "frame.css")
    with st.sidebar:
        st.selectbox(
            "Run",
            cached.comparison_ids(),
            index=cached.comparison_ids().index(cached.DEFAULT.id),
            key=state.RUN,
            bind="query-params",
            format_func=run_name,
            help="The data and the descriptors that every page shows. Earlier runs stay here.",
        )
        st.caption("Which description of my images groups them best?")


def run_name(run_id: str) -> str:
    """A comparison in the lists of runs, and in links: its data and its id."""
    asked = cached.comparison(run_id)
    return f"{source_name(asked.source)} · {run_id}"


def source_name(source: Source) -> str:
    """A source in a few words."""
    return source.path.replace("\\", "/").rstrip("/").split("/")[-1] or source.kind


@dataclass(frozen=True)
class Current:
    """What is open: the comparison, its dataset, and its finished runs."""

    run_id: str
    comparison: Comparison
    dataset: Dataset
    results: list[RunResult]

    @property
    def best(self) -> RunResult:
        """The run with the best main metric."""
        return best_result(self.results)


def opened(source: Source) -> Dataset:
    """The dataset of a source; while a worker reads it the page shows how far it is, and ends."""
    try:
        dataset = cached.dataset(source)
    except FacetteError as error:
        _not_there(error, source)
    if dataset is None:
        progress.follow("open", {"source": source.to_json()})
        st.stop()
    if cached.atlas(dataset) is None:  # a run of the command line has no thumbnails yet
        progress.follow("open", {"source": source.to_json()})
    return dataset


def _not_there(error: FacetteError, source: Source) -> NoReturn:
    """Why images cannot be opened, and the way to others."""
    st.markdown(f"### {errors.text(source_name(source))} cannot be opened")
    st.error(errors.text(str(error)), icon=":material/error:")
    if st.button("Choose other images", type="primary", icon=":material/photo_library:"):
        state.set_draft(cached.DEFAULT.source)
        state.go_to(DATA)
    st.stop()


def current() -> Current:
    """What is open. While nothing of it is finished the page shows progress, and ends."""
    run_id = st.session_state[state.RUN]
    comparison = cached.comparison(run_id)
    dataset = opened(comparison.source)
    with errors.or_stop():
        results = cached.results(dataset, comparison)
    missing = len(comparison.configs()) - len(results)
    if missing:
        arguments = {"comparison": comparison.to_json()}
        progress.follow("compare", arguments)
        progress.failures(arguments)
    if not results:
        st.stop()
    return Current(run_id, comparison, dataset, results)


def open_data() -> tuple[str, Dataset]:
    """The data that the Data and Descriptors pages show, and a name for what is picked there.

    It is what was opened on the Data page last, or else the data of the run in the sidebar.
    """
    source = open_source()
    return key_of(source.to_json())[:8], opened(source)


def open_source() -> Source:
    """Where the data of `open_data` come from."""
    run_id = st.session_state[state.RUN]
    return state.draft(run_id) or cached.comparison(run_id).source
