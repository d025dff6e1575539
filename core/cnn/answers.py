"""What people read of a model's probabilities: a sentence, and the table of many files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.cnn.evaluation import distinct
from core.cnn.words import NAME, share
from core.errors import printable
from core.files import csv_text
from core.store import Entry

SURE, FAIR, HALF = 0.9, 0.7, 0.5
NEAR = 0.6  # a class that has this part of the first one's probability is in the running with it
MOST_NAMED = 3


def runners(probabilities: np.ndarray) -> list[int]:
    """The classes that a model hesitates between, the most probable first; one if it does not.

    >>> runners(np.array([0.45, 0.5, 0.05])), runners(np.array([0.1, 0.9]))
    ([1, 0], [1])
    """
    order = np.argsort(-np.asarray(probabilities), kind="stable")
    least = probabilities[order[0]] * NEAR
    return [int(i) for i in order if probabilities[i] >= least]


def verdict(classes: Sequence[str], probabilities: np.ndarray) -> str:
    """How sure a model is of its answer, in words.

    >>> verdict(("cat", "dog", "owl"), np.array([0.45, 0.5, 0.05]))
    'It hesitates between dog (50.0%) and cat (45.0%).'
    >>> verdict(("cat", "dog", "owl"), np.array([0.98, 0.015, 0.005]))
    'It is sure: the next is dog with 1.5%.'

    Parameters
    ----------
    classes : C names
    probabilities : (C,) float, sum to 1
    """
    p = np.asarray(probabilities, float)
    near, order = runners(p), np.argsort(-p, kind="stable")
    if len(near) > MOST_NAMED:
        return (
            f"It does not know: {len(near)} classes are nearly as probable as the first. "
            "Perhaps the image shows none of them."
        )
    if len(near) > 1:
        *first, last = [f"{printable(classes[i], NAME)} ({share(p[i])})" for i in near]
        return f"It hesitates between {', '.join(first)} and {last}."
    following = f"the next is {printable(classes[order[1]], NAME)} with {share(p[order[1]])}"
    if p[order[0]] < HALF:
        return f"It is unsure: no class reaches one half, and {following}."
    if p[order[0]] < SURE:
        how = "fairly sure" if p[order[0]] >= FAIR else "not sure"
        return f"It is {how}: {following}."
    return f"It is sure: {following}."


@dataclass(frozen=True)
class Batch:
    """What a model says of n files, in their order.

    Attributes
    ----------
    classes : C names
    files : n names, as they were given
    row : the place of a file -> its row of `probabilities`, for those that could be read
    probabilities : (m, C) float32
    reasons : the place of a file -> why it could not be used
    """

    classes: tuple[str, ...]
    files: tuple[str, ...]
    row: Mapping[int, int]
    probabilities: np.ndarray
    reasons: Mapping[int, str]

    def top(self, place: int) -> tuple[int, float]:
        """The class that is said of a file that could be read, and its probability."""
        p = self.probabilities[self.row[place]]
        return int(p.argmax()), float(p.max())

    def csv(self) -> str:
        """A row a file: file, predicted_class, probability, a column p_CLASS a class, error."""
        names = distinct(self.classes)
        return csv_text(
            ["file", "predicted_class", "probability", *(f"p_{name}" for name in names), "error"],
            (self._cells(place, names) for place in range(len(self.files))),
        )

    def _cells(self, place: int, names: Sequence[str]) -> list[str | float | None]:
        if place not in self.row:
            return [self.files[place], *[None] * (len(names) + 2), self.reasons[place]]
        # str() of a float32 has the fewest digits that give the same float32 again.
        p = [float(str(value)) for value in self.probabilities[self.row[place]]]
        said, _ = self.top(place)
        return [self.files[place], names[said], p[said], *p, None]


def batch_of(
    entry: Entry | None,
    classes: Sequence[str],
    files: Sequence[str],
    asked: Sequence[int],
    refused: Mapping[int, str],
) -> Batch:
    """The answer of the task "predict" beside the files that it was not asked about.

    Parameters
    ----------
    entry : the answer, or None where there was no file to ask about
    files : n names
    asked : the places, among all n, of the files that the task was given
    refused : the others, with the reasons
    """
    if entry is None:
        empty = np.empty((0, len(classes)), np.float32)
        return Batch(tuple(classes), tuple(files), {}, empty, dict(refused))
    row = {asked[i]: row for row, i in enumerate(entry.meta["files"])}
    reasons = {asked[i]: reason for i, reason in entry.meta["rejected"]}
    p = np.asarray(entry.array("probabilities"))
    return Batch(tuple(classes), tuple(files), row, p, {**refused, **reasons})
