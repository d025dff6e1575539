"""The epochs: learning rate, early stopping, best weights, and going on where a run was killed."""

from __future__ import annotations

import json
import os
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.cnn.config import TrainConfig
from core.cnn.inputs import Feed
from core.cnn.runtime import import_keras
from core.store import Store

SAVED_EVERY = 5.0  # seconds; an epoch that is lost with a killed process is made again
SMOOTHING = 0.1  # of the labels while fine-tuning: a settled head leaves nothing else to learn
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
LEAST_GAIN = 1e-4  # a validation loss counts as lower from this difference on

KEPT = ("weights", "optimizer", "best", "start")  # arrays of a checkpoint

Epoch = dict[str, Any]  # epoch, phase, loss, accuracy, val_loss, val_accuracy, learning_rate, …


@dataclass
class Checkpoint:
    """A training that can go on: one file of the folder `training` of a store."""

    path: Path

    def save(self, phase: str, history: list[Epoch], arrays: dict[str, list[np.ndarray]]) -> None:
        """Keep the history, and the lists of arrays that `KEPT` names."""
        flat = {f"{name}_{i}": a for name, some in arrays.items() for i, a in enumerate(some)}
        about = json.dumps({"phase": phase, "history": history})
        flat["about"] = np.frombuffer(about.encode(), np.uint8)
        with Store(self.path.parent.parent).workspace() as folder:  # says what a full disk means
            self.path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(folder / "checkpoint.npz", allow_pickle=False, **flat)
            os.replace(folder / "checkpoint.npz", self.path)

    def load(self) -> tuple[str, list[Epoch], dict[str, list[np.ndarray]]]:
        """What was kept; empty where there is nothing, or nothing whole after a power cut."""
        try:
            with np.load(self.path, allow_pickle=False) as file:
                about = json.loads(file["about"].tobytes())
                arrays: dict[str, list[np.ndarray]] = {name: [] for name in KEPT}
                for name, some in arrays.items():
                    while f"{name}_{len(some)}" in file:
                        some.append(file[f"{name}_{len(some)}"])
            return about["phase"], about["history"], arrays
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return "", [], {}


def fit(
    learning: Any,
    train: Feed,
    validation: Feed,
    config: TrainConfig,
    phase: str,
    checkpoint: Checkpoint,
    report: Callable[[list[Epoch], float], None],
    earlier: Sequence[Epoch] = (),
) -> list[Epoch]:
    """Train a model until the validation loss falls no more; it ends with its best weights.

    After fine-tuning these are mixed with the weights it started from, see `mix`.

    The learning rate is halved whenever half the patience went by without a lower validation
    loss. Every epoch draws order, augmentation and dropout from the seed and its own number
    alone, so a run that was killed and resumed ends as one that was not.

    Parameters
    ----------
    report : told of the history after each epoch, and within epochs of the share done, 0 to 1;
        it may raise `Cancelled`
    earlier : the epochs of the phases before this one

    Returns
    -------
    list
        every epoch so far: those of `earlier`, then those of this phase
    """
    known_phase, known, arrays = checkpoint.load()
    history: list[Epoch] = []
    if known_phase == phase:
        earlier = [epoch for epoch in known if epoch["phase"] != phase]
        history = [epoch for epoch in known if epoch["phase"] == phase]
    state = _State(learning, config, 0.1 if phase == "fine_tune" else 1, arrays if history else {})
    measured = validation.in_order(max(config.batch_size, 64))
    saved = time.monotonic()
    assert config.epochs is not None
    while len(history) < config.epochs and not _is_over(history, config.patience):
        before, start = [*earlier, *history], time.perf_counter()
        batches = train.epoch(len(history), config.batch_size)
        epoch = state.learn(batches, measured, history, partial(report, before))
        took = time.perf_counter() - start
        history.append({"epoch": len(before) + 1, "phase": phase, **epoch, "seconds": took})
        if _best(history) == len(history) - 1:
            state.best = learning.get_weights()
        if time.monotonic() - saved > SAVED_EVERY:
            checkpoint.save(phase, [*earlier, *history], state.arrays())
            saved = time.monotonic()
        report([*earlier, *history], 0.0)
    learning.set_weights(state.best)
    if phase == "fine_tune":
        mix(learning, state.start, validation)
    return [*earlier, *history]


