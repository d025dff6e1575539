"""All that can be taken away: tables, arrays, a report, images sorted into folders."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from core import tasks
from core.runs import RunResult
from core.tables import (
    clusters_csv,
    config_record,
    metrics_record,
    results_csv,
    results_rows,
)
from core.workbook import clusters_workbook, metrics_workbook
from ui import cached, progress
from ui.frame import Current

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def show(now: Current, result: RunResult) -> None:
    """Buttons for the comparison, then for the run that is looked into."""
    st.markdown("#### Take it with you")
    dataset, store = now.dataset, cached.store()
    whole, one = st.columns(2, gap="large")
    with whole:
        st.markdown("The whole comparison")
        _button("results.csv", lambda: results_csv(results_rows(dataset, now.results)), "text/csv")
        _button("metrics.xlsx", lambda: metrics_workbook(results_rows(dataset, now.results)), EXCEL)
        _button("clusters.xlsx", lambda: clusters_workbook(dataset, now.results, store), EXCEL)
        arguments = {
            "comparison": now.comparison.to_json(),
            "content": tasks.content_of("report", dataset, now.results),
        }
        _made("report.html", "report", arguments, "text/html")
    with one:
        st.markdown("The run that is looked into")
        _button("clusters.csv", lambda: clusters_csv(dataset, result, store), "text/csv")
        _button("reduced_features.npy", lambda: _npy(result.keys.reduced, "values"))
        _button("labels.npy", lambda: _npy(result.keys.labels, "labels"))
        _button("config.json", lambda: _json(config_record(dataset, result)), "application/json")
        _button("metrics.json", lambda: _json(metrics_record(result)), "application/json")
        arguments = {
            "source": dataset.source.to_json(),
            "config": result.config.to_json(),
            "content": tasks.content_of("sort", dataset, [result]),
        }
        _made("images-by-cluster.zip", "sort", arguments, "application/zip")


def _button(name: str, make: object, mime: str = "application/octet-stream") -> None:
    st.download_button(
        name, make, name, mime, key=f"get-{name}", on_click="ignore", icon=":material/download:"
    )


def _made(name: str, task: str, arguments: dict[str, object], mime: str) -> None:
    """A file that a worker makes first; asked for with one button, taken with the next."""
    file = tasks.made_file(cached.store(), str(arguments["content"]))
    if file.exists():
        _button(name, lambda: file.open("rb"), mime)
    elif progress.asked(task, arguments):
        progress.follow(task, arguments)
    else:
        st.button(
            f"Make {name}",
            key=f"make-{name}",
            icon=":material/build:",
            on_click=progress.start,
            args=(task, arguments),
        )


def _json(record: Mapping[str, Any]) -> str:
    """As the command writes it."""
    return json.dumps(record, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def _npy(key: str, name: str) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(cached.array(key, name)), allow_pickle=False)
    return buffer.getvalue()
