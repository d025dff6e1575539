"""The commands. Each is a few lines: read, one call into core, write."""

from __future__ import annotations

import csv
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
def prepare(
    images: Annotated[Path, typer.Option(help="Folder of images")],
    metadata: Annotated[Path, typer.Option(help="A folder of JSON files, or a .csv or .tsv")],
    field: Annotated[str, typer.Option(help="Where the class stands: a.b.c in JSON, or a column")],
    out: Annotated[Path, typer.Option(help="Folder for the training set")],
    classes: Annotated[str, typer.Option(help="Those to use, as in A,B,C; all by default")] = "",
    balance: Annotated[
        bool, typer.Option(help="Take as many images of each class as the smallest has")
    ] = False,
    most: Annotated[int | None, typer.Option(help="At most so many images a class")] = None,
    split: Annotated[str, typer.Option(help="Train, validation, test")] = "60,20,20",
    seed: Annotated[int, typer.Option(help="Seed of everything random")] = 0,
    level: Annotated[
        int | None, typer.Option(help="Levels of a category path (A >> B >> C) that make a class")
    ] = None,
    image_column: Annotated[str, typer.Option(help="What names the image in the metadata")] = "",
    rest: Annotated[bool, typer.Option(help="Write what balancing removes to rest/")] = False,
) -> None:
    """Sort product photos into train, validation and test with a folder a class."""
    from core.prepare import Preparation
    from core.prepare import prepare as prepared_from
    from core.prepare_report import summary

    store, progress = Store(), _Progress()
    request = Preparation(
        images=str(images), metadata=str(metadata), field=field, out=str(out),
        classes=_names(classes), balance=balance, most=most, shares=_shares(split), seed=seed,
        level=level, image_column=image_column, rest=rest,
    )  # fmt: skip
    prepared = prepared_from(request, store, progress.hear)
    progress.close()
    typer.echo(summary(prepared))


