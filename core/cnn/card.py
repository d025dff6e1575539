"""The model card: what a model was made from, how good it is, and what to mind, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.cnn.config import TrainConfig
from core.cnn.measures import Evaluation
from core.errors import printable


def text(
    config: TrainConfig,
    about: Mapping[str, Any],
    metrics: Mapping[str, Any],
    classes: Sequence[str],
    judged: Evaluation,
) -> str:
    """The card as Markdown. After Mitchell et al., "Model cards for model reporting", 2019."""
    m, names = metrics, ", ".join(_plain(name) for name in classes)
    report = judged.classification_report("test")
    rows = [
        f"| {_plain(name)} | {report.precision[i]:.3f} | {report.recall[i]:.3f} "
        f"| {int(report.support[i])} |"
        for i, name in enumerate(classes)
    ]
    worst = judged.commonest_confusion("test")
    confusion = "No test image is named wrongly."
    if worst is not None:
        true, said, count = worst
        confusion = (
            f"The commonest confusion: {_plain(classes[true])} taken for "
            f"{_plain(classes[said])} ({count} images)."
        )
    paragraphs = [
        f"# {config.name}",
        f"Names the class of a photo: one of {len(classes)} ({names}). It was trained with "
        f"Facette on {m['n_train']:,} images of {_plain(str(about['dataset']))}, stopped by "
        f"{m['n_validation']:,} others and judged by {m['n_test']:,} that it had not seen.",
        "## How good it is",
        f"{100 * m['accuracy']:.1f} % of the test images are named right (training "
        f"{100 * m['train_accuracy']:.1f} %, validation {100 * m['validation_accuracy']:.1f} %). "
        + confusion,
        "\n".join(["| class | precision | recall | test images |", "|---|---|---|---|", *rows]),
        "## How it was made",
        f"Working images of {config.size} x {config.size} pixels, stretched to a square; "
        f"{m['parameters']:,} parameters; seed {config.seed}; {m['seconds']:.0f} s. "
        f"{_network(config)} {_augmentation(config)}",
        "## What to mind",
        "It knows no other classes than these: any other photo is put into one of them all the "
        "same. It was judged on images of the same collection; photos from elsewhere may be "
        "named worse. " + " ".join(map(printable, about.get("notes", ()))),
    ]
    return "\n\n".join(part.strip() for part in paragraphs) + "\n"


def _network(config: TrainConfig) -> str:
    if config.model == "scratch":
        return "Every weight was learnt from these images."
    tuned = " Its last blocks were then adapted at a tenth of the learning rate."
    start = "ImageNet" if config.weights == "imagenet" else _plain(config.weights)
    return (
        f"The backbone {config.backbone} starts from the weights {start} and stays as it is; "
        "a new last layer was learnt." + tuned * (config.model == "fine_tune")
    )


def _augmentation(config: TrainConfig) -> str:
    if not config.augment:
        return "Training images were shown unchanged."
    flip = "mirrored, " if config.flip else ""
    return (
        f"Training images were changed at random: {flip}moved by up to {100 * config.shift:g} %, "
        f"turned by up to {config.rotation:g} degrees, zoomed by up to {100 * config.zoom:g} %, "
        f"contrast changed by up to {100 * config.contrast:g} %."
    )


def _plain(name: str) -> str:
    """A name that cannot break a Markdown table or turn into a link."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#|<>!~" else c for c in printable(name))
