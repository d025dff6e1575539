"""The order of the stages, and nothing else knows it.

descriptors -> combine -> outliers -> reduce (and the map) -> cluster -> metrics

Each stage is asked for by its content key; only what the store does not hold is computed, and
only what that needs is read. So moving k computes clusters and metrics, and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property

import numpy as np

from core import registry
from core.choose_k import best_k
from core.combine import combine
from core.components import Clusterer, Descriptor, Reducer
from core.errors import FacetteError, InputError, input_error
from core.events import Context, Event, Listener, silent
from core.keys import key_of, key_of_array
from core.metrics import compute, silhouette_values
from core.placing import place
from core.runs import Comparison, Keys, RunConfig, RunResult
from core.stages import Computed, Stages
from core.store import Entry, Store
from core.types import (
    OUTLIER,
    UNLABELLED,
    Dataset,
    FeatureBlock,
    FeatureMatrix,
    Partition,
)


def run(dataset: Dataset, config: RunConfig, store: Store, emit: Listener = silent) -> RunResult:
    """Carry out one run; what the store holds already is not computed again.

    Raises `InputError` for what the user can mend (k larger than n), `FacetteError` when a
    stage fails, and passes on `Cancelled` from `emit`; finished stages stay in the store.
    """
    return _Run(dataset, config, store, emit).result()


def stored(dataset: Dataset, config: RunConfig, store: Store) -> RunResult | None:
    """The result of a run that the store holds, or None. Computes nothing."""
    return _Run(dataset, config, store, silent).stored()


def keys_of(dataset: Dataset, config: RunConfig) -> Keys:
    """Where the store holds, or will hold, each stage of a run."""
    return _Run(dataset, config, Store(), silent).keys


def result_key(dataset: Dataset, config: RunConfig) -> str:
    """Where the store holds, or will hold, the summary of a finished run."""
    return _Run(dataset, config, Store(), silent).result_key


def matrix(
    dataset: Dataset, config: RunConfig, store: Store, emit: Listener = silent
) -> FeatureMatrix:
    """The combined matrix (n, D) of a run, before outliers are left out."""
    return _Run(dataset, config, store, emit).feature_matrix()


def compare(
    dataset: Dataset,
    comparison: Comparison,
    store: Store,
    emit: Listener = silent,
    on_result: Callable[[int, RunResult], None] = lambda index, result: None,
) -> tuple[list[RunResult], list[tuple[RunConfig, FacetteError]]]:
    """Carry out every run of a comparison, in its order.

    Returns the finished runs, and those that failed with the reason; one failure does not stop
    the others. `on_result` is told of each finished run and of its place in the order.
    """
    configs = comparison.configs()
    _check_weights(comparison)
    for config in configs:  # a wrong name or parameter is said before anything is computed
        _Run(dataset, config, store, emit).check()
    finished, failed = [], []
    for index, config in enumerate(configs):
        emit(Event("run", "progress", config.descriptor, done=index, total=len(configs)))
        try:
            result = run(dataset, config, store, emit)
        except FacetteError as error:
            emit(Event("run", "failed", config.descriptor, message=str(error)))
            failed.append((config, error))
        else:
            on_result(index, result)
            finished.append(result)
    emit(Event("run", "progress", done=len(configs), total=len(configs)))
    return finished, failed


def _check_weights(comparison: Comparison) -> None:
    weights = comparison.weights
    sizes = {len(registry.parse_signature(text)) for text in comparison.descriptors} - {1}
    if weights is not None and len(weights) not in sizes:
        allowed = " or ".join(map(str, sorted(sizes))) or "none, for no descriptors are joined"
        raise input_error("number of weights", len(weights), allowed)


class _Run:
    """One run's components, keys and stages."""

    def __init__(self, dataset: Dataset, config: RunConfig, store: Store, emit: Listener) -> None:
        self.dataset, self.config, self.store = dataset, config, store
        self._stages = Stages(store, emit, config.seed, dataset.ids)
        signature = registry.parse_signature(config.descriptor)
        self.descriptors: tuple[Descriptor, ...] = tuple(d.resolve(dataset) for d in signature)
        self.outliers = registry.parse_outliers(config.outliers)
        self.reducer = registry.parse_reducer(config.reducer)
        self.map_reducer = _map_reducer(self.reducer, config.map)
        self.clusterer, self.k_chosen_by = self._with_k(registry.parse_clusterer(config.clusterer))

    def check(self) -> None:
        """Raise for what can be seen to be wrong before anything is computed."""
        n, weights = len(self.dataset), self.config.weights
        if n < 2:
            raise input_error(
                f"images in {self.dataset.name}", n, "at least 2", "Add images to group them."
            )
        if (
            weights is not None
            and len(self.descriptors) > 1
            and len(weights) != len(self.descriptors)
        ):
            raise input_error(
                "weights", len(weights), f"{len(self.descriptors)}, one for each descriptor"
            )
        k = getattr(self.clusterer, "n_clusters", None)
        if k is not None and k > n:
            raise input_error(
                "n_clusters", k, f"at most {n}, the number of images", "Choose a smaller k."
            )

    def _with_k(self, clusterer: Clusterer) -> tuple[Clusterer, str]:
        if not clusterer.has_k:
            return clusterer, "the method"
        if clusterer.n_clusters is not None:  # type: ignore[attr-defined]
            return clusterer, "the user"
        k = n_classes(self.dataset)
        if k < 2:
            return clusterer, "silhouette"
        chosen = dataclasses.replace(clusterer, n_clusters=k)  # type: ignore[call-arg]
        return chosen, "the number of classes"

    @cached_property
    def keys(self) -> Keys:
        """The content key of each stage."""
        config, seed = self.config, self.config.seed
        blocks = tuple(
            key_of("block", self.dataset.images_key, d.identity(seed)) for d in self.descriptors
        )
        how = [config.scale, config.weights, config.block_pca]
        alone = len(blocks) == 1 and config.scale is None and config.block_pca is None
        matrix = blocks[0]
        if not alone:
            matrix = key_of("matrix", 1, blocks, how, seed if how[2] else 0)
        outliers = key_of("outliers", matrix, self.outliers.identity(seed))
        reduced = self._reduced_key(self.reducer, matrix, outliers)
        k_seed = seed if self.k_chosen_by == "silhouette" else 0  # it draws rows to measure on
        how_many = [self.k_chosen_by, k_seed]
        labels = key_of("labels", reduced, outliers, self.clusterer.identity(seed), how_many)
        classes = "" if self.dataset.labels is None else key_of_array(self.dataset.labels)
        return Keys(
            blocks=blocks,
            matrix=matrix,
            outliers=outliers,
            reduced=reduced,
            map=key_of("map", 1, self._reduced_key(self.map_reducer, matrix, outliers)),
            labels=labels,
            metrics=key_of("metrics", 2, labels, classes, seed),
        )

    def _reduced_key(self, reducer: Reducer, matrix: str, outliers: str) -> str:
        if reducer.name == "none":
            return matrix
        return key_of("reduced", matrix, outliers, reducer.identity(self.config.seed))

    @property
    def result_key(self) -> str:
        """The key of the finished run: all that it was made of."""
        return key_of("result", 1, dataclasses.asdict(self.keys))

    def stored(self) -> RunResult | None:
        """The finished run, if the store holds it."""
        entry = self.store.get(self.result_key)
        keys = self.keys
        stages = (keys.outliers, keys.reduced, keys.map, keys.labels, keys.metrics)
        if entry is None or not all(self.store.has(key) for key in stages):
            return None
        self.store.touch(*stages)
        meta = dict(entry.meta)
        notes = tuple(meta.pop("notes"))
        return RunResult(config=self.config, keys=self.keys, notes=notes, **meta)

    def result(self) -> RunResult:
        """The finished run, computed where needed."""
        self.check()
        metrics = self.metrics()
        labels, reduced, drawn = self.labels(), self.reduced(), self.map()
        known = self.stored()
        if known is not None:
            return known
        entries = {self.keys.metrics: metrics, self.keys.labels: labels, self.keys.map: drawn}
        entries[self.keys.reduced] = reduced
        for key in (*self.keys.blocks, self.keys.matrix, self.keys.outliers):
            entry = self.store.get(key)
            if entry is not None:
                entries[key] = entry
        notes = [note for e in reversed(entries.values()) for note in e.meta.get("notes", ())]
        meta = {
            "n_images": len(self.dataset),
            "n_clusters": labels.meta["n_clusters"],
            "metrics": metrics.meta["metrics"],
            "seconds": sum(e.meta.get("seconds", 0.0) for e in entries.values()),
            "about": labels.meta["about"],
            "notes": list(dict.fromkeys(notes)),
        }
        self.store.put(self.result_key, meta=meta)
        result = self.stored()
        assert result is not None  # just written
        return result

    def feature_matrix(self) -> FeatureMatrix:
        """The combined matrix, with the columns of each block."""
        entry = self._matrix()
        values = entry.array("values")
        whole = {self.descriptors[0].name: (0, values.shape[1])}
        slices = entry.meta.get("slices", whole)
        return FeatureMatrix(values, {name: (a, b) for name, (a, b) in slices.items()})

    def _block(self, descriptor: Descriptor, key: str) -> Entry:
        def work(context: Context) -> Computed:
            block = descriptor.extract(self.dataset, context)
            n = len(self.dataset)
            if block.values.ndim != 2 or len(block.values) != n:
                raise FacetteError(
                    f"{descriptor.name} gave an array of shape {block.values.shape} "
                    f"for {n} images; it must give one row an image."
                )
            learnt = {f"learnt_{name}": array for name, array in block.arrays.items()}
            meta = {"notes": list(block.notes), "learnt": list(block.arrays)}
            return {"values": block.values, **learnt}, meta

        return self._stages.entry("block", key, descriptor.spec(), work, descriptor.load)

    def _matrix(self) -> Entry:
        if self.keys.matrix == self.keys.blocks[0]:
            return self._block(self.descriptors[0], self.keys.matrix)

        def work(context: Context) -> Computed:
            blocks = [
                (descriptor.name, FeatureBlock(self._block(descriptor, key).array("values")))
                for descriptor, key in zip(self.descriptors, self.keys.blocks, strict=True)
            ]
            c = self.config
            weights = c.weights if len(blocks) > 1 else None
            joined = combine(blocks, c.scale, weights, c.block_pca, context.seed)
            slices = {name: list(columns) for name, columns in joined.slices.items()}
            return {"values": joined.values}, {"slices": slices}

        return self._stages.entry("matrix", self.keys.matrix, self.config.descriptor, work)

    def _mask(self) -> np.ndarray:
        def work(context: Context) -> Computed:
            X = self._matrix().array("values")
            mask = np.asarray(self.outliers.outliers(X, context), bool)
            if len(mask) - mask.sum() < 2:
                raise InputError(f"{self.outliers.name} left fewer than 2 images; use none.")
            return {"mask": mask}, {"n_outliers": int(mask.sum())}

        entry = self._stages.entry("outliers", self.keys.outliers, self.outliers.spec(), work)
        return np.asarray(entry.array("mask"))

    def reduced(self) -> Entry:
        """The matrix that is clustered: one row an image, outliers placed among the rest."""
        if self.reducer.name == "none":
            return self._matrix()

        def work(context: Context) -> Computed:
            return {"values": self._embedding(self.reducer, context)}, {}

        name, load = self.reducer.spec(), self.reducer.load
        return self._stages.entry("reduced", self.keys.reduced, name, work, load)

    def map(self) -> Entry:
        """The three coordinates to look at."""

        def work(context: Context) -> Computed:
            if self.map_reducer == self.reducer:
                values = np.asarray(self.reduced().array("values"))
            else:
                values = self._embedding(self.map_reducer, context)
            missing = 3 - values.shape[1]  # few images have few dimensions
            return {"values": np.pad(values, ((0, 0), (0, missing)))}, {}

        name, load = self.map_reducer.spec(), self.map_reducer.load
        return self._stages.entry("map", self.keys.map, name, work, load)

    def _embedding(self, reducer: Reducer, context: Context) -> np.ndarray:
        X, mask = self._matrix().array("values"), self._mask()
        kept = np.asarray(X[~mask]) if mask.any() else np.asarray(X)
        embedding = np.asarray(reducer.reduce(kept, context), np.float32)
        if not mask.any():
            return embedding
        values = np.empty((len(X), embedding.shape[1]), np.float32)
        values[~mask] = embedding
        values[mask] = place(kept, embedding, np.asarray(X[mask]))
        return values

    def labels(self) -> Entry:
        """The clusters: -1 for noise, -2 for an outlier; and the distance to the own centre."""

        def work(context: Context) -> Computed:
            X, mask = np.asarray(self.reduced().array("values")), self._mask()
            partition = self._partition(X[~mask] if mask.any() else X, context)
            labels = np.full(len(X), OUTLIER, np.int32)
            labels[~mask] = partition.labels
            n_clusters = len(np.unique(labels[labels >= 0]))
            arrays = {f"fit_{name}": array for name, array in partition.arrays.items()}
            arrays |= {"labels": labels, "distance": distance_to_centre(X, labels)}
            about = {**partition.about, "k_chosen_by": self.k_chosen_by}
            notes = list(partition.notes)
            nan_allowed = ["distance", *(name for name in arrays if name.startswith("fit_"))]
            meta = {"n_clusters": n_clusters, "about": about, "notes": notes}
            return arrays, {**meta, "nan_allowed": nan_allowed}

        return self._stages.entry("labels", self.keys.labels, self.clusterer.spec(), work)

    def _partition(self, X: np.ndarray, context: Context) -> Partition:
        k = getattr(self.clusterer, "n_clusters", None)
        if k is not None and self.k_chosen_by == "the number of classes" and k > len(X):
            raise InputError(
                f"There are {k} classes, and only {len(X)} images are left to group. "
                "Give n_clusters a smaller value, or leave out fewer outliers."
            )
        if self.k_chosen_by != "silhouette":
            return self.clusterer.cluster(X, context)
        partition, scores = best_k(self.clusterer, X, context)
        k = len(np.unique(partition.labels[partition.labels >= 0]))
        note = f"k = {k} has the best silhouette of k from {min(scores)} to {max(scores)}."
        about = {**partition.about, "silhouette_by_k": {str(k): s for k, s in scores.items()}}
        return dataclasses.replace(partition, about=about, notes=(*partition.notes, note))

    def metrics(self) -> Entry:
        """Every metric, and the silhouette of each row where there are few enough."""

        def work(context: Context) -> Computed:
            X = np.asarray(self.reduced().array("values"))
            labels = np.asarray(self.labels().array("labels"))
            rows = silhouette_values(X, labels, context.seed)
            values = compute(self.dataset.labels, labels, X, context.seed, rows)
            arrays = {"silhouette": rows.astype(np.float32)}
            return arrays, {"metrics": values, "nan_allowed": list(arrays)}

        return self._stages.entry("metrics", self.keys.metrics, self.clusterer.spec(), work)


def n_classes(dataset: Dataset) -> int:
    """How many classes have at least one image; 0 for unlabelled data."""
    if dataset.labels is None:
        return 0
    return len(np.unique(dataset.labels[dataset.labels != UNLABELLED]))


def distance_to_centre(X: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n,) float32 Euclidean distance to the mean of the row's cluster; NaN outside clusters."""
    distance = np.full(len(X), np.nan, np.float32)
    for cluster in np.unique(labels[labels >= 0]):
        rows = labels == cluster
        members = X[rows].astype(np.float64)
        distance[rows] = np.linalg.norm(members - members.mean(axis=0), axis=1)
    return distance


def _map_reducer(reducer: Reducer, wanted: str | None) -> Reducer:
    if wanted is not None and wanted != reducer.name:
        made = registry.create("reducer", wanted, {"n_components": 3})
        assert isinstance(made, Reducer)
        return made
    return reducer.for_map() or _map_reducer(reducer, "pca")
