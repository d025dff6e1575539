"""What a comparison comes to: which run is best, and one table of plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.metrics import METRICS, best_in
from core.runs import RunResult
from core.tables import results_rows
from core.types import Dataset

_LABELLED = ("ami", "ari", "nmi", "silhouette", "accuracy", "v_measure")
_UNLABELLED = ("silhouette", "davies_bouldin", "calinski_harabasz")
_NAMED = ("descriptor", "outliers", "reducer", "clusterer")
_HEADS = {"n_clusters": "k", "davies_bouldin": "davies_b", "calinski_harabasz": "calinski_h"}


def main_metric(results: Sequence[RunResult]) -> str:
    """The metric that runs are ranked by: AMI where there are labels, the silhouette elsewhere."""
    labelled = any(result.metrics.get("ami") is not None for result in results)
    return "ami" if labelled else "silhouette"


def ranked(results: Sequence[RunResult]) -> list[int]:
    """The positions of the runs, the best first; equal ones stay in their order.

    >>> ranked([])
    []
    """
    name = main_metric(results)

    def worth(index: int) -> float:
        value = results[index].metrics.get(name)
        return float("inf") if value is None else -value

    return sorted(range(len(results)), key=worth)


def best_result(results: Sequence[RunResult]) -> RunResult:
    """The run with the highest AMI, or silhouette without labels; the first of equals."""
    return results[ranked(results)[0]]


def best_per_descriptor(results: Sequence[RunResult]) -> dict[str, RunResult]:
    """The best run of each descriptor, the best descriptor first."""
    found: dict[str, RunResult] = {}
    for index in ranked(results):
        found.setdefault(results[index].config.descriptor, results[index])
    return found


def best_of_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, set[int]]:
    """For each metric the positions of its best rows, ties included.

    A column whose rows are all equal has no best; nor has one with a single value.
    """
    found = {}
    for metric in METRICS:
        top = set(best_in(rows, metric.name))
        if 0 < len(top) < sum(row.get(metric.name) is not None for row in rows):
            found[metric.name] = top
    return found


def metrics_text(dataset: Dataset, results: Sequence[RunResult], width: int = 120) -> str:
    """The metrics of every run as an aligned table of plain text, at most `width` wide.

    The best of each metric carries a `*`. Components that are the same in every run are said
    once above the table. Where it would be too wide, metrics on the right are left out first,
    then the components, which the name of the run tells in short.
    """
    rows = results_rows(dataset, results)
    if not rows:
        return "No run has finished."
    differing = [c for c in _NAMED if len({row[c] for row in rows}) > 1]
    # The name of the run tells its components; only parameters have to be said beside it.
    varying = [c for c in differing if any(":" in row[c] for row in rows)]
    shared = [f"{c} {rows[0][c]}" for c in _NAMED if c not in differing and rows[0][c] != "none"]
    metrics = list(_LABELLED if any(row["ami"] is not None for row in rows) else _UNLABELLED)
    if any((row["coverage"] or 0) < 1 for row in rows):
        metrics.insert(0, "coverage")
    cells, sizes = _cells(rows, varying, metrics)
    while sum(sizes) + 2 * (len(sizes) - 1) > width and (len(metrics) > 3 or varying):
        (metrics if len(metrics) > 3 else varying).pop()
        cells, sizes = _cells(rows, varying, metrics)
    lines = [_line(row, sizes, 1 + len(varying)) for row in cells]
    lines.insert(1, "  ".join("-" * size for size in sizes))
    if any(cell.endswith("*") for row in cells[1:] for cell in row):
        lines.append("* the best of its column")
    head = "; ".join([f"{rows[0]['n_images']:,} images of {_plain(rows[0]['dataset'])}", *shared])
    return "\n".join([head, "", *lines])


def _cells(
    rows: Sequence[Mapping[str, Any]], varying: Sequence[str], metrics: Sequence[str]
) -> tuple[list[list[str]], list[int]]:
    """The table's texts, its head first, and the width of each column."""
    columns = ["run", *varying, "n_clusters", *metrics, "seconds"]
    best = best_of_columns(rows)
    cells = [[_HEADS.get(column, column) for column in columns]]
    for i, row in enumerate(rows):
        cells.append([_shown(row, column, i in best.get(column, ())) for column in columns])
    return cells, [max(map(len, column)) for column in zip(*cells, strict=True)]


def _shown(row: Mapping[str, Any], column: str, is_best: bool) -> str:
    value = row[column]
    if value is None:
        return "- "
    if column == "seconds":
        return f"{value:.1f}"
    if isinstance(value, float):
        text = f"{value:.1f}" if abs(value) >= 100 else f"{value:.3f}"
        return text + ("*" if is_best else " ")
    return _plain(value) if isinstance(value, str) else str(value)


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _line(cells: Sequence[str], sizes: Sequence[int], n_texts: int) -> str:
    padded = [cell.ljust(size) if i < n_texts else cell.rjust(size)
              for i, (cell, size) in enumerate(zip(cells, sizes, strict=True))]  # fmt: skip
    return "  ".join(padded).rstrip()
