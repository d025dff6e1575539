"""What the learning part of a network is fed: pixels, or what its frozen part makes of them.

A frozen layer says the same of an image in every epoch, so it is asked once and its answer kept
in the store. Augmentation behind it works on a few changed copies of each image ("views").
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core import executor
from core.cnn.augmentation import Augmentation
from core.cnn.config import TrainConfig
from core.cnn.networks import EMBEDDING
from core.cnn.runtime import import_keras, import_tensorflow
from core.events import Event, Listener
from core.keys import key_of, key_of_array
from core.store import Entry, Store
from core.types import Dataset

BATCH = 32  # images that go through a frozen part at once
PART = 1_024  # images that are decoded before they are written


@dataclass(frozen=True)
class Rows:
    """Some rows of an array (n, ...) that may lie on disk, read one by one."""

    values: np.ndarray
    rows: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape (m, ...)."""
        return (len(self.rows), *self.values.shape[1:])

    def __getitem__(self, index: int) -> np.ndarray:
        """One of the rows."""
        return np.asarray(self.values[self.rows[index]])


@dataclass(frozen=True)
class Feed:
    """Rows to learn from or to measure on, epoch by epoch.

    Attributes
    ----------
    views : each (m, ...), what the learning part takes of each row; later ones are changed copies
    labels : (m,) int
    rows : (m,) int, names of the rows, so that augmentation does not depend on their order
    weights : (C,) float, how much an image of each class counts
    augmentation : applied to pixels on the fly; None where the views hold the changes already
    """

    views: Sequence[Rows]
    labels: np.ndarray
    rows: np.ndarray
    weights: np.ndarray
    augmentation: Augmentation | None = None
    seed: int = 0

    def epoch(self, number: int, batch_size: int) -> Any:
        """One epoch in random order as a tf.data.Dataset of (x, label, weight) batches."""
        rng = np.random.default_rng([self.seed, number])
        order = rng.permutation(len(self.labels))
        view = rng.integers(len(self.views), size=len(order))
        return self._dataset(order, view, batch_size, number)

    def in_order(self, batch_size: int = BATCH) -> Any:
        """Every row once, unchanged."""
        m = len(self.labels)
        return self._dataset(np.arange(m), np.zeros(m, int), batch_size, None)

    def _dataset(
        self, order: np.ndarray, view: np.ndarray, batch_size: int, number: int | None
    ) -> Any:
        tf = import_tensorflow()
        steps = -(-len(order) // batch_size)

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
            for start in range(0, len(order), batch_size):
                at = order[start : start + batch_size]
                which = view[start : start + batch_size]
                x = np.stack([self.views[v][i] for v, i in zip(which, at, strict=True)])
                if self.augmentation is not None and number is not None:
                    x = self.augmentation.view(x, self.seed, number, self.rows[at])
                y = self.labels[at].astype(np.int32)
                yield x.astype(np.float32), y, self.weights[y].astype(np.float32)

        signature = (
            tf.TensorSpec((None, *self.views[0].shape[1:]), tf.float32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,), tf.float32),
        )
        dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
        return dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2)


def pixels(dataset: Dataset, size: int, store: Store, emit: Listener) -> np.ndarray:
    """Every image as (n, size, size, 3) uint8, decoded once and kept in the store."""
    key = key_of("pixels", 1, dataset.images_key, size)
    entry = store.get(key)
    if entry is None:
        report = _reporter(emit, "decode", "", key)
        with store.workspace() as folder:
            made = _OnDisk(folder / "values.npy", (len(dataset), size, size, 3), np.uint8)
            for some in _batches(len(dataset), PART):
                at = partial(_stack, dataset, size, np.asarray(some))
                for part in executor.map_batches(at, len(some)):
                    made.add(part)
                report(some.stop, len(dataset))
            entry = store.put(key, {"values": made.values()})
    return entry.array("values")


