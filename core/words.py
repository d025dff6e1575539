"""The sentences on top of the pages: computed from the figures, true for unlabelled data too."""

from __future__ import annotations

from collections.abc import Sequence

from core import registry
from core.runs import RunResult
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


def best_of(dataset: Dataset, results: Sequence[RunResult]) -> RunResult:
    """The run with the best main metric; the first of equals."""
    name = main_metric(dataset)
    values = [r.metrics[name] for r in results]
    return results[max(range(len(results)), key=lambda i: (values[i] is not None, values[i] or 0))]


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
    """How good that is, and how the other descriptors fare."""
    name = main_metric(dataset)
    value = result.metrics[name]
    what = (
        "They match the true classes with AMI"
        if name == "ami"
        else "There are no labels to check against; the silhouette is"
    )
    if value is None:
        return "There are too few clusters to measure."
    said = f"{what} {value:.2f}."
    others = [r for r in results if r.config.descriptor != result.config.descriptor]
    others = [r for r in others if r.metrics[name] is not None]
    if not others:
        return said
    best = max(others, key=lambda r: r.metrics[name] or 0)
    worst = min(others, key=lambda r: r.metrics[name] or 0)
    if (best.metrics[name] or 0) > value:
        return f"{said} {_named(best)} does better: {best.metrics[name]:.2f}."
    return f"{said} Best of {len(others) + 1} descriptions; {_named(worst)}: {worst.metrics[name]:.2f}."


def _label(component: object) -> str:
    changed = [
        f"{p.name.replace('_', ' ')} {getattr(component, p.name)}"
        for p in component.params()  # type: ignore[attr-defined]
        if getattr(component, p.name) != p.default
    ]
    label = component.label  # type: ignore[attr-defined]
    return f"{label} ({', '.join(changed)})" if changed else label


def _named(result: RunResult) -> str:
    text = short_label(result.config.descriptor)
    return text[0].upper() + text[1:]


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def winner(dataset: Dataset, results: Sequence[RunResult]) -> str:
    """Which description groups the images best, and by how much."""
    best = best_of(dataset, results)
    name = main_metric(dataset)
    value = best.metrics[name]
    metric = "AMI" if name == "ami" else "silhouette"
    if value is None:
        return "No description forms groups that can be measured"
    how = label_of("clusterer", best.config.clusterer)
    said = f"{_named(best)} with {how} groups {things(dataset)} best: {metric} {value:.2f}"
    rest = [r.metrics[name] for r in results if r.config.descriptor != best.config.descriptor]
    rest_values = [v for v in rest if v is not None]
    return said + (f", the next description {max(rest_values):.2f}" if rest_values else "")
