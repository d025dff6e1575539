"""Descriptors: what each one sees in an image, and the choice of which to run."""

import streamlit as st

from core import registry, words
from ui import comparison_form, errors, explanations, frame, state

run_id, dataset = frame.open_data()

st.markdown(f"### What a descriptor sees in one of {errors.text(words.things(dataset))}")
st.markdown("Each turns an image into a list of numbers; what it leaves out, no clustering finds.")

row = explanations.choose_image(run_id, dataset)
explanations.side_by_side(dataset, row, list(registry.components("descriptor")))

st.divider()
st.markdown("### Choose what to compare")
asked = comparison_form.choose(dataset)
if asked is not None:
    comparison_form.start(asked)
    state.show_run(asked.id)
    state.go_to("screens/explore/clusters.py")
