"""A whole comparison in one HTML file that needs no network, no server and no Facette.

Same input, same bytes on one machine. Everything that comes from the data is escaped; a content
policy in the page forbids it to load anything.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import core
from core import report_clusters, report_map, words
from core.files import output_folder, write_text
from core.metrics import METRICS
from core.runs import RunResult
from core.store import Store
from core.summary import best_of_columns, ranked
from core.tables import METRIC_COLUMNS, read_array, results_rows
from core.types import Dataset

ASSETS = Path(__file__).parent / "assets"
MAX_REJECTED = 200
_PACKAGES = ("numpy", "opencv-python", "scikit-image", "scikit-learn", "umap-learn")


def write_report(
    path: Path | str, dataset: Dataset, results: Sequence[RunResult], store: Store
) -> Path:
    """Write `html_report` to a file, replacing an earlier one whole."""
    path = Path(path)
    output_folder(path.parent)
    write_text(path, html_report(dataset, results, store))
    return path


def html_report(dataset: Dataset, results: Sequence[RunResult], store: Store) -> str:
    """One self-contained page about finished runs; the best of them is shown in full.

    The best run is the one with the highest AMI, or silhouette where there are no labels. Its
    map turns; each of its clusters shows the images nearest to its centre.

    Parameters
    ----------
    results : at least one finished run on `dataset`
    store : holds the runs' arrays; thumbnails that it lacks are made and kept there
    """
    order = ranked(results)
    best = results[order[0]]
    labels = np.asarray(read_array(store, best.keys.labels, "labels"))
    parts = (
        _header(dataset, results, best),
        report_map.section(dataset, best, labels, store),
        report_clusters.bars(dataset, [results[i] for i in order], store),
        report_clusters.cards(dataset, best, labels, store),
        report_clusters.contingency(dataset, labels),
        _metrics(dataset, results),
        _rejected(dataset),
        _making(dataset, best),
    )
    page = (ASSETS / "report.html").read_text("utf-8")
    slots = {
        "TITLE": escape(f"{dataset.name}: {best.n_clusters} clusters"),
        "STYLE": (ASSETS / "report.css").read_text("utf-8"),
        "SCRIPT": (ASSETS / "report.js").read_text("utf-8"),
        "BODY": "\n".join(filter(None, parts)),
    }
    # Cut at the slots once, so that nothing inside the data can be taken for a slot.
    pieces = page.split("%%")
    return "".join(slots[p] if i % 2 else p for i, p in enumerate(pieces))


def _header(dataset: Dataset, results: Sequence[RunResult], best: RunResult) -> str:
    verdict = words.verdict(dataset, best, results)
    left_out = 1 - (best.metrics.get("coverage") or 0.0)
    if left_out > 0.0005:
        verdict += f" {left_out:.1%} of the images are in no cluster: noise or outliers."
    return (
        f"<header><p class=brand>Facette</p><h1>{escape(words.headline(dataset, best))}</h1>"
        f"<p class=lead>{escape(verdict)}</p></header>"
    )


def _metrics(dataset: Dataset, results: Sequence[RunResult]) -> str:
    rows = results_rows(dataset, results)
    known = {m.name: m for m in METRICS}
    shown = [n for n in METRIC_COLUMNS if any(row[n] is not None for row in rows)]
    head = "".join(
        f'<th title="{escape(known[n].sentence)}">{escape(known[n].label)}</th>' for n in shown
    )
    best = best_of_columns(rows)
    body = []
    for i, row in enumerate(rows):
        cells = "".join(_figure(row, n, i in best.get(n, ())) for n in shown)
        body.append(
            f'<tr><th title="{row["run"]}">{row["run"]}</th>'
            f"<td>{row['n_clusters']}</td>{cells}"
            f"<td>{row['seconds']:.1f}</td></tr>"
        )
    legend = " The best of each column is marked with a star." if len(rows) > 1 else ""
    return (
        "<section><h2>All figures</h2><p class=note>Point at a name to read what it measures."
        f"{legend}</p><div class=scroll><table class=figures><thead><tr><th>run</th><th>k</th>"
        f"{head}<th>seconds</th></tr></thead><tbody>{''.join(body)}</tbody></table></div></section>"
    )


def _figure(row: Mapping[str, Any], name: str, is_best: bool) -> str:
    value = row[name]
    if value is None:
        return "<td>\N{EN DASH}</td>"
    text = f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3f}"
    return f"<td class=best>{text} ★</td>" if is_best else f"<td>{text}</td>"


def _rejected(dataset: Dataset) -> str:
    if not dataset.rejected:
        return ""
    n = len(dataset.rejected)
    items = "".join(
        f"<li><b>{escape(r.id)}</b> {escape(r.reason)}</li>"
        for r in dataset.rejected[:MAX_REJECTED]
    )
    more = f"<li>and {n - MAX_REJECTED:,} more</li>" if n > MAX_REJECTED else ""
    title = "1 file could not be used" if n == 1 else f"{n:,} files could not be used"
    return f"<section><h2>{title}</h2><ul class=rejected>{items}{more}</ul></section>"


def _making(dataset: Dataset, best: RunResult) -> str:
    config = best.config
    options = {
        "--data": Path(dataset.source.path).name or dataset.source.kind,
        "--descriptor": config.descriptor, "--outliers": config.outliers,
        "--reduce": config.reducer, "--cluster": config.clusterer, "--map": config.map,
        "--scale": config.scale, "--weights": ",".join(f"{w:g}" for w in config.weights or ()),
        "--block-pca": config.block_pca, "--seed": config.seed,
    }  # fmt: skip
    said = [f"{name} {shlex.quote(str(v))}" for name, v in options.items() if v not in (None, "")]
    command = " ".join(["python -m core run", *said, "--out DIR"])
    chosen = best.about.get("k_chosen_by")
    notes = [f"k = {best.n_clusters}, chosen by {chosen}."] if chosen else []
    items = "".join(f"<li>{escape(note)}</li>" for note in (*notes, *best.notes))
    made = ", ".join(f"{name} {version}" for name, version in _versions().items())
    return (
        f"<section><h2>How the best run was made</h2><pre>{escape(command)}</pre>"
        f"<ul>{items}</ul><p class=note>Facette {core.__version__} with {escape(made)}. "
        f"Data {escape(dataset.key)}.</p></section>"
    )


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