class _State:
    """A model and its optimizer between epochs; `best` are the weights to end with."""

    def __init__(
        self, model: Any, config: TrainConfig, share: float, arrays: dict[str, list[np.ndarray]]
    ) -> None:
        keras = import_keras()
        self._model, self._config = model, config
        self._rate = (config.learning_rate or 1e-3) * share
        self._optimizer = keras.optimizers.Adam(self._rate)
        loss = _smoothed(SMOOTHING if share < 1 else 0.0, int(model.output.shape[-1]))
        model.compile(self._optimizer, loss, weighted_metrics=["accuracy", _entropy()])
        self._optimizer.build(model.trainable_variables)
        self.best: list[np.ndarray] = model.get_weights()
        self.start = self.best
        if arrays:
            model.set_weights(arrays["weights"])
            for variable, value in zip(self._optimizer.variables, arrays["optimizer"], strict=True):
                variable.assign(value)
            self.best, self.start = arrays["best"], arrays["start"]

    def arrays(self) -> dict[str, list[np.ndarray]]:
        """All that going on needs."""
        optimizer = [variable.numpy() for variable in self._optimizer.variables]
        kept = (self._model.get_weights(), optimizer, self.best, self.start)
        return dict(zip(KEPT, kept, strict=True))

    def learn(
        self, batches: Any, measured: Any, history: list[Epoch], report: Callable[[float], None]
    ) -> Epoch:
        """One epoch; loss, accuracy, and both on the validation images after it."""
        config, number = self._config, len(history)
        halvings = _plateaus(history, max(2, config.patience // 2))
        self._optimizer.learning_rate = self._rate * 0.5**halvings
        _draw_anew(self._model, config.seed, number)
        logs = self._model.fit(
            batches,
            validation_data=measured,
            shuffle=False,  # the feed has drawn the order
            verbose=0,
            callbacks=[_heard(report)],
        ).history
        # The loss that is told is without smoothing, so that it can be compared between phases.
        told = {"loss": "cross_entropy", "accuracy": "accuracy",
                "val_loss": "val_cross_entropy", "val_accuracy": "val_accuracy"}  # fmt: skip
        epoch = {name: float(logs[log][-1]) for name, log in told.items()}
        return epoch | {"learning_rate": self._rate * 0.5**halvings}


def mix(model: Any, start: list[np.ndarray], validation: Feed) -> float:
    """Set a fine-tuned model's weights between those it started from and those it has.

    Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022: a mean of both is often
    better than either. The share of the fine-tuned weights, one of `SHARES`, is the one with the
    lowest validation loss; 0 means that fine-tuning has not helped.

    Returns
    -------
    float
        the share chosen
    """
    tuned = model.get_weights()
    measured = validation.in_order(64)
    losses = {}
    for share in SHARES:
        model.set_weights(_between(start, tuned, share))
        logs = model.evaluate(measured, verbose=0, return_dict=True)
        losses[share] = float(logs["cross_entropy"])
    best = min(losses, key=lambda share: (losses[share], share))
    model.set_weights(_between(start, tuned, best))
    return best


def _between(start: list[np.ndarray], tuned: list[np.ndarray], share: float) -> list[np.ndarray]:
    pairs = zip(start, tuned, strict=True)
    return [a + share * (b - a) if a.dtype.kind == "f" else b for a, b in pairs]


def _entropy() -> Any:
    return import_keras().metrics.SparseCategoricalCrossentropy(name="cross_entropy")


def _smoothed(smoothing: float, n_classes: int) -> Any:
    """The cross-entropy of labels of which a share is spread over all classes.

    Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016.
    """
    keras = import_keras()
    if not smoothing:
        return keras.losses.SparseCategoricalCrossentropy()
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing, reduction=None)

    def smoothed(labels: Any, probabilities: Any) -> Any:
        return loss(keras.ops.one_hot(labels, n_classes), probabilities)

    return smoothed


def _heard(report: Callable[[float], None]) -> Any:
    """A Keras callback that tells how much of an epoch is done."""

    class Heard(import_keras().callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            report((batch + 1) / max(self.params.get("steps") or 1, 1))

    return Heard()


def _draw_anew(model: Any, seed: int, number: int) -> None:
    """Set what dropout draws from, so that it depends on the epoch's number alone."""
    keras = import_keras()
    for i, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.Dropout) and hasattr(layer, "seed_generator"):
            layer.seed_generator.state.assign(np.array([(seed + i) % 2**32, number], np.uint32))


def _best(history: list[Epoch]) -> int:
    """The index of the epoch with the lowest validation loss; a later one must be clearly lower."""
    best = 0
    for i, epoch in enumerate(history):
        if epoch["val_loss"] < history[best]["val_loss"] - LEAST_GAIN:
            best = i
    return best


def _is_over(history: list[Epoch], patience: int) -> bool:
    return bool(history) and len(history) - 1 - _best(history) >= patience


def _plateaus(history: list[Epoch], patience: int) -> int:
    """How many times `patience` epochs went by without a lower validation loss."""
    count, best, waited = 0, float("inf"), 0
    for epoch in history:
        waited += 1
        if epoch["val_loss"] < best - LEAST_GAIN:
            best, waited = epoch["val_loss"], 0
        elif waited >= patience:
            count, waited = count + 1, 0
    return count
