"""What the worker process is asked of trained models; answers stay in the store, by key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from core import images
from core.cnn import artefact, studies, training
from core.cnn.artefact import Artefact, Classifier
from core.cnn.config import Study
from core.datasets import open_dataset
from core.errors import FacetteError, InputError, printable
from core.events import Event, Listener
from core.keys import key_of, key_of_bytes
from core.store import Store
from core.types import Dataset, Rejected, Source

NEAREST = 8  # training images shown beside a prediction
SHOWN, THUMBNAIL = 512, 64  # longest side in pixels of what is kept for people to see
EMBEDDINGS = "embedding.npy"  # (n, d) float32, a row for each of predictions.csv
_CHANGED = "The files have changed meanwhile. Choose them again."
TOP = -1  # a class index: the class that the model says


def train(store: Store, emit: Listener, study: dict[str, Any]) -> dict[str, Any]:
    """Carry out a study; the answer lists the models that failed, with reasons."""
    wanted = Study.from_json(study)
    dataset = open_dataset(wanted.source, store, emit)
    rows, failed = studies.carry_out(dataset, wanted, store, emit)
    if not rows:
        raise FacetteError(str(failed[0][1]))
    failures = [[config.variant, "", str(error)] for config, error in failed]
    return {"finished": len(rows), "failed": failures}


def look_key(model: str, dataset: Dataset, row: int, class_index: int = TOP) -> str:
    """Where the store holds what a model sees in one image of a dataset; see `looked`."""
    return key_of("look", 3, model, dataset.images_key, row, class_index)


def look_file_key(model: str, digest: str, class_index: int = TOP) -> str:
    """Where the store holds what a model sees in an image file of that digest; see `looked`."""
    return key_of("look", 3, model, digest, class_index)


def look(
    store: Store,
    emit: Listener,
    model: str,
    source: dict[str, Any],
    row: int,
    class_index: int = TOP,
) -> dict[str, Any]:
    """Look at one image of a dataset with a model; see `looked`."""
    dataset = open_dataset(Source.from_json(source), store, emit)
    if not 0 <= row < len(dataset):
        raise FacetteError("The images have changed meanwhile. Open the page again.")
    key = look_key(model, dataset, row, class_index)
    if not store.has(key):
        classifier = _classifier(store, model, emit)
        # As training read it: a file of many pixels is decoded at a smaller size.
        seen = dataset.image(row, classifier.size)
        longest = int(max(dataset.sizes[row]))
        shown = dataset.image(row, SHOWN if longest > SHOWN else None, fit="longest")
        store.put(key, looked(classifier, seen, shown, class_index))
    return {}


def look_file(
    store: Store, emit: Listener, model: str, path: str, class_index: int = TOP
) -> dict[str, Any]:
    """Look at an uploaded image file with a model; see `looked`."""
    content = _content(path)
    key = look_file_key(model, key_of_bytes((content,)), class_index)
    if not store.has(key):
        try:
            image = images.decode(content)
        except InputError as error:
            raise InputError(f"This file cannot be named: {error}.") from None
        classifier = _classifier(store, model, emit)
        seen = images.decode(content, classifier.size)
        store.put(key, looked(classifier, seen, images.thumbnail(image, SHOWN), class_index))
    return {}


def looked(
    classifier: Classifier, image: np.ndarray, shown: np.ndarray, class_index: int = TOP
) -> dict[str, np.ndarray]:
    """What a model sees in an image.

    Parameters
    ----------
    image : (h, w) or (h, w, 3) uint8, what the model is asked about
    shown : the same in a size for people
    class_index : the class to look for, `TOP` for the one that the model says

    Returns
    -------
    dict
        "probabilities" (C,) float32; "image", `shown`; "heat" float32 0..1 as wide and high as
        it, Grad-CAM for the class; "nearest" (k,) int32 rows of predictions.csv, the training
        images whose embeddings are nearest; "distance" (k,) float32 to them
    """
    probabilities = classifier.predict([image])[0]
    wanted = int(probabilities.argmax()) if class_index == TOP else class_index
    if not 0 <= wanted < len(probabilities):
        raise FacetteError("The model has no such class. Open the page again.")
    found, distance = nearest(classifier.artefact, classifier.embed([image])[0])
    height, width = shown.shape[:2]
    return {
        "probabilities": probabilities,
        "image": shown,
        "heat": classifier.heat(image, wanted, (height, width)),
        "nearest": found,
        "distance": distance,
    }


def nearest(model: Artefact, embedding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The training images nearest to an embedding (d,): rows of predictions.csv, and distances.

    None where the model came without the files that say so.
    """
    from core.cnn.evaluation import read_predictions

    try:
        known = np.load(model.folder / EMBEDDINGS, mmap_mode="r", allow_pickle=False)
        view = read_predictions(model.folder / artefact.PREDICTIONS)
    except (OSError, ValueError, InputError):
        return np.empty(0, np.int32), np.empty(0, np.float32)
    if known.shape != (len(view.ids), len(embedding)):
        return np.empty(0, np.int32), np.empty(0, np.float32)
    rows = view.rows("train")
    distance = np.linalg.norm(known[rows] - embedding, axis=1)
    order = np.argsort(distance, kind="stable")[:NEAREST]
    return rows[order].astype(np.int32), distance[order].astype(np.float32)


