"""The sentences about trainings side by side: computed from the figures, never canned."""

from __future__ import annotations

from collections.abc import Sequence

from core.cnn import studies
from core.cnn.config import LABELS, Study, TrainConfig
from core.cnn.splits import Split
from core.cnn.studies import Row
from core.cnn.words import NAME, share
from core.errors import printable
from core.types import Dataset, Source

BY_HEART = 0.1  # training accuracy above validation accuracy from which it is worth a sentence


def outlook(dataset: Dataset, split: Split) -> str:
    """What would be trained on what: how many classes, how many images in each part."""
    learn, stop, judge = (len(split.rows(part)) for part in range(3))
    return (
        f"{len(split.classes):,} classes of {subject(dataset.source)}: {learn:,} images teach, "
        f"{stop:,} stop, {judge:,} judge"
    )


def subject(source: Source) -> str:
    """What the images of a source are called.

    >>> subject(Source("folder", "/photos/clothes")), subject(Source("digits"))
    ('clothes', 'handwritten digits')
    """
    if source.kind == "digits":
        return "handwritten digits"
    return printable(source.path.replace("\\", "/").rstrip("/").split("/")[-1], NAME)


def title(study: Study) -> str:
    """What a study is called in a list.

    >>> title(Study(Source("digits"), TrainConfig(model="scratch"), folds=5))
    'handwritten digits · From scratch, augmented · 5 folds'
    >>> title(Study(Source("digits"), variants=True))
    'handwritten digits · all three models'
    """
    parts = [subject(study.source), "all three models" if study.variants else study.base.variant]
    parts += [f"{study.folds} folds"] * bool(study.folds)
    parts += [f"best of {study.search} settings"] * (study.search > 1)
    return " · ".join(parts)


def verdict(rows: Sequence[Row], n_test: int) -> str:
    """Which model wins, by how much, and which has learnt its images by heart.

    The validation images choose the winner; where the test images do not agree, that is said.

    Parameters
    ----------
    rows : at least one
    n_test : how many images the first model was judged by
    """
    best = studies.best(rows)
    others = [row for row in rows if row is not best]
    sentences = [_right(best, n_test, others)]
    ahead = max(rows, key=lambda row: row.mean["accuracy"])
    if ahead.mean["accuracy"] > best.mean["accuracy"]:
        sentences.append(
            "The validation images chose it; on the test images "
            f"{_name(ahead.config)} is ahead with {share(ahead.mean['accuracy'])}."
        )
    learnt = max(rows, key=lambda row: row.mean["gap"])
    gap = learnt.mean["gap"]
    if gap >= BY_HEART:
        who = "It" if learnt is best and not others else _name(learnt.config, True)
        sentences.append(f"{who} learnt its training images by heart (gap {gap:.2f}).")
    return " ".join(sentences)


def _right(best: Row, n_test: int, others: Sequence[Row]) -> str:
    """The first sentence: the best model, and the best of each other kind."""
    value, name = share(best.mean["accuracy"]), _name(best.config, True)
    if len(best.models) > 1:
        spread = f" ± {100 * best.spread['accuracy']:.1f}"
        value = f"{value}{spread} of the test images right, on average of {len(best.models)} folds"
    else:
        value = f"{value} of {n_test:,} test image{'s' * (n_test != 1)} right"
    if not others:
        return f"{name} names {value}."
    top = best.mean["validation_accuracy"]
    wins = all(row.mean["validation_accuracy"] < top for row in others)
    kinds = {row.config.model: row for row in sorted(others, key=_test_accuracy)}
    if len(kinds) > 1:
        kinds.pop(best.config.model, None)
    beside = ", ".join(
        f"{_name(row.config)} {share(row.mean['accuracy'])}" for row in reversed(kinds.values())
    )
    return f"{name} {'wins' if wins else 'does as well as any'}: {value}; {beside}."


def _test_accuracy(row: Row) -> float:
    return row.mean["accuracy"]


def _name(config: TrainConfig, first: bool = False) -> str:
    """A model within a sentence: "fine-tuned with augmentation"."""
    name = LABELS[config.model] + (" with augmentation" if config.augment else "")
    return name if first else name[0].lower() + name[1:]
