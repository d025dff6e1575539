"""How well networks name the classes of real photos: from scratch, transfer, fine-tuned."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import Table, scratch_store, shared_data, spread
from core.cnn import artefact, studies, training
from core.cnn.config import Study, TrainConfig
from core.cnn.requests import name_files
from core.cnn.studies import Row
from core.datasets import open_dataset
from core.prepare import Preparation, prepare
from core.store import Store
from core.types import Source

NAME = "classification"
TITLE = "Classification: from scratch, transfer, fine-tuned"
SEEDS = (0, 1, 2)
CLOTHES = ("Topwear", "Bottomwear", "Shoes")
COLUMNS = ("model", "test accuracy", "validation", "training minus validation", "seconds")
FLATTERED = (
    "The backbone was trained on ImageNet, which holds these very breeds and many of these very "
    "photos: transfer and fine-tuning are flattered here."
)


def measure(large: bool) -> list[Table]:
    """Digits from scratch; with --large also clothes, dogs and products, each as a study."""
    with scratch_store() as store:
        tables = [_digits(store)]
        data = shared_data()
        if large and data is not None:
            with tempfile.TemporaryDirectory() as folder:
                tables += [*_clothes(data, Path(folder), store), _dogs(data, store)]
                tables.append(_products(data, Path(folder), store))
    return tables


def _digits(store: Store) -> Table:
    source, config = Source("digits"), TrainConfig(model="scratch", augment=False)
    found = [_rows(source, dataclasses.replace(config, seed=s), False, store)[0] for s in SEEDS]
    note = (
        "359 test images; augmentation off. The best published 10-fold figure of an SVM is 0.991."
    )
    return Table("Digits", COLUMNS, [_line([row]) for row in _by_model(found)], note)


def _clothes(data: Path, folder: Path, store: Store) -> list[Table]:
    target = folder / "clothes"
    request = Preparation(
        images=str(data / "myntra" / "images"), metadata=str(data / "myntra" / "styles"),
        field="data.subCategory.typeName", out=str(target), classes=CLOTHES, balance=True,
        rest=True,
    )  # fmt: skip
    prepare(request, store)
    rows = _study(Source("folder", str(target)), store)
    table = _table("Clothes: Topwear, Bottomwear, Shoes, 231 each", rows)
    return [table, _rest(target / "rest", rows, store)]


def _rest(folder: Path, rows: Sequence[Sequence[Row]], store: Store) -> Table:
    """Errors on the images that balancing left out, by the best model of each seed."""
    files = {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}
    lines = []
    for seed, found in zip(SEEDS, rows, strict=True):
        best = studies.best(found)
        classifier = artefact.load(training.model_folder(store, best.models[0]))
        named = name_files(classifier, files, lambda event: None)
        said = [classifier.classes[i] for i in named.probabilities.argmax(axis=1)]
        wrong = sum(name.split("/")[0] != one for name, one in zip(named.files, said, strict=True))
        lines.append((f"{seed}", best.config.variant, f"{len(named.files):,}", f"{wrong}"))
    columns = ("seed", "best by validation", "images that balancing left out", "errors")
    return Table("Clothes: the images that balancing left out", columns, lines)


def _dogs(data: Path, store: Store) -> Table:
    rows = _study(Source("folder", str(data / "dogs5")), store)
    return _table("Dogs: five breeds", rows, FLATTERED)


def _products(data: Path, folder: Path, store: Store) -> Table:
    target = folder / "products"
    flipkart = data / "flipkart1050"
    request = Preparation(
        images=str(flipkart / "images"), metadata=str(flipkart / "products.csv"),
        field="label", out=str(target),
    )  # fmt: skip
    prepare(request, store)
    rows = _study(Source("folder", str(target)), store)
    return _table("Flipkart: seven categories of products", rows)


def _study(source: Source, store: Store) -> list[list[Row]]:
    """The six models of a study, for each seed."""
    return [_rows(source, TrainConfig(seed=seed), True, store) for seed in SEEDS]


def _rows(source: Source, config: TrainConfig, variants: bool, store: Store) -> list[Row]:
    dataset = open_dataset(source, store)
    rows, failed = studies.carry_out(dataset, Study(source, config, variants), store)
    if failed:
        raise failed[0][1]
    return rows


def _by_model(rows: Sequence[Row]) -> list[Sequence[Row]]:
    return [rows]


def _table(title: str, rows: Sequence[Sequence[Row]], note: str = "") -> Table:
    lines = [_line(list(same)) for same in zip(*rows, strict=True)]
    counts = rows[0][0]
    about = f"Median of seeds {SEEDS[0]} to {SEEDS[-1]}, with the range; each seed draws its parts"
    about += " unless they are given as folders." if counts else "."
    return Table(title, COLUMNS, lines, f"{about} {note}".strip())


def _line(rows: Sequence[Row]) -> tuple[str, ...]:
    def of(measure: str, digits: int = 3) -> str:
        return spread([row.mean[measure] for row in rows], digits)

    seconds = of("seconds", 0)
    variant = rows[0].config.variant
    return (variant, of("accuracy"), of("validation_accuracy"), of("gap"), seconds)
