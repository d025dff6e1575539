"""The tables and records of finished runs: rows, CSV texts, JSON values, folder names.

Texts that a spreadsheet would take for a formula carry one apostrophe in front, in every CSV
(`core.files.safe_cell`). To join by id, take it off again: one leading apostrophe, if there is
one (`core.files.original_text`). Read ids as text: `pandas.read_csv(file, dtype={"id": str},
keep_default_na=False)`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

import core
from core.errors import FacetteError
from core.files import csv_text
from core.runs import RunResult
from core.store import Store
from core.types import OUTLIER, UNLABELLED, Dataset

ABOUT_COLUMNS = (
    "run", "dataset", "descriptor", "outliers", "reducer", "clusterer", "n_images", "n_clusters",
)  # fmt: skip
METRIC_COLUMNS = (
    "coverage", "ami", "ari", "rand", "nmi", "mutual_info", "jaccard", "fowlkes_mallows",
    "homogeneity", "completeness", "v_measure", "purity", "entropy", "accuracy",
    "silhouette", "davies_bouldin", "calinski_harabasz",
)  # fmt: skip
RESULT_COLUMNS = (*ABOUT_COLUMNS, *METRIC_COLUMNS, "seconds")
CLUSTER_COLUMNS = ("id", "label", "cluster", "outlier", "x", "y", "z", "distance")
_RUN_NAME_LENGTH = 90  # with DIR/runs/ in front well below what Windows allows for a path


def run_name(number: int, result: RunResult, n_runs: int = 0) -> str:
    """The folder name of a run: its number in the order asked, and its components' names.

    Letters, digits, `_`, `+` and `-` only. Where k was chosen from the data the name says so:
    `01-hog-umap-kmeans-k7-by-silhouette`. Numbers have as many digits as `n_runs`, at least 2.
    """
    config = result.config
    steps = [config.outliers, config.reducer]
    middle = [bare_name(step) for step in steps if bare_name(step) != "none"]
    tail = "-".join([*middle, bare_name(config.clusterer)])
    if result.about.get("k_chosen_by") == "silhouette":
        tail += f"-k{result.n_clusters}-by-silhouette"
    head = f"{number:0{max(2, len(str(n_runs)))}}"
    room = max(8, _RUN_NAME_LENGTH - len(head) - len(tail) - 2)
    signature = "+".join(signature_names(config.descriptor))
    return f"{head}-{signature[:room].rstrip('+')}-{tail}"


def bare_name(component: str) -> str:
    """The name of a component without its parameters, fit to be a piece of a file name.

    >>> bare_name("umap:n_components=10")
    'umap'
    """
    return re.sub(r"[^A-Za-z0-9_]+", "_", component.partition(":")[0].strip())


def signature_names(descriptor: str) -> list[str]:
    """The bare names of descriptors that are joined with `+`.

    >>> signature_names("sift+lbp:radius=2")
    ['sift', 'lbp']
    """
    return [bare_name(part) for part in re.split(r"\+(?=\s*[A-Za-z_])", descriptor)]


def run_names(results: Sequence[RunResult]) -> list[str]:
    """The folder name of each run; all are different."""
    return [run_name(i, result, len(results)) for i, result in enumerate(results, 1)]


def results_rows(dataset: Dataset, results: Sequence[RunResult]) -> list[dict[str, Any]]:
    """One row a run, with the keys of `RESULT_COLUMNS` in their order.

    Values are str, int or float; None where a metric needs labels and there are none, or is not
    defined (a silhouette of one cluster).
    """
    rows = []
    for name, result in zip(run_names(results), results, strict=True):
        config = result.config
        about = (
            name, dataset.name, config.descriptor, config.outliers, config.reducer,
            config.clusterer, result.n_images, result.n_clusters,
        )  # fmt: skip
        metrics = {column: _finite(result.metrics.get(column)) for column in METRIC_COLUMNS}
        row = dict(zip(ABOUT_COLUMNS, about, strict=True)) | metrics
        rows.append(row | {"seconds": round(float(result.seconds), 3)})
    return rows


def results_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """The text of results.csv. Floats have ten significant digits."""
    return csv_text(RESULT_COLUMNS, ([row[name] for name in RESULT_COLUMNS] for row in rows))


def config_record(dataset: Dataset, result: RunResult) -> dict[str, Any]:
    """All that is needed to repeat a run: its configuration, its data, the version."""
    return result.config.to_json() | {
        "source": dataset.source.to_json(),
        "dataset": dataset.name,
        "dataset_key": dataset.key,
        "facette": core.__version__,
    }


def metrics_record(result: RunResult) -> dict[str, Any]:
    """Every metric by name, None where it is not defined, and what else came out of a run."""
    values = dict.fromkeys(METRIC_COLUMNS) | dict(result.metrics)
    return {name: _finite(value) for name, value in values.items()} | {
        "n_images": result.n_images,
        "n_clusters": result.n_clusters,
        "seconds": round(float(result.seconds), 3),
        "about": dict(result.about),
        "notes": list(result.notes),
    }


def cluster_rows(
    dataset: Dataset, result: RunResult, store: Store
) -> Iterable[tuple[str, str, int, int, float, float, float, float | None]]:
    """One tuple an image, in the dataset's order, as `CLUSTER_COLUMNS` names them.

    label is empty where there is none; cluster is -1 for noise and -2 for an outlier; outlier
    is 0 or 1; x, y, z are the map coordinates; distance to the centre of the cluster is None
    for noise and outliers.
    """
    labels = read_array(store, result.keys.labels, "labels")
    distance = read_array(store, result.keys.labels, "distance")
    places = read_array(store, result.keys.map, "values")
    for i, name in enumerate(dataset.ids):
        x, y, z = (_short(value) for value in places[i, :3])
        cluster = int(labels[i])
        gap = _short(distance[i])
        yield (
            name, label_text(dataset, i), cluster, int(cluster == OUTLIER), x, y, z,
            gap if math.isfinite(gap) else None,
        )  # fmt: skip


def clusters_csv(dataset: Dataset, result: RunResult, store: Store) -> str:
    """The text of clusters.csv."""
    return csv_text(CLUSTER_COLUMNS, cluster_rows(dataset, result, store))


def label_text(dataset: Dataset, index: int) -> str:
    """The name of an image's class, empty where it has none."""
    if dataset.labels is None or dataset.labels[index] == UNLABELLED:
        return ""
    return dataset.class_names[int(dataset.labels[index])]


def read_array(store: Store, key: str, name: str) -> np.ndarray:
    """An array of a run, memory-mapped from the store."""
    entry = store.get(key)
    if entry is None:
        raise FacetteError(
            "A part of this run is no longer in the store. Run it again: what is still there "
            "is used."
        )
    return entry.array(name)


def _finite(value: Any) -> Any:
    return None if value is None or not math.isfinite(value) else value


def _short(value: np.floating) -> float:
    """A float32 as the float with the fewest digits that is the same float32."""
    return float(str(value))
