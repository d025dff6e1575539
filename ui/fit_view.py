"""How a clustering came about: what its method kept to be looked at."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core import plots
from core.runs import RunResult
from ui import cached, errors

BARE = {"displayModeBar": False}


def show(result: RunResult) -> None:
    """Notes of the run, and the picture that belongs to its method, where there is one."""
    entry = cached.store().get(result.keys.labels)
    assert entry is not None  # a finished run's stages are in the store
    for note in result.notes:
        st.caption(errors.text(note))
    by_k = result.about.get("silhouette_by_k")
    if by_k:
        ks = [int(k) for k in by_k]
        figure = plots.k_curve(ks, list(by_k.values()), "silhouette", result.n_clusters)
        _draw(figure, "k-curve", "Silhouette for every number of clusters that was tried")
    if entry.has("fit_merges"):
        figure = plots.dendrogram(np.asarray(entry.array("fit_merges")))
        _draw(figure, "dendrogram", "Dendrogram: the order in which groups were joined")
    if entry.has("fit_k_distance"):
        curve = {"distance": np.asarray(entry.array("fit_k_distance"))}
        figure = plots.curves(curve, "images, sorted", "distance to the k-th neighbour")
        _draw(figure, "k-distance", "Distance to the k-th neighbour, sorted")
        st.caption(f"eps = {result.about['eps']:.3g}. Images to the right of the bend are noise.")
    if entry.has("fit_history_inertia"):
        curve = {"inertia": np.asarray(entry.array("fit_history_inertia"))}
        figure = plots.curves(curve, "iteration", "sum of squared distances")
        _draw(figure, "inertia", "The sum of squared distances after each iteration")
        st.caption("Each round gives every image to its nearest centre, then moves the centres.")


def _draw(figure: plots.Figure, key: str, alt: str) -> None:
    st.plotly_chart(figure, key=key, config=BARE, alt=alt)
