"""One training from images to a model in the store; nothing else knows its order.

split -> pixels or frozen features -> fit (head, then fine-tune) -> predictions -> artefact
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.cnn import artefact, card, evaluation, networks
from core.cnn.artefact import Artefact
from core.cnn.config import TrainConfig
from core.cnn.fitting import Checkpoint, Epoch, fit
from core.cnn.inputs import Feed, Rows, frozen_features, pixels
from core.cnn.runtime import import_keras, import_tensorflow
from core.cnn.splits import NAMES, Split, split_of
from core.events import Event, Listener, silent
from core.keys import key_of
from core.store import Store, move_new
from core.types import Dataset

VERSION = 2  # raise it when the same configuration gives another model
RECORDS = "trainings"  # how far each training is, for whoever looks on


def training_id(dataset: Dataset, config: TrainConfig) -> str:
    """The content key of a training: images, their names and place, classes, parts, settings.

    Names and place stand in the model's files, where Evaluate looks for the images.
    """
    split, settled = split_of(dataset, config), config.resolve(dataset)
    names = key_of(list(dataset.ids), dataset.source.to_json())
    given = [dataset.images_key, names, list(split.classes), split.key]
    return key_of("training", VERSION, *given, settled.to_json() | {"weights": settled.start})


def model_folder(store: Store, training: str) -> Path:
    """Where the store holds, or will hold, the model of a training."""
    return store.root / "models" / training


def train(
    dataset: Dataset,
    config: TrainConfig,
    store: Store,
    emit: Listener = silent,
    also: Sequence[str] = (),
) -> Artefact:
    """Train a model, unless the store holds it; a killed training goes on from its last epoch.

    Parameters
    ----------
    also : other models of the same backbone that are trained next ("fine_tune"): what they need
        of the frozen layers is computed in the same pass

    Raises
    ------
    InputError
        The images cannot be trained on (too few of a class), or the backbone has no weights.
    """
    training = training_id(dataset, config)
    folder = model_folder(store, training)
    if not (folder / artefact.MODEL).exists():
        _Training(dataset, config, training, store, emit, also).run()
    return artefact.read(folder)


class _Training:
    """The parts of one training."""

    def __init__(
        self,
        dataset: Dataset,
        config: TrainConfig,
        training: str,
        store: Store,
        emit: Listener,
        also: Sequence[str],
    ) -> None:
        self.dataset, self.asked, self.id = dataset, config, training
        self.config = config.resolve(dataset)
        self.store, self.emit = store, emit
        self.split: Split = split_of(dataset, config)
        self.needs_map = "fine_tune" in (config.model, *also)
        self.seconds = 0.0
        self.checkpoint = Checkpoint(store.root / "training" / f"{training}.npz")
        self.rows = np.flatnonzero(self.split.part >= 0)  # what is learnt from or measured on

    def run(self) -> None:
        """Train and write the model's folder."""
        self.emit(Event("train", "started", self.config.variant, key=self.id))
        if not self.checkpoint.path.is_file():  # else the curves so far stay in sight
            self._record([])
        net = networks.build(self.config, len(self.split.classes))
        if self.config.model == "scratch":
            views = [pixels(self.dataset, self.config.size or 0, self.store, self.emit)]
            history = self._fit(net.learning, views, self.config, "scratch")
            embedding = self._embedding(net.whole, net.whole.input, views[0])
            probabilities = self._outputs(net.learning, views[0])
        else:
            history, embedding, probabilities = self._behind_frozen(net)
        self.seconds += sum(epoch["seconds"] for epoch in history)
        self._write(net.whole, history, embedding, probabilities)
        self.checkpoint.path.unlink(missing_ok=True)
        self.emit(Event("train", "computed", self.config.variant, key=self.id))

    def _behind_frozen(self, net: networks.Network) -> tuple[list[Epoch], np.ndarray, np.ndarray]:
        """Train the head on pooled features; to fine-tune, then the last blocks on their maps."""
        keras = import_keras()
        pooled = net.whole.get_layer(networks.EMBEDDING).output
        cuts = {networks.EMBEDDING: pooled}
        if self.needs_map:
            tuned = dataclasses.replace(self.config, model="fine_tune")
            cuts["map"] = networks.cut(tuned, net.whole)
        views = self._views(net.whole, cuts)
        history: list[Epoch] = []
        if self.checkpoint.load()[0] != "fine_tune":
            head = keras.Model(pooled, net.whole.output, name="head")
            config = dataclasses.replace(self.asked, model="transfer").resolve(self.dataset)
            history = self._fit(head, views[networks.EMBEDDING], config, "head")
        if self.config.model == "transfer":
            plain = views[networks.EMBEDDING][0]
            return history, np.asarray(plain), self._outputs(net.learning, plain)
        maps = views["map"]
        history = self._fit(net.learning, maps, self.config, "fine_tune", history)
        embedding = self._embedding(net.whole, cuts["map"], maps[0])
        return history, embedding, self._outputs(net.learning, maps[0])

    def _views(self, whole: Any, cuts: dict[str, Any]) -> dict[str, list[np.ndarray]]:
        """For each cut: what the frozen layers make of all rows, and of copies to learn from."""
        views: dict[str, list[np.ndarray]] = {cut: [] for cut in cuts}
        learnt = self.rows if self.config.folds else self.split.rows(0)
        count = self.config.views if self.config.augment else 0
        for view in range(count + 1):
            rows = learnt if view else self.rows
            made, seconds = frozen_features(
                self.dataset, self.config, whole, cuts, rows, view, self.store, self.emit
            )
            self.seconds += seconds
            for cut in cuts:
                views[cut].append(made[cut])
        return views

    def _fit(
        self,
        learning: Any,
        views: Sequence[np.ndarray],
        config: TrainConfig,
        phase: str,
        earlier: Sequence[Epoch] = (),
    ) -> list[Epoch]:
        def report(history: list[Epoch], share: float) -> None:
            if not share:
                self._record(history)
            own = sum(epoch["phase"] == phase for epoch in history)
            done, total = round(100 * (own + share)), 100 * (config.epochs or 1)
            name = f"{self.config.variant}: {PHASES[phase]}"
            self.emit(Event("train", "progress", name, min(done, total), total, self.id))

        train, validation = self._feed(views, 0, config), self._feed(views[:1], 1, config)
        history = fit(learning, train, validation, config, phase, self.checkpoint, report, earlier)
        return history

    def _feed(self, views: Sequence[np.ndarray], part: int, config: TrainConfig) -> Feed:
        """The rows of a part. The first view has all of `rows`, the others those learnt from."""
        wanted = self.split.rows(part)
        learnt = self.rows if config.folds else self.split.rows(0)
        own = np.arange(len(self.dataset)) if config.model == "scratch" else self.rows
        bases = [own, *([learnt] * (len(views) - 1))]
        picked = [Rows(v, np.searchsorted(b, wanted)) for v, b in zip(views, bases, strict=True)]
        labels = self.split.labels[wanted]
        changed = config.augmentation if config.model == "scratch" and part == 0 else None
        weights = self._class_weights(labels) if part == 0 else np.ones(len(self.split.classes))
        return Feed(picked, labels, wanted, weights, changed, config.seed)

    def _class_weights(self, labels: np.ndarray) -> np.ndarray:
        """Weight each class by n / (C n_c), as scikit-learn's "balanced", or ones."""
        counts = np.bincount(labels, minlength=len(self.split.classes))
        if not self.config.class_weights:
            return np.ones(len(counts))
        return len(labels) / (len(counts) * np.maximum(counts, 1))

    def _outputs(self, model: Any, view: np.ndarray) -> np.ndarray:
        """What a model makes of every row that is used, (n_used, d) float32."""
        every = np.arange(len(view)) if len(view) == len(self.rows) else self.rows
        labels = np.zeros(len(self.rows), np.int32)
        feed = Feed([Rows(view, every)], labels, self.rows, np.ones(1))
        tf = import_tensorflow()
        call = tf.function(lambda x: model(x, training=False), autograph=False)
        return np.concatenate([call(x).numpy() for x, _, _ in feed.in_order()])

    def _embedding(self, whole: Any, start: Any, view: np.ndarray) -> np.ndarray:
        embedding = whole.get_layer(networks.EMBEDDING).output
        return self._outputs(import_keras().Model(start, embedding), view)

    def _record(self, history: list[Epoch]) -> None:
        facts = {"config": self.config.to_json(), "history": history, "epochs": self.config.epochs}
        facts |= {"source": self.dataset.source.to_json()}
        self.store.save_record(RECORDS, self.id, facts)

    def _write(
        self, whole: Any, history: list[Epoch], embedding: np.ndarray, probabilities: np.ndarray
    ) -> None:
        split = self.split
        labels, part = split.labels[self.rows], split.part[self.rows]
        ids = [self.dataset.ids[row] for row in self.rows]
        about = {
            "dataset": self.dataset.name,
            "images_key": self.dataset.images_key,
            "source": self.dataset.source.to_json(),
            "notes": list(split.notes),
        }
        metrics = self._metrics(whole, labels, part, probabilities)
        with self.store.workspace() as folder:
            artefact.write(folder, whole, split.classes, self.config, about, metrics, history)
            names = np.array(NAMES)[part]
            file = folder / artefact.PREDICTIONS
            evaluation.write_predictions(file, ids, names, labels, probabilities, split.classes)
            judged = evaluation.read_predictions(file)
            confusion = judged.confusion("test")
            evaluation.write_confusion(folder / artefact.CONFUSION, confusion, split.classes)
            text = card.text(self.config, about, metrics, split.classes, judged)
            (folder / artefact.CARD).write_text(text, "utf-8")
            np.save(folder / "embedding.npy", embedding.astype(np.float32), allow_pickle=False)
            move_new(folder, model_folder(self.store, self.id))

    def _metrics(
        self, whole: Any, labels: np.ndarray, part: np.ndarray, probabilities: np.ndarray
    ) -> dict[str, Any]:
        from sklearn.metrics import f1_score

        predicted = probabilities.argmax(axis=1)
        right = predicted == labels
        shares = [float(right[part == p].mean()) for p in range(3)]
        counts = np.bincount(part, minlength=3)
        test = part == 2
        return {
            "accuracy": shares[2],
            "macro_f1": float(f1_score(labels[test], predicted[test], average="macro")),
            "train_accuracy": shares[0],
            "validation_accuracy": shares[1],
            "gap": shares[0] - shares[1],
            **{f"n_{name}": int(counts[p]) for p, name in enumerate(NAMES)},
            "seconds": self.seconds,
            "parameters": int(whole.count_params()),
        }


PHASES = {"scratch": "learning", "head": "learning the new layer", "fine_tune": "fine-tuning"}
