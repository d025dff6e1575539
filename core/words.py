"""The sentences on top of the pages: computed from the figures, true for unlabelled data too."""

from __future__ import annotations

from collections.abc import Sequence

from core import registry
from core.params import to_text
from core.runs import RunResult
from core.summary import best_result
from core.types import Dataset


def label_of(kind: str, text: str) -> str:
    """A component, or a joined signature, as people call it.

    >>> label_of("descriptor", "hog+lbp:radius=2")
    'HOG + LBP (radius 2)'
    """
    if kind == "descriptor":
        return " + ".join(_label(part) for part in registry.parse_signature(text))
    return _label(registry.parse(kind, text))


def short_label(text: str) -> str:
    """A joined signature of more than two descriptors in few words, for charts.

    >>> short_label("hog+lbp+sift")
    '3 descriptors joined'
    """
    parts = registry.parse_signature(text)
    return label_of("descriptor", text) if len(parts) < 3 else f"{len(parts)} descriptors joined"


def things(dataset: Dataset) -> str:
    """How many of what: `1,797 handwritten digits`."""
    n = len(dataset)
    if dataset.source.kind == "digits":
        return f"{n:,} handwritten digits"
    return f"{n:,} image{'s' * (n != 1)} of {dataset.name}"


def main_metric(dataset: Dataset) -> str:
    """The metric that ranks descriptors: AMI where there are labels, the silhouette elsewhere."""
    return "silhouette" if dataset.labels is None else "ami"


def headline(dataset: Dataset, result: RunResult) -> str:
    """What is shown: how many images, how many clusters, found from what."""
    parts = registry.parse_signature(result.config.descriptor)
    aspects = list(dict.fromkeys(part.aspect for part in parts))
    k = result.n_clusters
    return (
        f"{things(dataset)}, {k} cluster{'s' * (k != 1)} found from their "
        f"{_listed(aspects)} ({short_label(result.config.descriptor)})"
    )


def verdict(dataset: Dataset, result: RunResult, results: Sequence[RunResult]) -> str:
    """How good that is, and how the other descriptions fare."""
    name = main_metric(dataset)
    value = result.metrics[name]
    if value is None:
        return "There are too few clusters to measure."
    said = _quality(dataset, name, value)
    others = best_per_descriptor(results, name)
    others.pop(result.config.descriptor, None)
    if not others:
        return said
    best = max(others, key=lambda text: others[text])
    worst = min(others, key=lambda text: others[text])
    if others[best] > value:
        return f"{said} {_named(best)} does better: {others[best]:.2f}."
    return f"{said} Best of {len(others) + 1} descriptions; {_named(worst)}: {others[worst]:.2f}."


def best_per_descriptor(results: Sequence[RunResult], metric: str) -> dict[str, float]:
    """The highest value of a metric that each descriptor reached, where it has one."""
    best: dict[str, float] = {}
    for result in results:
        value = result.metrics[metric]
        if value is not None:
            text = result.config.descriptor
            best[text] = max(value, best.get(text, value))
    return best


def winner(dataset: Dataset, results: Sequence[RunResult]) -> str:
    """Which description groups the images best, and by how much."""
    best = best_result(results)
    name = main_metric(dataset)
    value = best.metrics[name]
    metric = "AMI" if name == "ami" else "silhouette"
    if value is None:
        return "No description forms groups that can be measured"
    how = label_of("clusterer", best.config.clusterer)
    what = _named(best.config.descriptor)
    said = f"{what} with {how} groups {things(dataset)} best: {metric} {value:.2f}"
    others = best_per_descriptor(results, name)
    others.pop(best.config.descriptor, None)
    return said + (f", the next description {max(others.values()):.2f}" if others else "")


def _quality(dataset: Dataset, name: str, value: float) -> str:
    if name == "silhouette":
        return f"There are no labels to check against; the silhouette is {value:.2f}."
    match = "hardly match" if value < 0.2 else "match in part" if value < 0.6 else "match"
    true = "the true digits" if dataset.source.kind == "digits" else "the true classes"
    return f"They {match} {true}, with AMI {value:.2f}."


def _label(component: object) -> str:
    changed = [
        f"{p.name.replace('_', ' ')} {to_text(getattr(component, p.name))}"
        for p in component.params()  # type: ignore[attr-defined]
        if getattr(component, p.name) != p.default
    ]
    label = component.label  # type: ignore[attr-defined]
    return f"{label} ({', '.join(changed)})" if changed else label


def _named(descriptor: str) -> str:
    text = short_label(descriptor)
    return text[0].upper() + text[1:]


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
