"""Which images a network learns from, which stop it, and which judge it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.cnn.config import TrainConfig
from core.datasets import balance
from core.errors import input_error, printable
from core.keys import key_of_array
from core.types import UNLABELLED, Dataset

SHARES = (0.6, 0.2, 0.2)
NOT_USED = -1
NAMES = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """The part of every image of a dataset, and its class.

    Attributes
    ----------
    part : (n,) int8, 0 train, 1 validation, 2 test, -1 for images that are not used
    labels : (n,) int32 index into `classes`, -1 for none
    classes : the names of the classes
    notes : what a person should know of it, in sentences
    """

    part: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def rows(self, part: int) -> np.ndarray:
        """The rows of a part, in the dataset's order."""
        return np.flatnonzero(self.part == part)

    @property
    def key(self) -> str:
        """Content key of the parts and the classes."""
        return key_of_array(np.stack([self.part.astype(np.int32), self.labels]))


def split_of(dataset: Dataset, config: TrainConfig) -> Split:
    """The parts as the folders say (train, validation, test), or drawn by the seed.

    Drawn parts are 60/20/20, stratified, and keep exact duplicates together. With folds, one
    fold is the test, and a fifth of the rest the validation.

    Raises
    ------
    InputError
        The images have fewer than two classes, a class has too few images or none to learn
        from, or a part is empty.
    """
    labels, given = dataset.labels, dataset.parts
    if labels is None or len(dataset.class_names) < 2:
        raise input_error(
            f"classes in {dataset.name}",
            0 if labels is None else len(dataset.class_names),
            "at least 2",
            "Put each class into a folder of its own.",
        )
    groups = np.unique(np.array(dataset.digests or dataset.ids), return_inverse=True)[1]
    known = labels != UNLABELLED
    if given is not None:
        known &= given != NOT_USED
    _check_enough(labels[known], dataset)
    part = np.full(len(labels), NOT_USED, np.int8)
    unknown = int((labels == UNLABELLED).sum())
    notes = [f"{unknown:,} images without a class are not used."] * bool(unknown)
    if config.folds:
        part[known] = _fold(labels[known], groups[known], config)
    elif given is None:
        part[known] = balance.split(labels[known], groups[known], SHARES, config.seed)
    else:
        part[known] = given[known]
        for missing in (p for p in range(3) if not (part == p).any()):
            _draw_from_train(part, labels, groups, missing, config.seed)
            notes.append(f"There was no {NAMES[missing]} folder: a fifth of train is taken.")
    notes += _absent(part, labels, dataset) + _leaks(part, groups)
    return Split(part, labels.astype(np.int32), dataset.class_names, tuple(notes))


def _check_enough(labels: np.ndarray, dataset: Dataset) -> None:
    counts = np.bincount(labels, minlength=len(dataset.class_names))
    if counts.min() < 3:
        name = dataset.class_names[int(counts.argmin())]
        raise input_error(
            f"images of the class {name!r}",
            int(counts.min()),
            "at least 3, one each to learn, to stop and to judge",
            "Add images, or leave the class out.",
        )


def _fold(labels: np.ndarray, groups: np.ndarray, config: TrainConfig) -> np.ndarray:
    fold = balance.folds(labels, groups, config.folds, config.seed)
    part = np.where(fold == config.fold, 2, 0).astype(np.int8)
    rest = np.flatnonzero(part == 0)
    drawn = balance.split(labels[rest], groups[rest], (0.8, 0.2, 0.0), config.seed)
    part[rest] = drawn
    return part


def _draw_from_train(
    part: np.ndarray, labels: np.ndarray, groups: np.ndarray, missing: int, seed: int
) -> None:
    rows = np.flatnonzero(part == 0)
    drawn = balance.split(labels[rows], groups[rows], (0.8, 0.2, 0.0), seed)
    part[rows[drawn == 1]] = missing


def _absent(part: np.ndarray, labels: np.ndarray, dataset: Dataset) -> list[str]:
    """Say which classes cannot be judged; raise where one cannot be learnt, or a part is empty."""
    counts = [np.bincount(labels[part == p], minlength=len(dataset.class_names)) for p in range(3)]
    empty = [name for name, count in zip(NAMES, counts, strict=True) if not count.any()]
    do = "Exact copies stay together: add images that differ, or ask for fewer folds."
    if empty:
        raise input_error(f"images for {empty[0]} in {dataset.name}", 0, "at least 1", do)
    if not counts[0].all():
        name = dataset.class_names[int(counts[0].argmin())]
        raise input_error(f"training images of the class {name!r}", 0, "at least 1", do)
    notes = []
    for p in (1, 2):
        missing = [printable(dataset.class_names[c], 60) for c in np.flatnonzero(counts[p] == 0)]
        if missing:
            more = f" and {len(missing) - 5:,} more" if len(missing) > 5 else ""
            notes.append(f"The {NAMES[p]} has no image of {', '.join(missing[:5])}{more}.")
    return notes


def _leaks(part: np.ndarray, groups: np.ndarray) -> list[str]:
    """Say how many images for judging are exact copies of images that are learnt from."""
    learnt = np.isin(groups, groups[part == 0])
    copies = int((learnt & (part > 0)).sum())
    text = f"{copies:,} images of validation or test are exact copies of training images."
    return [text] * bool(copies)
