"""How well networks name the classes of real photos: from scratch, transfer, fine-tuned."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import ROOT, Table, scratch_store, shared_data, spread
from benchmarks.browser import chromium, chromium_path
from core.cnn import artefact, studies, training
from core.cnn.config import Study, TrainConfig
from core.cnn.requests import name_files
from core.cnn.studies import Row
from core.datasets import open_dataset
from core.prepare import Preparation, prepare
from core.store import Store
from core.training_plots import StudyRow, study_chart
from core.types import Source

NAME = "classification"
TITLE = "Classification: from scratch, transfer, fine-tuned"
SEEDS = (0, 1, 2)
CLOTHES = ("Topwear", "Bottomwear", "Shoes")
COLUMNS = ("model", "training", "validation", "test", "seconds", "weights")
FLATTERED = (
    "ImageNet, on which the backbone was trained, holds these breeds and many of these very "
    "photos: transfer and fine-tuning are flattered here. "
)
ONE_SEED = "One study with seed 0; a test image more or less is as much as the last step tells."


def measure(large: bool) -> list[Table]:
    """Digits from scratch; with --large also clothes, dogs and products, each as a study."""
    with scratch_store() as store:
        tables = [_digits(store)]
        data = shared_data()
        if large and data is not None:
            with tempfile.TemporaryDirectory() as folder:
                tables += _clothes(data / "myntra", Path(folder) / "clothes", store)
                dogs = _study(Source("folder", str(data / "dogs5")), "dogs", store)
                tables.append(_table("Dogs: five breeds", dogs, FLATTERED + ONE_SEED))
                tables.append(_products(data / "flipkart1050", Path(folder) / "products", store))
    return tables


def _digits(store: Store) -> Table:
    config = TrainConfig(model="scratch", augment=False)
    note = "Three seeds, each with its own split; median, with the range. Augmentation off."
    return _over_seeds("Digits: 1,797 images, 10 classes", Source("digits"), config, store, note)


def _clothes(myntra: Path, target: Path, store: Store) -> list[Table]:
    request = Preparation(
        images=str(myntra / "images"), metadata=str(myntra / "styles"), rest=True, balance=True,
        field="data.subCategory.typeName", out=str(target), classes=CLOTHES,
    )  # fmt: skip
    prepare(request, store)
    source, title = Source("folder", str(target)), "Clothes: Topwear, Bottomwear, Shoes, 231 each"
    config = TrainConfig(model="scratch")
    note = "Three seeds of the network on one split; median, with the range."
    rows = _study(source, "clothes", store)
    return [
        _table(title, rows, ONE_SEED),
        _over_seeds("Clothes: from scratch over seeds", source, config, store, note),
        _left_out(target / "rest", rows, store),
    ]


def _left_out(folder: Path, rows: Sequence[Row], store: Store) -> Table:
    """Errors of every model on the images that balancing left out."""
    files = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*.*"))}
    lines = []
    for row in rows:
        classifier = artefact.load(training.model_folder(store, row.models[0]))
        named = name_files(classifier, files, lambda event: None)
        said = [classifier.classes[i] for i in named.probabilities.argmax(axis=1)]
        wrong = sum(n.split("/")[0] != s for n, s in zip(named.files, said, strict=True))
        best = " (best by validation)" if row == studies.best(rows) else ""
        lines.append((row.config.variant + best, f"{len(named.files):,}", f"{wrong}"))
    columns = ("model", "images", "errors")
    note = "None of them was learnt from. Some labels of this collection are wrong themselves."
    return Table("Clothes: the images that balancing left out", columns, lines, note)


def _products(flipkart: Path, target: Path, store: Store) -> Table:
    request = Preparation(
        images=str(flipkart / "images"), metadata=str(flipkart / "products.csv"),
        field="label", out=str(target),
    )  # fmt: skip
    prepare(request, store)
    rows = _study(Source("folder", str(target)), "products", store)
    return _table("Flipkart: seven categories of products", rows, ONE_SEED)


def _study(source: Source, name: str, store: Store) -> list[Row]:
    """The six models of a study; its chart goes to docs/images."""
    rows = _rows(source, TrainConfig(), True, store)
    bars = [
        StudyRow(r.config.variant, train, r.mean["validation_accuracy"], r.mean["accuracy"])
        for r in rows
        for train in [r.mean["validation_accuracy"] + r.mean["gap"]]
    ]
    _picture(study_chart(bars), ROOT / "docs" / "images" / f"study_{name}.png")
    return rows


def _picture(figure: object, path: Path) -> None:
    """Draw a plotly figure in the browser; where there is none, the picture stays as it was."""
    import plotly.graph_objects as go

    if chromium_path() is None:
        return
    html = go.Figure(figure).to_html(include_plotlyjs=True, config={"displayModeBar": False})
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 900, "height": 560})
        page.set_content(html)
        page.wait_for_selector(".js-plotly-plot .main-svg")
        page.locator(".js-plotly-plot").screenshot(path=path)


def _over_seeds(title: str, source: Source, config: TrainConfig, store: Store, note: str) -> Table:
    rows = [_rows(source, dataclasses.replace(config, seed=s), False, store)[0] for s in SEEDS]
    return Table(title, COLUMNS, [_line(rows)], note)


def _table(title: str, rows: Sequence[Row], note: str) -> Table:
    return Table(title, COLUMNS, [_line([row]) for row in rows], note)


def _rows(source: Source, config: TrainConfig, variants: bool, store: Store) -> list[Row]:
    dataset = open_dataset(source, store)
    rows, failed = studies.carry_out(dataset, Study(source, config, variants), store)
    if failed:
        raise failed[0][1]
    return rows


def _line(rows: Sequence[Row]) -> tuple[str, ...]:
    def of(measure: str, digits: int = 3) -> str:
        return spread([row.mean[measure] for row in rows], digits)

    train = spread([row.mean["validation_accuracy"] + row.mean["gap"] for row in rows])
    return (
        rows[0].config.variant, train, of("validation_accuracy"), of("accuracy"),
        of("seconds", 0), f"{rows[0].mean['parameters']:,.0f}",
    )  # fmt: skip
