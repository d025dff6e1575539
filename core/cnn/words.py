"""What trained models are called, and the sentences about them: computed, never canned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from core.cnn import backbones
from core.cnn.artefact import Artefact
from core.cnn.config import LABELS, TrainConfig
from core.cnn.measures import Evaluation
from core.errors import InputError, printable

NAME = 40  # most characters of a class in a sentence


def called(config: TrainConfig) -> str:
    """A model as people call it.

    >>> called(TrainConfig(model="fine_tune", augment=True))
    'Fine-tuned EfficientNet-Lite0 with augmentation'
    >>> called(TrainConfig(model="scratch", augment=False))
    'From scratch'
    """
    words = [LABELS[config.model]]
    if config.model != "scratch":
        try:
            words.append(backbones.find(config.backbone).label)
        except InputError:  # one that this version does not know
            words.append(printable(config.backbone, NAME))
    if config.augment:
        words.append("with augmentation")
    return " ".join(words)


def names_of(models: Sequence[Artefact]) -> dict[str, str]:
    """What each model is called by its id: short where that tells it from the rest."""
    names = {model.id: called(model.config) for model in models}
    data = {m.id: f"{names[m.id]}, {printable(m.about.get('dataset', ''), NAME)}" for m in models}
    longest = {m.id: f"{data[m.id]}, {m.id[:6]}" for m in models}
    for longer in (data, longest):
        count = Counter(names.values())
        names = {key: longer[key] if count[name] > 1 else name for key, name in names.items()}
    return names


def headline(name: str, view: Evaluation, split: str = "test") -> str:
    """How many images a model names right, and what it confuses most."""
    report = view.classification_report(split)
    if not report.n:
        return f"{name}: there are no {split} images with a class to judge it by."
    images = f"{report.n:,} {split} image{'s' * (report.n != 1)}"
    text = f"{name} names {share(report.accuracy)} of {images} right"
    worst = view.commonest_confusion(split)
    if worst is None:
        return f"{text}; it confuses none."
    label, predicted, count = worst
    named = [printable(view.classes[i], NAME) for i in (label, predicted)]
    return (
        f"{text}; its commonest confusion is {named[0]} taken for {named[1]} "
        f"({count:,} of {int(report.support[label]):,})."
    )


def beside(views: Mapping[str, Evaluation], split: str = "test") -> str:
    """How the other models fare, best first."""
    values = {name: view.accuracy(split) for name, view in views.items()}
    order = sorted(values, key=lambda name: -values[name])
    return f"Beside it: {', '.join(f'{name} {share(values[name])}' for name in order)}."


def share(value: float) -> str:
    """A share in percent; never 100 while something is missing, never 0 while there is some.

    >>> share(0.9928), share(0.99996), share(1)
    ('99.3%', 'over 99.9%', '100%')
    """
    if value in (0, 1):
        return f"{value:.0%}"
    if value > 0.9995:
        return "over 99.9%"
    return "under 0.1%" if value < 0.0005 else f"{value:.1%}"
