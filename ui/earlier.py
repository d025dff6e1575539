"""Earlier runs, to be opened again."""

from __future__ import annotations

import streamlit as st

from ui import cached, errors, state
from ui.frame import Current, run_name

MOST = 20


def show(now: Current) -> None:
    """A line a comparison, the newest first."""
    others = [run_id for run_id in cached.comparison_ids() if run_id != now.run_id]
    if not others:
        return
    with st.expander(f"Earlier runs: {len(others)}"):
        for run_id in others[:MOST]:
            asked = cached.comparison(run_id)
            what, button = st.columns([5, 1], vertical_alignment="center")
            what.markdown(
                f"**{errors.text(run_name(run_id))}**: {len(asked.descriptors)} descriptions, "
                f"{len(asked.clusterers)} clusterers, seed {asked.seed}"
            )
            button.button(
                "Open", key=f"open-{run_id}", on_click=state.show_run, args=(run_id,),
                width="stretch",
            )  # fmt: skip
