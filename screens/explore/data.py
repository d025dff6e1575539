"""Data: where the images come from, what they look like, and whether they are sound."""

import streamlit as st

from core.runs import Comparison
from ui import comparison_form, errors, frame, health_view, source_form, state, wall

st.markdown("### Choose images")
source_form.choose(frame.open_source())
name, dataset = frame.open_data()

st.divider()
title, action = st.columns([3, 1], vertical_alignment="center")
title.markdown(f"### {errors.text(health_view.sentence(dataset))}")
with action:
    if st.button(
        "Group these images",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        help="Six descriptions, one clustering each: a good start. "
        "Choose others on the Descriptors page.",
    ):
        asked = Comparison(dataset.source)
        comparison_form.start(asked)
        state.show_run(asked.id)
        state.go_to("screens/explore/clusters.py")

pictures, facts = st.columns([3, 2], gap="large")
with pictures:
    wall.show(name, dataset)
with facts:
    health_view.show(dataset)