@app.command()
def train(
    data: Annotated[str, typer.Option(help="A folder a class, or train|validation|test/CLASS")],
    out: Annotated[Path, typer.Option(help="Folder for the model, or for the study's models")],
    model: Annotated[str, typer.Option(help="scratch, transfer or fine_tune")] = "transfer",
    backbone: Annotated[str, typer.Option(help="Pretrained network")] = "efficientnet_lite0",
    augment: Annotated[bool, typer.Option(help="Change training images at random")] = True,
    epochs: Annotated[int | None, typer.Option(help="At most so many")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random")] = 0,
    size: Annotated[int | None, typer.Option(help="Side of the working image, pixels")] = None,
    set: Annotated[
        list[str] | None, typer.Option(help="Another parameter, as in dropout=0.5; may be repeated")
    ] = None,
    study: Annotated[
        bool, typer.Option("--study", help="All three models, with and without augmentation")
    ] = False,
    folds: Annotated[int, typer.Option(help="Repeat in so many stratified folds")] = 0,
    search: Annotated[int, typer.Option(help="Try so many settings first, by validation")] = 0,
    image_column: Annotated[str, typer.Option(help="CSV: the column of image paths")] = "",
    label_column: Annotated[str, typer.Option(help="CSV: the column of classes")] = "",
) -> None:
    """Train a network to name the class of an image, or compare several in a study."""
    from core.cnn import studies, study_files
    from core.cnn.config import Study, TrainConfig
    from core.datasets import open_dataset, source_from

    store, progress = Store(), _Progress()
    given = dict(
        model=model, backbone=backbone, augment=augment, epochs=epochs, seed=seed, size=size
    )
    config = TrainConfig.from_texts(set or (), given)
    source = source_from(data, image_column, label_column)
    asked = Study(source, config, variants=study, folds=folds, search=search)
    study_files.check_target(out)
    dataset = open_dataset(source, store, progress.hear)
    for rejected in dataset.rejected:
        progress.say(f"left out: {printable(rejected.id)}: {rejected.reason}")
    rows, failed = studies.carry_out(dataset, asked, store, progress.hear)
    progress.close()
    if rows:
        study_files.write(out, asked, rows, store)
        typer.echo(study_files.text(rows))
    store.prune()
    for one, error in failed if len(asked.configs()) > 1 else ():
        progress.say(f"failed: {one.variant}: {error}")
    if failed:
        raise failed[0][1]


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model")],
    image: Annotated[list[Path], typer.Argument(help="Image files")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,
) -> None:
    """Name the class of images with a trained model."""
    from core.cnn import artefact, requests

    classifier, progress = artefact.load(model), _Progress()
    named = requests.name_files(classifier, {str(p): p for p in image}, progress.hear)
    progress.close()
    typer.echo(
        requests.named_json(classifier, named)
        if json
        else requests.named_text(named, classifier.classes)
    )
    if named.rejected:
        first = named.rejected[0]
        raise InputError(f"{printable(first.id)}: {first.reason.rstrip('.')}.")


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


@app.command()
def serve(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model")],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is all")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes one that is free")] = 8000,
    limit_mb: Annotated[float | None, typer.Option(help="Largest file, in megabytes")] = None,
    limit_megapixels: Annotated[
        float | None, typer.Option(help="Largest image, in megapixels")
    ] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds a request may take")] = None,
    max_requests: Annotated[int | None, typer.Option(help="Requests at the same time")] = None,
    max_files: Annotated[int | None, typer.Option(help="Files in one /predict/batch")] = None,
    max_batch: Annotated[int | None, typer.Option(help="Images predicted together")] = None,
    max_wait_ms: Annotated[
        float | None, typer.Option(help="Milliseconds an image waits for company")
    ] = None,
) -> None:
    """Answer HTTP requests with a trained model: POST /predict/, and /docs to try it."""
    from core.cnn import artefact
    from core.service import server
    from core.service.settings import Settings

    settings = Settings.from_environment(
        limit_mb=limit_mb,
        limit_megapixels=limit_megapixels,
        timeout=timeout,
        max_requests=max_requests,
        max_files=max_files,
        max_batch=max_batch,
        max_wait_ms=max_wait_ms,
    )
    name = artefact.read(model).name
    listener = server.take_port(host, port)
    from core.serving import create_app

    def ready(address: str) -> None:
        typer.echo(f"Serving {printable(name)} at {address}, see {address}/docs", err=True)

    server.serve(create_app(lambda: artefact.load(model), settings), listener, settings, ready)


def main() -> None:
    """Run a command; one line on standard error and exit status 2 for what the user can mend."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = app(sys.argv[1:] or ["--help"], standalone_mode=False)
        if status == 130:  # what typer makes of Ctrl-C in this mode, without a word
            raise KeyboardInterrupt
    except TyperException as error:
        known = [name for name in sys.argv[1:2] if name in _command_names()]
        do = " ".join(["See python -m core", *known, "--help."])
        sys.exit(_failure(f"{error.format_message().rstrip('.')}. {do}", 2))
    except InputError as error:
        sys.exit(_failure(str(error), 2))
    except FacetteError as error:
        sys.exit(_failure(str(error), 1))
    except (KeyboardInterrupt, Abort, Cancelled):
        sys.exit(_failure("stopped; what was finished is kept and will not be computed again", 130))


def _command_names() -> set[str]:
    return {command.name or command.callback.__name__ for command in app.registered_commands}  # type: ignore[union-attr]


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


def _names(text: str) -> tuple[str, ...]:
    """Names with commas between; one that has a comma itself is in double quotes."""
    row = next(csv.reader([text], skipinitialspace=True), [])
    return tuple(dict.fromkeys(" ".join(name.split()) for name in row if name.strip()))


def _shares(text: str) -> tuple[float, float, float]:
    try:
        train, validation, test = (float(part) for part in text.split(","))
    except ValueError:
        raise input_error("split", text, "three numbers with commas, as in 60,20,20") from None
    return train, validation, test


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
