"""The health of a dataset: what was left out and why, duplicates, sizes, class balance."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import plots, words
from core.datasets.health import Health, report
from core.errors import printable
from core.types import Dataset, Rejected
from ui import errors, pictures

SHOWN = 10


def sentence(dataset: Dataset) -> str:
    """One sentence that says what is open."""
    classes = f" in {len(dataset.class_names)} classes" if dataset.labels is not None else ""
    left_out = len(dataset.rejected)
    more = f"; {left_out:,} file{'s' * (left_out != 1)} left out" if left_out else ""
    return f"{words.things(dataset)}{classes}{more}"


@st.cache_resource(show_spinner=False, max_entries=16)
def _report(key: str, rejected: tuple[Rejected, ...], _dataset: Dataset) -> Health:
    return report(_dataset)


def show(dataset: Dataset) -> None:
    """The report: warnings first, then figures, then lists that fold away."""
    health = _report(dataset.key, dataset.rejected, dataset)
    if not health.warnings:
        st.success("No problem was found in these images.", icon=":material/check:")
    for warning in health.warnings:
        st.warning(errors.text(warning), icon=":material/warning:")
    smallest, median, largest = zip(health.widths, health.heights, strict=True)
    if smallest == largest:
        st.markdown(f"**Size** every image has {_pixels(median)} pixels")
    else:
        st.markdown(
            f"**Size** {_pixels(median)} in the middle, from {_pixels(smallest)} "
            f"to {_pixels(largest)} pixels"
        )
    if health.classes:
        st.plotly_chart(_balance(health), key="balance", config={"displayModeBar": False})
    _left_out(health)
    _groups(dataset, "Exact duplicates", health.duplicates)
    _groups(dataset, "Near duplicates", health.near_duplicates)


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _balance(health: Health) -> plots.Figure:
    return plots.counts([(printable(name, 30), n) for name, n in health.classes], "images")


def _left_out(health: Health) -> None:
    if not health.rejected:
        return
    with st.expander(f"{len(health.rejected):,} files left out, with reasons"):
        table = pd.DataFrame(
            [(printable(r.id), r.reason) for r in health.rejected], columns=["file", "why"]
        )
        st.dataframe(table, hide_index=True)


def _groups(dataset: Dataset, title: str, groups: tuple[tuple[int, ...], ...]) -> None:
    if not groups:
        return
    with st.expander(f"{title}: {len(groups):,} groups"):
        for number, group in enumerate(groups[:SHOWN]):
            pictures.show(dataset, group[:8], key=f"{title}-{number}", columns=8)
        if len(groups) > SHOWN:
            st.caption(f"The first {SHOWN} of {len(groups):,} groups.")