class _OnDisk:
    """An array (n, ...) written batch by batch, as those of many images fill any memory."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: Any) -> None:
        self._path, self._dtype = path, np.dtype(dtype)
        about = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, about)

    def add(self, rows: np.ndarray) -> None:
        """Write the next rows."""
        with self._path.open("ab") as file:
            file.write(rows.astype(self._dtype).tobytes())

    def values(self) -> np.ndarray:
        """The whole array, memory-mapped."""
        return np.load(self._path, mmap_mode="r", allow_pickle=False)


def _batches(n: int, length: int) -> Iterator[range]:
    return (range(start, min(start + length, n)) for start in range(0, n, length))


def _stack(dataset: Dataset, size: int | None, rows: np.ndarray, at: Sequence[int]) -> np.ndarray:
    """The images of some of the rows, (k, size, size, 3) uint8."""
    return np.stack([dataset.image(int(rows[i]), size, "rgb") for i in at])


def frozen_features(
    dataset: Dataset,
    config: TrainConfig,
    whole: Any,
    cuts: Mapping[str, Any],
    rows: np.ndarray,
    view: int,
    store: Store,
    emit: Listener,
) -> tuple[dict[str, np.ndarray], float]:
    """What the frozen layers say of some rows, for several cuts of a network in one pass.

    Parameters
    ----------
    cuts : names of layers and their tensors; pooled ones are kept in float32, maps in float16
    rows : (m,) the images asked for
    view : 0 for the images as they are, 1, 2, … for changed copies

    Returns
    -------
    dict
        for each cut (m, ...) memory-mapped
    float
        the seconds it took when it was computed
    """
    keys = {cut: _features_key(dataset, config, cut, rows, view) for cut in cuts}
    found = {cut: store.get(key) for cut, key in keys.items()}
    missing = [cut for cut, entry in found.items() if entry is None]
    if missing:
        start = time.perf_counter()
        wanted = {cut: cuts[cut] for cut in missing}
        with store.workspace() as folder:
            made = _described(dataset, config, whole, wanted, rows, view, emit, folder)
            seconds = time.perf_counter() - start
            for cut in missing:
                meta = {"seconds": seconds}
                found[cut] = store.put(keys[cut], {"values": made[cut].values()}, meta)
    entries: dict[str, Entry] = {c: e for c, e in found.items() if e is not None}
    took = max(float(entry.meta["seconds"]) for entry in entries.values())
    return {cut: entry.array("values") for cut, entry in entries.items()}, took


def _features_key(
    dataset: Dataset, config: TrainConfig, cut: str, rows: np.ndarray, view: int
) -> str:
    changed = None
    if view:
        assert config.augmentation is not None
        changed = [asdict(config.augmentation), config.seed, view]
    network = [config.backbone, config.start, config.size, cut]
    network += [config.seed] if config.weights == "random" else []
    return key_of(
        "frozen", 1, dataset.images_key, network, key_of_array(rows.astype(np.int64)), changed
    )


def _described(
    dataset: Dataset,
    config: TrainConfig,
    whole: Any,
    cuts: Mapping[str, Any],
    rows: np.ndarray,
    view: int,
    emit: Listener,
    folder: Path,
) -> dict[str, _OnDisk]:
    keras = import_keras()
    model = keras.Model(whole.input, list(cuts.values()))
    tf = import_tensorflow()
    call = tf.function(
        lambda x: model(x, training=False),
        input_signature=[tf.TensorSpec((None, *whole.input.shape[1:]), tf.float32)],
        autograph=False,
    )
    made = _files(cuts, len(rows), folder)
    name = config.backbone + (f", view {view}" if view else "")
    report = _reporter(emit, "frozen", name, "")

    def read(some: np.ndarray, at: Sequence[int]) -> np.ndarray:
        x = _stack(dataset, config.size, some, at)
        if view:
            assert config.augmentation is not None
            x = config.augmentation.view(x, config.seed, view, some[np.asarray(at)])
        return x

    for batch in _batches(len(rows), BATCH):
        parts = executor.map_batches(partial(read, rows[batch.start : batch.stop]), len(batch))
        outputs = call(tf.constant(np.concatenate(parts), tf.float32))
        for cut, output in zip(cuts, _listed(outputs), strict=True):
            made[cut].add(output.numpy())
        report(batch.stop, len(rows))
    return made


def _files(cuts: Mapping[str, Any], n: int, folder: Path) -> dict[str, _OnDisk]:
    files = {}
    for i, (cut, tensor) in enumerate(cuts.items()):
        kind = np.float32 if cut == EMBEDDING else np.float16
        files[cut] = _OnDisk(folder / f"{i}.npy", (n, *tensor.shape[1:]), kind)
    return files


def _listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def _reporter(emit: Listener, stage: str, name: str, key: str) -> Any:
    return lambda done, total: emit(Event(stage, "progress", name, done, total, key))
