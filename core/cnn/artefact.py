"""A trained model as a folder of plain files, written once and read without trust.

`model.keras` is an ordinary Keras file, so that others can open it with Keras alone. Facette
itself never builds what such a file describes: it rebuilds the network from `config.json`, whose
values are checked, and takes only arrays from the file. So a foreign file can do no more than be
refused.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core import __version__
from core.cnn import keras_file
from core.cnn.config import TrainConfig
from core.errors import InputError, printable
from core.keys import key_of, key_of_bytes

FORMAT = 1
MODEL, CLASSES, CONFIG, METRICS = "model.keras", "classes.json", "config.json", "metrics.json"
HISTORY, CONFUSION, PREDICTIONS, CARD = (
    "history.csv", "confusion.csv", "predictions.csv", "card.md",
)  # fmt: skip
FILES = (MODEL, CLASSES, CONFIG, METRICS, HISTORY, CONFUSION, PREDICTIONS, CARD)
MOST_CLASSES = 10_000
MOST_JSON = 10_000_000  # bytes


@dataclass(frozen=True)
class Artefact:
    """A trained model's folder, without TensorFlow.

    Attributes
    ----------
    folder : where its files are
    classes : the names of the classes, in the order of the probabilities
    config : what was asked, settled for its images
    metrics : accuracy, macro_f1, n_train, n_validation, n_test, seconds, parameters, …
    about : what else config.json holds: "dataset", "source", "split", "notes"
    """

    folder: Path
    classes: tuple[str, ...]
    config: TrainConfig
    metrics: Mapping[str, Any]
    about: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The name of the folder: in the store the content key of the training."""
        return self.folder.name

    @property
    def name(self) -> str:
        """The model in words: "Fine-tuned efficientnet_lite0, augmented"."""
        fold = f", fold {self.config.fold + 1} of {self.config.folds}" if self.config.folds else ""
        return self.config.name + fold

    @cached_property
    def content(self) -> str:
        """Content key of what predictions depend on: the weights, the network, the classes."""
        with (self.folder / MODEL).open("rb") as file:
            weights = key_of_bytes(iter(lambda: file.read(1 << 20), b""))
        return key_of("model", FORMAT, weights, self.config.to_json(), list(self.classes))

    def history(self) -> list[dict[str, Any]]:
        """The epochs, each with epoch, phase, loss, accuracy, val_loss, val_accuracy and more."""
        try:
            rows = csv.DictReader(io.StringIO((self.folder / HISTORY).read_text("utf-8")))
            return [{k: v if k == "phase" else float(v) for k, v in row.items()} for row in rows]
        except (OSError, ValueError, TypeError) as error:
            raise _not_ours(self.folder, f"{HISTORY} cannot be read ({printable(error)})") from None


def read(folder: Path | str) -> Artefact:
    """The model in a folder.

    Raises
    ------
    InputError
        There is no such folder, or what lies in it is not a model that Facette has written.
    """
    folder = Path(folder)
    if not folder.is_dir():
        hint = _legacy(folder)
        raise InputError(
            f"model: got {printable(folder)}, allowed is the folder of a model. {hint}"
        )
    for name in (MODEL, CLASSES, CONFIG):
        if not (folder / name).is_file():
            raise _not_ours(folder, f"{name} is missing")
    about, classes = _json(folder / CONFIG), _json(folder / CLASSES)
    metrics = _json(folder / METRICS) if (folder / METRICS).is_file() else {}
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise _not_ours(folder, f"{CONFIG} is not of format {FORMAT}")
    good = isinstance(classes, list) and 2 <= len(classes) <= MOST_CLASSES
    if not good or not all(isinstance(n, str) for n in classes) or len({*classes}) < len(classes):
        raise _not_ours(folder, f"{CLASSES} is not a list of at least 2 different names")
    if not isinstance(metrics, dict):
        raise _not_ours(folder, f"{METRICS} is not whole")
    try:
        config = TrainConfig.from_json(about.pop("config"))
    except (KeyError, TypeError, AttributeError):
        raise _not_ours(folder, f"{CONFIG} is not whole") from None
    if config.size is None:
        raise _not_ours(folder, f"{CONFIG} is not whole")
    return Artefact(folder, tuple(classes), config, metrics, about)


