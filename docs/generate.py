"""Writes docs/components.md and docs/metrics.md from the declarations in core/.

`python -m docs.generate`; a test checks that the committed pages are what comes out.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from core import registry
from core.components import Clusterer, Component, Descriptor
from core.metrics import METRICS, Metric
from core.params import to_text
from core.runs import DEFAULT_DESCRIPTORS, DEFAULT_REDUCER

HERE = Path(__file__).parent
HEADINGS = {
    "descriptor": "Descriptors",
    "outliers": "Outlier detectors",
    "reducer": "Reducers",
    "clusterer": "Clusterers",
}
COMPONENTS_HEAD = f"""# Components

A component is written as its name, or as `name:parameter=value,parameter=value`. Descriptors
joined with `+` form one signature. A value of `auto` is chosen from the data. On the
command line `python -m core components` lists the same.

Without a choice Facette takes the descriptors {{descriptors}}, keeps every image
(`none`), reduces with `{DEFAULT_REDUCER}` and clusters with `kmeans`.

(This page is generated from the declarations in `core/` by `python -m docs.generate`.)
"""
METRICS_HEAD = """# Metrics

Each metric is a column of results.csv and of the table on the Compare page. On Compare the best
value of a column carries a star.

(The table is generated from `core/metrics.py` by `python -m docs.generate`.)
"""
METRICS_TEXT = """
## Noise and outliers

Density methods (`dbscan`, `hdbscan`) leave images out that fit no crowd: they are noise, -1. An
outlier detector leaves images out before anything is reduced or clustered: they are outliers, -2.

- Metrics that need labels are over **all images that have a class**. Noise counts as one more
  cluster, outliers as another. A method that gives up on the hard images gains nothing by it.
- Silhouette, Davies-Bouldin and Calinski-Harabasz leave noise and outliers out, because these
  images have no centre. Read `coverage` beside them: it is the share of images that they speak of.
- Of more than 10,000 images in clusters, a random 10,000 (drawn by the seed) are measured for the
  silhouette.

A metric that is not defined is empty: those that need labels where there are none, the silhouette
of a single cluster.

## On which space

Silhouette, Davies-Bouldin and Calinski-Harabasz measure distances in the matrix that was
clustered: the reduced one, or the full one with `--reduce none`. The map has three dimensions of
its own and is only for looking; no metric is computed on it. So these three can be compared
between clusterings of the same matrix, and only with care between different ones: UMAP pulls
groups apart, which lifts the silhouette whether the groups mean something or not. For data
without labels Facette ranks by silhouette all the same, for want of anything better, and the page
says so.

## AMI or NMI

Both say how much the clusters tell about the classes, from 0 to 1. NMI does not take luck away:
cut the images at random into many small clusters, and NMI rises although nothing was learnt. AMI
subtracts what a random cut with clusters of the same sizes would reach, so 0 is chance, at any k,
and a little below 0 is possible. Facette ranks by AMI. ARI does the same for pairs of images; it
weighs large clusters more.

`accuracy` gives each cluster at most one class, each class at most one cluster, by the matching
that suits best. `purity` lets many clusters share a class, so it rises with k. `jaccard` is the
index over pairs of images, TP / (TP + FP + FN); it does not depend on how clusters are numbered.
"""


def components_page() -> str:
    """The text of docs/components.md."""
    single = [name for name in DEFAULT_DESCRIPTORS if "+" not in name]
    named = ", ".join(f"`{name}`" for name in single) + " and these joined"
    parts = [COMPONENTS_HEAD.format(descriptors=named)]
    for kind, heading in HEADINGS.items():
        parts.append(f"## {heading}\n")
        parts += [_component(cls) for cls in registry.components(kind).values()]
    return "\n".join(parts).rstrip() + "\n"


def metrics_page() -> str:
    """The text of docs/metrics.md."""
    rows = [
        (f"`{m.name}`", m.label, _range(m), "high" if m.higher_is_better else "low",
         "yes" if m.needs_labels else "no", m.sentence, m.reference)
        for m in METRICS
    ]  # fmt: skip
    columns = ("column", "name", "range", "best is", "needs labels", "what it says", "reference")
    return f"{METRICS_HEAD}\n{_table(columns, rows)}\n{METRICS_TEXT}"


def _component(cls: type[Component]) -> str:
    lines = [f"### {cls.name}", "", cls.summary]
    if issubclass(cls, Descriptor):
        lines += ["", f"- Sees: {cls.sees}", f"- Blind to: {cls.blind_to}"]
    if issubclass(cls, Clusterer) and cls.finds_noise:
        lines += ["", "Leaves images out that fit no group (noise, -1)."]
    lines += ["", _flowing(inspect.getdoc(cls) or ""), ""]
    rows = [(f"`{p.name}`", f"`{to_text(p.default)}`", p.allowed, p.help) for p in cls.params()]
    if rows:
        lines += [_table(("parameter", "default", "allowed", "what it does"), rows), ""]
    return "\n".join(lines)


def _flowing(text: str) -> str:
    """A docstring as paragraphs of one line each, its links in angle brackets."""
    text = re.sub(r"^References?\n-+\n", "Reference: ", text, flags=re.MULTILINE)
    paragraphs = []
    for part in text.split("\n\n"):
        items = re.split(r"\n(?=- )", part)
        paragraphs.append("\n".join(" ".join(item.split()) for item in items))
    return re.sub(r"(https?://[^\s,)]+[^\s,).;])", r"<\1>", "\n\n".join(paragraphs))


def _range(metric: Metric) -> str:
    low = "any" if metric.low is None else f"{metric.low:g}"
    return f"{low} or more" if metric.high is None else f"{low} to {metric.high:g}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in lines)


def main() -> None:
    """Write both pages."""
    for name, text in (("components.md", components_page()), ("metrics.md", metrics_page())):
        (HERE / name).write_text(text, "utf-8")
        print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
