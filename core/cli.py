"""The commands. Each is a few lines: read, one call into core, write."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from core import pipeline, registry
from core.errors import Cancelled, FacetteError, InputError, input_error, printable
from core.events import Event
from core.params import to_text
from core.runs import DEFAULT_DESCRIPTORS, DEFAULT_REDUCER, Comparison
from core.store import Store

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Facette: which description of my images groups them best?",
)


@app.callback()
def _commands() -> None:
    """Find out which description of your images groups them best."""


@app.command()
def run(
    data: Annotated[str, typer.Option(help="digits, a folder, a .zip, an .npz, a .csv or .tsv")],
    out: Annotated[Path, typer.Option(help="Folder for the results")],
    descriptor: Annotated[
        list[str] | None,
        typer.Option(help="NAME or NAME:PARAM=VALUE,…; join with +; may be repeated"),
    ] = None,
    outliers: Annotated[str, typer.Option(help="Outlier detector")] = "none",
    reduce: Annotated[str, typer.Option(help="Reducer")] = DEFAULT_REDUCER,
    cluster: Annotated[list[str] | None, typer.Option(help="Clusterer; may be repeated")] = None,
    map: Annotated[str | None, typer.Option(help="pca, tsne or umap, for the 3D map")] = None,
    scale: Annotated[str | None, typer.Option(help="standard, l2 or none")] = None,
    weights: Annotated[
        str | None, typer.Option(help="One number a joined descriptor: 1,0.5")
    ] = None,
    block_pca: Annotated[int | None, typer.Option(help="PCA of each block before joining")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random")] = 0,
    image_column: Annotated[str, typer.Option(help="CSV: the column of image paths")] = "",
    label_column: Annotated[str, typer.Option(help="CSV: the column of classes")] = "",
    text_column: Annotated[
        list[str] | None, typer.Option(help="CSV: text, may be repeated")
    ] = None,
    excel: Annotated[bool, typer.Option(help="Write Excel workbooks too")] = False,
    sort_images: Annotated[
        Path | None, typer.Option(help="Copy the images here, a folder a cluster (best run)")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="One HTML file of the whole run")] = None,
) -> None:
    """Describe, cluster and measure images; every pair of descriptor and clusterer is one run."""
    from core import export
    from core.datasets import open_dataset, source_from

    store, progress = Store(), _Progress()
    source = source_from(data, image_column, label_column, tuple(text_column or ()))
    comparison = Comparison(
        source=source,
        descriptors=tuple(descriptor or DEFAULT_DESCRIPTORS),
        clusterers=tuple(cluster or ("kmeans",)),
        outliers=outliers,
        reducer=reduce,
        map=map,  # type: ignore[arg-type]  # RunConfig checks it
        scale=scale,  # type: ignore[arg-type]
        weights=_weights(weights),
        block_pca=block_pca,
        seed=seed,
    )
    _check(comparison)
    for target in (out, report.parent if report else None):
        if target is not None:
            export.check_target(target)
    dataset = open_dataset(source, store, progress.hear)
    for rejected in dataset.rejected:
        progress.say(f"left out: {printable(rejected.id)}: {rejected.reason}")
    finished, failed = pipeline.compare(dataset, comparison, store, progress.hear)
    progress.close()
    if finished:
        store.save_record("comparisons", comparison.id, comparison.to_json())
        export.write_results(out, dataset, finished, store, excel=excel)
        typer.echo(export.metrics_text(dataset, finished))
        if sort_images is not None:
            best = export.best_result(finished)
            export.sort_images(dataset, best, store, sort_images)
        if report is not None:
            from core.report import write_report

            write_report(report, dataset, finished, store)
    store.prune()
    for config, error in failed if len(comparison.configs()) > 1 else ():
        progress.say(f"failed: {config.descriptor}, {config.clusterer}: {error}")
    if failed:
        raise failed[0][1]


@app.command()
def components() -> None:
    """List every component with its parameters, defaults and allowed values."""
    for kind in registry.FOLDERS:
        typer.echo(kind.upper())
        for name, cls in registry.components(kind).items():
            typer.echo(f"  {name}: {cls.summary}")
            for p in cls.params():
                default = to_text(p.default)
                typer.echo(f"      {p.name}={default}  {p.help} ({p.allowed})")


def main() -> None:
    """Run a command; one line on standard error and exit status 2 for what the user can mend."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = app(sys.argv[1:] or ["--help"], standalone_mode=False)
        if status == 130:  # what typer makes of Ctrl-C in this mode, without a word
            raise KeyboardInterrupt
    except TyperException as error:
        known = [name for name in sys.argv[1:2] if name in ("run", "components")]
        do = " ".join(["See python -m core", *known, "--help."])
        sys.exit(_failure(f"{error.format_message().rstrip('.')}. {do}", 2))
    except InputError as error:
        sys.exit(_failure(str(error), 2))
    except FacetteError as error:
        sys.exit(_failure(str(error), 1))
    except (KeyboardInterrupt, Abort, Cancelled):
        sys.exit(_failure("stopped; what was finished is kept and will not be computed again", 130))


def _failure(message: str, status: int) -> int:
    sys.stderr.write("error: " + " ".join(message.split()) + "\n")
    return status


def _check(comparison: Comparison) -> None:
    """Raise for a wrong name or parameter before any image is read."""
    for config in comparison.configs():
        registry.parse_signature(config.descriptor)
        registry.parse_outliers(config.outliers)
        registry.parse_reducer(config.reducer)
        registry.parse_clusterer(config.clusterer)


def _weights(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise input_error("weights", text, "numbers with commas between, as in 1,0.5") from None


class _Progress:
    """A progress line on standard error: a bar on a terminal, a line a stage elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._drawn = 0.0
        self._held = ""  # said with the next line, so that an error about the data is one line

    def hear(self, event: Event) -> None:
        """Show an event."""
        if event.status in ("computed", "cached"):
            took = f" {event.seconds:.1f} s" if event.status == "computed" else ""
            text = f"{event.status:8} {event.stage:8} {event.name}{took}"
            if event.stage == "open":
                self._held = text.rstrip() + "\n"
            else:
                self.say(text)
        elif event.status == "progress" and event.total and self._live:
            self._bar(event)

    def _bar(self, event: Event) -> None:
        now = time.monotonic()
        if now - self._drawn < 0.1 and event.done < event.total:
            return
        self._drawn = now
        filled = round(24 * event.done / event.total)
        bar = "#" * filled + "-" * (24 - filled)
        label = f"{event.stage} {event.name}".strip()
        sys.stderr.write(f"\r\033[K[{bar}] {event.done}/{event.total} {label}")
        sys.stderr.flush()

    def say(self, text: str) -> None:
        """Write one line."""
        sys.stderr.write(("\r\033[K" if self._live else "") + self._held + text + "\n")
        self._held = ""

    def close(self) -> None:
        """Clear the bar."""
        if self._live:
            sys.stderr.write("\r\033[K")
