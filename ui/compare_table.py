"""The metrics table: a row a run, the best of each column marked by colour and by a star."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import words
from core.metrics import METRICS
from core.summary import best_of_columns, ranked
from core.tables import results_rows
from ui.frame import Current


def show(now: Current) -> None:
    """Draw the table; every head explains its metric."""
    results = [now.results[i] for i in ranked(now.results)]
    rows = results_rows(now.dataset, results)
    labelled = now.dataset.labels is not None
    shown = [m for m in METRICS if labelled or not m.needs_labels]
    columns = ["description", "clusterer", "n_clusters", *(m.name for m in shown), "seconds"]
    called = words.descriptor_labels(results)
    for row, result in zip(rows, results, strict=True):
        row["description"] = called[result.config.descriptor]
        row["clusterer"] = words.label_of("clusterer", result.config.clusterer)
    table = pd.DataFrame(rows, columns=columns)
    best = best_of_columns(rows)

    def marked(column: pd.Series) -> list[str]:
        top = best.get(str(column.name), set())
        style = "background-color: rgba(0,158,115,.25); font-weight: 700"
        return [style if i in top else "" for i in range(len(column))]

    styled = table.style.apply(marked)
    for metric in shown:
        top = best.get(metric.name, set())
        for i in range(len(table)):
            styled = styled.format(
                "★ {:.3f}" if i in top else "{:.3f}",
                subset=pd.IndexSlice[[i], [metric.name]],
                na_rep="–",  # noqa: RUF001 - a dash that reads as "none"
            )
    styled = styled.format("{:.1f}", subset=["seconds"])
    st.dataframe(styled, hide_index=True, column_config=_heads(shown), alt="Metrics of every run")
    st.caption(
        "★ is the best of its column. Label-based metrics are over all images, noise being one "
        "more group and outliers another; silhouette, Davies-Bouldin and Calinski-Harabasz "
        "leave both out and are measured in the matrix that was clustered."
    )


def _heads(shown: list) -> dict[str, object]:
    heads: dict[str, object] = {
        "description": st.column_config.TextColumn("description", pinned=True),
        "clusterer": st.column_config.TextColumn("clusterer", width="medium"),
        "n_clusters": st.column_config.NumberColumn("k", help="The number of clusters."),
        "seconds": st.column_config.NumberColumn("seconds", help="What the run cost."),
    }
    for metric in shown:
        better = "Higher is better." if metric.higher_is_better else "Lower is better."
        heads[metric.name] = st.column_config.NumberColumn(
            metric.label, help=f"{metric.sentence} {better}"
        )
    return heads
