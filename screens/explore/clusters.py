"""Clusters: the map of all images, and the images of the highlighted cluster."""

import streamlit as st

from core import words
from ui import cluster_panel, cluster_view, errors, frame

now = frame.current()
head, body, controls = st.container(), st.container(), st.container()

with controls:
    view = cluster_view.choose(now)
    cluster_view.caption(view)

with head:
    st.markdown(f"### {errors.text(words.headline(now.dataset, view.result))}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(errors.text(words.verdict(now.dataset, view.result, now.results)))
        st.page_link("screens/explore/compare.py", label="Compare", icon=":material/bar_chart:")

with body:
    left, right = st.columns([8, 5], gap="small")
    with left:
        selected = cluster_view.draw_map(now, view)
    with right:
        cluster_panel.show(now, view, selected)
