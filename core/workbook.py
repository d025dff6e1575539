"""Excel workbooks: the metrics, and the clusters of every run. Same input, same bytes."""

from __future__ import annotations

import datetime
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.files import output_folder, replacing
from core.metrics import METRICS
from core.runs import RunResult
from core.store import Store
from core.summary import best_of_columns
from core.tables import CLUSTER_COLUMNS, RESULT_COLUMNS, cluster_rows, results_rows, run_names
from core.types import Dataset

MAX_ROWS = 1_048_576  # of a sheet in Excel 2007 and later
_MAX_CELL = 32_767  # characters in a cell
_OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
_CREATED = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)  # a clock would change the bytes


def write_workbooks(
    directory: Path | str, dataset: Dataset, results: Sequence[RunResult], store: Store
) -> tuple[Path, Path]:
    """Write DIRECTORY/metrics.xlsx and DIRECTORY/clusters.xlsx, replacing earlier ones."""
    folder = output_folder(directory)
    files = (folder / "metrics.xlsx", folder / "clusters.xlsx")
    contents = (
        metrics_workbook(results_rows(dataset, results)),
        clusters_workbook(dataset, results, store),
    )
    for path, content in zip(files, contents, strict=True):
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    return files


def metrics_workbook(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows of `results_rows` on a sheet "Metrics", and what each metric says on "About".

    The best of each metric is bold on green with a star behind it; the cell stays a number.
    """
    with _Book() as book:
        sheet = book.sheet("Metrics", RESULT_COLUMNS, _widths(RESULT_COLUMNS))
        best = best_of_columns(rows)
        for i, row in enumerate(rows):
            styles = {RESULT_COLUMNS.index(name) for name, top in best.items() if i in top}
            book.row(sheet, i + 1, [row[name] for name in RESULT_COLUMNS], styles)
        about = book.sheet("About", ("metric", "name", "best is", "range", "what it says"),
                           (18, 26, 10, 14, 110))  # fmt: skip
        for i, metric in enumerate(METRICS, 1):
            direction = "high" if metric.higher_is_better else "low"
            book.row(
                about, i,
                [metric.name, metric.label, direction, _range(metric), metric.sentence],
            )  # fmt: skip
    return book.content


def clusters_workbook(dataset: Dataset, results: Sequence[RunResult], store: Store) -> bytes:
    """A sheet a run with the columns of clusters.csv, one row an image in the dataset's order.

    A run with more images than a sheet has rows goes on on further sheets.
    """
    with _Book() as book:
        for name, result in zip(run_names(results), results, strict=True):
            sheet, at = None, 0
            for values in cluster_rows(dataset, result, store):
                if sheet is None or at == MAX_ROWS:
                    sheet, at = book.sheet(name, CLUSTER_COLUMNS, (40, 20, *[12] * 6)), 1
                book.row(sheet, at, values)
                at += 1
        if not results:
            book.sheet("No run", CLUSTER_COLUMNS, (12,) * len(CLUSTER_COLUMNS))
    return book.content


def sheet_name(name: str, taken: set[str]) -> str:
    """A name that Excel allows (31 characters, none of its forbidden signs), unlike `taken`.

    >>> sheet_name("a/b", set()), sheet_name("A", {"a"})
    ('a_b', 'A (2)')
    """
    clean = "".join("_" if c in "[]:*?/\\" or not c.isprintable() else c for c in name)
    clean = clean.strip("' ") or "sheet"
    if clean.casefold() == "history":  # Excel keeps this one for itself
        clean += "_"
    candidate, number = clean[:31], 1
    while candidate.casefold() in taken:
        number += 1
        tail = f" ({number})"
        candidate = clean[: 31 - len(tail)] + tail
    taken.add(candidate.casefold())
    return candidate


class _Book:
    """A workbook written row by row; `content` holds its bytes after the block."""

    def __init__(self) -> None:
        import xlsxwriter

        self._buffer = io.BytesIO()
        self._book = xlsxwriter.Workbook(self._buffer, _OPTIONS)
        self._book.set_properties({"created": _CREATED, "author": "Facette"})
        self._head = self._book.add_format({"bold": True, "bottom": 1})
        self._number = self._book.add_format({"num_format": "0.0000"})
        self._best = self._book.add_format(
            {"num_format": '0.0000" *"', "bold": True, "bg_color": "#CDEBD3", "color": "#000000"}
        )
        self._taken: set[str] = set()
        self.content = b""

    def __enter__(self) -> _Book:
        return self

    def __exit__(self, *error: object) -> None:
        self._book.close()
        self.content = self._buffer.getvalue()

    def sheet(self, name: str, header: Sequence[str], widths: Iterable[int]) -> Any:
        """A new sheet with a header that stays in view."""
        sheet = self._book.add_worksheet(sheet_name(name, self._taken))
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.freeze_panes(1, 1)
        for column, text in enumerate(header):
            sheet.write_string(0, column, text, self._head)
        return sheet

    def row(
        self, sheet: Any, at: int, values: Iterable[Any], best: Iterable[int] = frozenset()
    ) -> None:
        """One row; rows come in order, as they are written straight to a file."""
        for column, value in enumerate(values):
            if isinstance(value, str):
                text = value.encode("utf-8", "backslashreplace").decode()
                sheet.write_string(at, column, text[:_MAX_CELL])
            elif isinstance(value, float) and math.isfinite(value):
                style = self._best if column in best else self._number
                sheet.write_number(at, column, value, style)
            elif isinstance(value, int):
                sheet.write_number(at, column, value)


def _widths(columns: Sequence[str]) -> list[int]:
    texts = {"run": 36, "dataset": 16, "descriptor": 30, "reducer": 30, "clusterer": 18}
    return [texts.get(name, max(9, len(name) + 2)) for name in columns]


def _range(metric: Any) -> str:
    low = "-∞" if metric.low is None else f"{metric.low:g}"
    high = "∞" if metric.high is None else f"{metric.high:g}"
    return f"{low} to {high}"
