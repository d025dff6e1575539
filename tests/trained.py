"""Models whose files are written by hand for tests: what they say of every image is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from core.cnn.evaluation import read_predictions, write_confusion, write_predictions

EPOCHS = [
    # epoch, phase, loss, accuracy, val_loss, val_accuracy, learning_rate, seconds
    "1,head,0.9,0.6,0.8,0.7,0.001,1.5", "2,head,0.5,0.8,0.6,0.8,0.001,1.5",
    "3,fine_tune,0.2,0.95,0.4,0.9,0.0001,3.0",
]  # fmt: skip


def model_folder(home, key, dataset, probabilities, config, names=None) -> Path:
    """The files of a model in a store, as a training writes them, with these answers.

    Every image in four is for training, the next for validation, the other two for the test.
    """
    folder = home / "models" / key
    folder.mkdir(parents=True)
    classes, labels = list(names or dataset.class_names), dataset.labels
    split = np.array(["train", "validation", "test", "test"])[np.arange(len(dataset)) % 4]
    about = {
        "format": 1, "facette": "0", "name": config.name, "dataset": dataset.name,
        "source": dataset.source.to_json(), "images_key": dataset.images_key,
        "config": config.to_json(),
    }  # fmt: skip
    for name, values in (("classes", classes), ("config", about), ("metrics", {"accuracy": 0.9})):
        (folder / f"{name}.json").write_text(json.dumps(values))
    header = "epoch,phase,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds"
    (folder / "history.csv").write_text("\n".join([header, *EPOCHS]) + "\n")
    (folder / "card.md").write_text("# A card\n")
    (folder / "model.keras").write_bytes(b"weights")
    file = folder / "predictions.csv"
    write_predictions(file, dataset.ids, split, labels, probabilities, classes)
    write_confusion(folder / "confusion.csv", read_predictions(file).confusion(), classes)
    return folder


def answers(dataset, wrong=(), sure=0.9) -> np.ndarray:
    """Probabilities that name every image right but for these rows, named the next class."""
    n, classes = len(dataset), len(dataset.class_names)
    said = np.array(dataset.labels)
    said[list(wrong)] = (said[list(wrong)] + 1) % classes
    p = np.full((n, classes), (1 - sure) / (classes - 1), np.float32)
    p[np.arange(n), said] = sure
    return p