def write(
    folder: Path,
    whole: Any,
    classes: Sequence[str],
    config: TrainConfig,
    about: Mapping[str, Any],
    metrics: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
) -> None:
    """Write the files of a model but for its predictions; the same model gives the same bytes."""
    keras_file.save(whole, folder / MODEL)
    facts = {"format": FORMAT, "facette": __version__, "name": config.name, **about}
    files: dict[str, Any] = {
        CLASSES: list(classes), CONFIG: {**facts, "config": config.to_json()}, METRICS: metrics,
    }  # fmt: skip
    for name, value in files.items():
        text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        (folder / name).write_text(text + "\n", "utf-8")
    with (folder / HISTORY).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]) if history else ["epoch"])
        writer.writeheader()
        writer.writerows(history)


class Classifier:
    """A trained model that predicts. Made by `load`; imports TensorFlow."""

    def __init__(self, artefact: Artefact, whole: Any) -> None:
        from core.cnn.runtime import import_tensorflow

        self.artefact, self.whole = artefact, whole
        self.classes, self.name = artefact.classes, artefact.name
        assert artefact.config.size is not None
        self.size: int = artefact.config.size
        tf = import_tensorflow()
        shape = [tf.TensorSpec((None, self.size, self.size, 3), tf.float32)]
        self._call = tf.function(
            lambda x: whole(x, training=False), input_signature=shape, autograph=False
        )

    def inputs(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Images of any size, (h, w) or (h, w, 3) uint8, as the network takes them."""
        from core.images import fitted

        if not len(images):
            return np.empty((0, self.size, self.size, 3), np.float32)
        return np.stack([fitted(i, self.size, "rgb", "square") for i in images]).astype(np.float32)

    def predict(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Probabilities (n, C) float32 of images (h, w) or (h, w, 3) uint8; rows sum to 1."""
        x = self.inputs(images)
        parts = [self._call(x[i : i + 32]).numpy() for i in range(0, len(x), 32)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.classes)), np.float32)

    def embed(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """What the penultimate layer says, (n, d) float32."""
        x = self.inputs(images)
        parts = [self._embedding(x[i : i + 32]).numpy() for i in range(0, len(x), 32)]
        width = self.whole.get_layer("embedding").output.shape[-1]
        return np.concatenate(parts) if parts else np.empty((0, width), np.float32)

    @cached_property
    def _embedding(self) -> Any:
        from core.cnn.runtime import import_keras, import_tensorflow

        tf = import_tensorflow()
        layer = self.whole.get_layer("embedding")
        model = import_keras().Model(self.whole.input, layer.output)
        shape = [tf.TensorSpec((None, self.size, self.size, 3), tf.float32)]
        return tf.function(
            lambda x: model(x, training=False), input_signature=shape, autograph=False
        )

    def heat(
        self, image: np.ndarray, class_index: int, shape: tuple[int, int] | None = None
    ) -> np.ndarray:
        """Where the network looks for a class: Grad-CAM, (h, w) float32 0..1.

        `shape` is the height and width wanted, by default those of the image.
        """
        from core.cnn.gradcam import grad_cam

        inputs = self.inputs([image])
        return grad_cam(self.whole, inputs, class_index, shape or image.shape[:2])


def load(folder: Path | str) -> Classifier:
    """The model of a folder, ready to predict.

    Raises
    ------
    InputError
        The folder is not such a model, or its weights do not fit its configuration.
    """
    from core.cnn import networks

    artefact = read(folder)
    whole = networks.build(artefact.config, len(artefact.classes), pretrained=False).whole
    try:
        keras_file.load_weights(whole, artefact.folder / MODEL)
    except ValueError as error:
        raise _not_ours(artefact.folder / MODEL, f"its weights cannot be used ({error})") from None
    return Classifier(artefact, whole)


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > MOST_JSON:
            raise _not_ours(path.parent, f"{path.name} is too large")
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _not_ours(path.parent, f"{path.name} cannot be read ({printable(error)})") from None


def _not_ours(path: Path, why: str) -> InputError:
    return InputError(
        f"{printable(path)} is not a model that Facette has written: {why}. "
        "Train one on the Train page, or with python -m core train."
    )


def _legacy(path: Path) -> str:
    if path.suffix.lower() in (".h5", ".hdf5", ".keras", ".pb", ".pkl", ".pt", ".pth"):
        return (
            f"A single {path.suffix} file can hold code and does not say its classes, so it is "
            "not opened: train the model anew."
        )
    return "Train one on the Train page, or with python -m core train."
