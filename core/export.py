"""Everything that a comparison writes: results.csv, a folder a run, workbooks, sorted images."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core import pipeline
from core.errors import input_error
from core.events import Listener, silent
from core.files import output_folder, replacing, write_text
from core.runs import RunResult
from core.sorting import sort_images, sort_images_zip
from core.store import Store
from core.summary import best_result, metrics_text
from core.tables import (
    clusters_csv,
    config_record,
    metrics_record,
    read_array,
    results_csv,
    results_rows,
    run_names,
)
from core.types import Dataset, FeatureMatrix
from core.workbook import clusters_workbook, metrics_workbook, write_workbooks

__all__ = [
    "best_result",
    "check_target",
    "clusters_csv",
    "clusters_workbook",
    "metrics_text",
    "metrics_workbook",
    "results_csv",
    "results_rows",
    "run_names",
    "sort_images",
    "sort_images_zip",
    "write_results",
    "write_run",
    "write_workbooks",
]


def check_target(directory: Path | str) -> None:
    """Raise `InputError` now when results could not be written to a folder later."""
    folder = Path(directory)
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        do = f"{there} is not a folder."
    elif not os.access(there, os.W_OK | os.X_OK):
        do = f"{there} cannot be written by you."
    else:
        return
    raise input_error("output folder", folder, "a folder, new or existing", do)


def write_results(
    directory: Path | str,
    dataset: Dataset,
    results: Sequence[RunResult],
    store: Store,
    excel: bool = False,
    emit: Listener = silent,
) -> Path:
    """Write results.csv and a folder for every run, and the Excel workbooks where asked for.

    Files of the same names are replaced, each whole or not at all; nothing else in DIRECTORY is
    touched. A combined matrix that the store no longer holds is computed again, and `emit`
    hears of it. Returns DIRECTORY.

    Raises
    ------
    InputError
        When a file is in the way of a folder, or the place cannot be written.
    """
    folder = output_folder(directory)
    for name, result in zip(run_names(results), results, strict=True):
        matrix = pipeline.matrix(dataset, result.config, store, emit)
        write_run(folder, name, dataset, result, store, matrix)
    if excel:
        write_workbooks(folder, dataset, results, store)
    # Last, so that a results.csv never names a run whose folder is not there yet.
    write_text(folder / "results.csv", results_csv(results_rows(dataset, results)))
    return folder


def write_run(
    directory: Path | str,
    name: str,
    dataset: Dataset,
    result: RunResult,
    store: Store,
    matrix: FeatureMatrix,
) -> Path:
    """Write DIRECTORY/runs/NAME/ with the six files of a run; returns that folder.

    config.json, metrics.json (a flat object, null where a metric is not defined), clusters.csv,
    features.npy (the matrix before outliers were left out), reduced_features.npy (the matrix
    that was clustered) and labels.npy (-1 noise, -2 outlier). Each has one row an image, in the
    dataset's order. `name` comes from `run_name`.

    Raises
    ------
    InputError
        When a file is in the way of a folder, or the place cannot be written.
    """
    folder = output_folder(Path(directory) / "runs" / name)
    _write_json(folder / "config.json", config_record(dataset, result))
    _write_json(folder / "metrics.json", metrics_record(result))
    write_text(folder / "clusters.csv", clusters_csv(dataset, result, store))
    save_array(folder / "features.npy", matrix.values)
    save_array(folder / "reduced_features.npy", read_array(store, result.keys.reduced, "values"))
    save_array(folder / "labels.npy", read_array(store, result.keys.labels, "labels"))
    return folder


def save_array(path: Path, array: np.ndarray) -> None:
    """Write an .npy whole; a memory-mapped array is copied without being read into memory."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    text = json.dumps(values, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    write_text(path, text + "\n")
