"""Clusters: the map of all images, and the images of the highlighted cluster."""

import streamlit as st

from core import words
from ui import cluster_panel, cluster_view, frame, state

now = frame.current()
head, body, controls = st.container(), st.container(), st.container()

with controls:
    view = cluster_view.choose(now)

with head:
    st.markdown(f"### {words.headline(now.dataset, view.result)}")
    said, link = st.columns([5, 1], vertical_alignment="center")
    said.markdown(words.verdict(now.dataset, view.result, now.results))
    link.page_link("pages/explore/compare.py", label="Compare", icon=":material/bar_chart:")

with body:
    left, right = st.columns([8, 5], gap="medium")
    with left:
        selected = cluster_view.draw_map(now, view)
    with right:
        cluster_panel.show(now, view, selected)