@dataclass(frozen=True)
class Named:
    """The classes of some files: `files` that could be read, (m, C) probabilities, and the rest."""

    files: tuple[str, ...]
    probabilities: np.ndarray
    rejected: tuple[Rejected, ...]


def name_files(
    classifier: Classifier,
    files: Mapping[str, Path],
    emit: Listener,
    seen: Callable[[Path], None] = lambda path: None,
) -> Named:
    """Predict the class of every file; those that are no images are listed with the reason.

    Files are decoded as training decodes them. `seen` is called with the path of every file that
    could be read, in order.
    """
    good, parts, rejected = [], [], []
    for done, (name, path) in enumerate(files.items(), 1):
        try:
            row = classifier.predict([images.decode(Path(path), classifier.size)])
            seen(Path(path))
            parts.append(row)
            good.append(name)
        except InputError as error:
            rejected.append(Rejected(name, str(error)))
        emit(Event("predict", "progress", done=done, total=len(files)))
    empty = np.empty((0, len(classifier.classes)), np.float32)
    return Named(tuple(good), np.concatenate([empty, *parts]), tuple(rejected))


def predict_key(model: str, digests: Sequence[str]) -> str:
    """Where the store holds what a model says of some uploaded files, in their order."""
    return key_of("predicted", 3, model, list(digests))


def predict(
    store: Store, emit: Listener, model: str, files: list[list[str]], key: str
) -> dict[str, Any]:
    """Name uploaded files, given as [name, path]; the answer is in the store.

    The entry has "probabilities" (m, C) float32 and "thumbnails" (m, THUMBNAIL, THUMBNAIL, 3)
    uint8; its meta "files", the places of the m files among those given, and "rejected", a list
    of [place, reason].
    """
    digests = [key_of_bytes((_content(path),)) for _, path in files]
    if key != predict_key(model, digests):
        raise FacetteError(_CHANGED)
    classifier = _classifier(store, model, emit)
    small: list[np.ndarray] = []
    # Two uploads may have one name: they are told apart by their place.
    paths = {f"{i}": Path(path) for i, (_, path) in enumerate(files)}
    named = name_files(classifier, paths, emit, lambda path: small.append(_thumbnail(path)))
    meta = {
        "files": [int(i) for i in named.files],
        "rejected": [[int(r.id), r.reason] for r in named.rejected],
    }
    empty = np.empty((0, THUMBNAIL, THUMBNAIL, 3), np.uint8)
    thumbnails = np.stack(small) if small else empty
    store.put(key, {"probabilities": named.probabilities, "thumbnails": thumbnails}, meta)
    return {}


def _thumbnail(path: Path) -> np.ndarray:
    """A small picture of a file in the middle of a white square."""
    small = images.rgb(images.thumbnail(images.decode(path, THUMBNAIL), THUMBNAIL))
    height, width = small.shape[:2]
    top, left = (THUMBNAIL - height) // 2, (THUMBNAIL - width) // 2
    square = np.full((THUMBNAIL, THUMBNAIL, 3), 255, np.uint8)
    square[top : top + height, left : left + width] = small
    return square


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        raise FacetteError(_CHANGED) from None


def _classifier(store: Store, model: str, emit: Listener) -> Classifier:
    """A trained model, loaded once; the first takes seconds, so whoever waits is told."""
    emit(Event("load", "started"))
    classifier = _loaded(str(training.model_folder(store, model)))
    emit(Event("look", "started"))
    return classifier


@lru_cache(maxsize=3)
def _loaded(folder: str) -> Classifier:
    return artefact.load(folder)


def named_json(classifier: Classifier, named: Named) -> str:
    """Predictions as JSON lines: file, predicted_class, probability, probabilities; or error."""
    lines = []
    for name, row in zip(named.files, named.probabilities, strict=True):
        values = {c: round(float(p), 6) for c, p in zip(classifier.classes, row, strict=True)}
        said = int(row.argmax())
        facts = {"file": name, "predicted_class": classifier.classes[said]}
        lines.append({**facts, "probability": round(float(row[said]), 6), "probabilities": values})
    lines += [{"file": r.id, "error": printable(r.reason)} for r in named.rejected]
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)


def named_text(named: Named, classes: Sequence[str]) -> str:
    """Predictions as lines of text: file, class, probability."""
    lines = [
        f"{printable(name)}\t{printable(classes[int(row.argmax())])}\t{row.max():.4f}"
        for name, row in zip(named.files, named.probabilities, strict=True)
    ]
    lines += [f"{printable(r.id)}\tnot used: {r.reason}" for r in named.rejected]
    return "\n".join(lines)
