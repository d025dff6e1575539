"""The autoencoder: how well it groups digits, and what its training costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

import numpy as np

from benchmarks import Table, scratch_store, shared_data
from benchmarks.quality import METRICS, table
from core.cnn.autoencoder_net import Autoencoder, Training
from core.cnn.runtime import import_keras
from core.datasets import open_dataset
from core.descriptors.autoencoder import Autoencoder as Descriptor
from core.events import Context
from core.runs import RunConfig
from core.store import Store
from core.types import Dataset, Source

NAME = "deep"
TITLE = "The autoencoder"
RUN = RunConfig("autoencoder", reducer="umap:n_components=10", clusterer="gaussian_mixture")
PLAIN = 3  # epochs of the plain fit that are timed, after one that is not


def measure(large: bool) -> list[Table]:
    """Digits; with `large` also MNIST's test set, where the folder of real data is there."""
    with scratch_store() as store:
        sets = list(_datasets(large, store))
        tables = [table(f"{title}: quality", data, [RUN], store, METRICS) for title, data in sets]
        rows = [_cost(title, data) for title, data in sets]
    columns = ("images", "epochs", "training", "all of the descriptor", "an epoch of ours")
    note = (
        "In epochs of a plain Keras `fit` of the same network on the same images, batch size and "
        f"optimiser (the median of {PLAIN}). Training includes compiling, the held-out error after "
        "each epoch and the random shifts; the whole descriptor also reads and describes."
    )
    return [*tables, Table("Cost of training", columns, rows, note)]


def _datasets(large: bool, store: Store) -> Iterator[tuple[str, Dataset]]:
    yield "Digits", open_dataset(Source("digits"), store)
    data = shared_data()
    if large and data is not None:
        source = Source("arrays", str(data / "mnist_t10k.npz"))
        yield "MNIST: 10,000 test digits", open_dataset(source, store)


def _cost(title: str, data: Dataset) -> tuple[str, ...]:
    made = Descriptor().resolve(data)
    made.load()
    images = np.stack([made.prepare(data, i) for i in range(len(data))])[..., None]
    how = Training(made.epochs or 1, made.batch_size, made.learning_rate, 2)
    start = time.perf_counter()
    history = Autoencoder(images.shape[1], 1, made.latent, 0).fit(images, how)
    training = time.perf_counter() - start
    plain = _plain_epoch(images, how, made.latent)
    start = time.perf_counter()
    made.extract(data, Context())
    whole = time.perf_counter() - start
    epochs = len(history.loss)
    return (
        f"{title}, {images.shape[1]} x {images.shape[2]}",
        str(epochs),
        *(f"{seconds / plain:.1f}" for seconds in (training, whole)),
        f"{training / epochs / plain:.2f}",
    )


def _plain_epoch(images: np.ndarray, how: Training, latent: int) -> float:
    """Seconds of one epoch of Keras's own loop, without anything beside."""
    keras = import_keras()
    keras.utils.set_random_seed(0)  # deterministic operations want one for shuffling
    model = Autoencoder(images.shape[1], images.shape[3], latent, 0).whole
    model.compile(keras.optimizers.Adam(how.learning_rate), "mse")
    x = images.astype(np.float32) / 255
    times = []
    for _ in range(PLAIN + 1):
        start = time.perf_counter()
        model.fit(x, x, batch_size=how.batch_size, epochs=1, verbose=0)
        times.append(time.perf_counter() - start)
    return median(times[1:])
