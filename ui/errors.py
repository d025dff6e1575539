"""A domain error becomes a message beside the control that caused it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import streamlit as st

from core.errors import FacetteError, printable

LONGEST = 2000  # characters of a message


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Show what goes wrong inside as a message; the rest of the page goes on."""
    try:
        yield
    except FacetteError as error:
        st.error(text(str(error)), icon=":material/error:")


@contextlib.contextmanager
def or_stop() -> Iterator[None]:
    """Show what goes wrong inside as a message, and end the page there."""
    try:
        yield
    except FacetteError as error:
        st.error(text(str(error)), icon=":material/error:")
        st.stop()


def text(raw: str) -> str:
    """`raw` on one line as Markdown that shows exactly these characters."""
    return "".join(
        "\\" + c if c in "\\`*_{}[]()#+-!|~<>&$:^=" else c for c in printable(raw, LONGEST)
    )
