"""Coloured pills that choose one group, or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_pills = st.components.v2.component(
    "facette_pills",
    html='<div class="pills"\nrole="group"></div>',
    css=(_HERE / "pills.css").read_text("utf-8"),
    js=(_HERE / "pills.js").read_text("utf-8"),
)


def pills(
    names: Sequence[str],
    colors: Sequence[str],
    selected: int | None,
    key: str,
    *,
    label: str = "Highlight a cluster",
    on_pick: Callable[[int | None], None] | None = None,
) -> int | None:
    """Show one pill a name; its index when one was just pressed, else `selected`.

    Pressing the pressed one again selects none. `on_pick` is called with the new index before
    the page runs again, for what stands above the pills on the page.
    """

    def picked() -> None:
        index = st.session_state[key].get("picked")
        if on_pick is not None and index is not None:
            on_pick(_index(index))

    data = {"names": list(names), "colors": list(colors), "selected": selected, "label": label}
    result = _pills(key=key, data=data, on_picked_change=picked)
    return selected if result.picked is None else _index(result.picked)


def _index(value: float) -> int | None:
    return None if value < 0 else int(value)
