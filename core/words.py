"""The sentences on top of the pages: computed from the figures, true for unlabelled data too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from core import registry
from core.params import to_text
from core.runs import RunResult
from core.summary import best_per_descriptor, best_result, main_metric
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


def labels_of(descriptors: Sequence[str]) -> dict[str, str]:
    """What each descriptor of a comparison is called: short where that tells it from the rest.

    >>> list(labels_of(["hog", "hog+lbp+sift", "hog+lbp+raw_pixels"]).values())
    ['HOG', 'HOG + LBP + SIFT', 'HOG + LBP + Raw pixels']
    """
    called = {text: short_label(text) for text in descriptors}
    full = {text: label_of("descriptor", text) for text in descriptors}
    exact = {text: f"{label} [{text}]" for text, label in full.items()}
    for longer in (full, exact):
        count = Counter(called.values())
        called = {t: longer[t] if count[label] > 1 else label for t, label in called.items()}
    return called


def descriptor_labels(results: Sequence[RunResult]) -> dict[str, str]:
    """What the descriptors of these runs are called, see `labels_of`."""
    return labels_of([result.config.descriptor for result in results])


def things(dataset: Dataset) -> str:
    """How many of what: `1,797 handwritten digits`."""
    n = len(dataset)
    if dataset.source.kind == "digits":
        return f"{n:,} handwritten digits"
    return f"{n:,} image{'s' * (n != 1)} of {dataset.name}"


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
    name = main_metric(results)
    value = result.metrics[name]
    if value is None:
        return "There are too few clusters to measure."
    said = _quality(dataset, name, value)
    others = _others(result, results, name)
    if not others:
        return said
    called = descriptor_labels(results)
    (best, highest), (worst, lowest) = others[0], others[-1]
    if highest > value:
        return f"{said} {_upper(called[best])} does better: {highest:.2f}."
    count = len(others) + 1
    return f"{said} Best of {count} descriptions; {_upper(called[worst])}: {lowest:.2f}."


def _others(result: RunResult, results: Sequence[RunResult], name: str) -> list[tuple[str, float]]:
    """The other descriptors that have a value of the metric, and the best of each."""
    best = best_per_descriptor(results).items()
    values = [(text, run.metrics[name]) for text, run in best if text != result.config.descriptor]
    return [(text, value) for text, value in values if value is not None]


def winner(dataset: Dataset, results: Sequence[RunResult]) -> str:
    """Which description groups the images best, and by how much."""
    best = best_result(results)
    name = main_metric(results)
    value = best.metrics[name]
    metric = "AMI" if name == "ami" else "silhouette"
    if value is None:
        return "No description forms groups that can be measured"
    how = label_of("clusterer", best.config.clusterer)
    what = _upper(descriptor_labels(results)[best.config.descriptor])
    said = f"{what} with {how} groups {things(dataset)} best: {metric} {value:.2f}"
    coverage = best.metrics["coverage"]
    if coverage is not None and coverage < 0.995:  # leaving images out flatters the silhouette
        said += f" with {coverage:.0%} of them in clusters"
    others = _others(best, results, name)
    return said + (f", the next description {others[0][1]:.2f}" if others else "")


def _quality(dataset: Dataset, name: str, value: float) -> str:
    if name == "silhouette":
        known = "" if dataset.labels is not None else "There are no labels to check against; "
        return _upper(f"{known}the silhouette is {value:.2f}.")
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


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
