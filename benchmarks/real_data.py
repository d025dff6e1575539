"""How well descriptions group real images: MNIST, product photos, dogs. For --large only."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import Table, scratch_store, shared_data
from benchmarks.quality import defaults, table
from core.datasets import open_dataset
from core.runs import RunConfig
from core.types import Source

NAME = "real_data"
TITLE = "Quality: real images"
MNIST = RunConfig("hog:size=32", reducer="umap:n_components=10", clusterer="gaussian_mixture")
MNIST_METRICS = {"accuracy": "accuracy", "nmi": "NMI", "ari": "ARI", "ami": "AMI"}


def measure(large: bool) -> list[Table]:
    """MNIST's test set and three sets of photos, where the folder of real data is there."""
    data = shared_data()
    if not large or data is None:
        return []
    flipkart = str(data / "flipkart1050" / "products.csv")
    with scratch_store() as store, _in_classes(data / "myntra") as myntra:
        mnist = open_dataset(Source("arrays", str(data / "mnist_t10k.npz")), store)
        tables = [table("MNIST: 10,000 test digits", mnist, [MNIST], store, MNIST_METRICS)]
        for title, source in {
            "Flipkart: product photos": Source("table", flipkart, "image", "label"),
            "Myntra: catalogue photos by sub-category": Source("folder", str(myntra)),
            "Dogs: photos of five breeds": Source("folder", str(data / "dogs5")),
        }.items():
            dataset = open_dataset(source, store)
            size = f"{len(dataset):,} images, {len(dataset.class_names)} classes"
            tables.append(defaults(f"{title}, {size}", dataset, store))
    return tables


@contextmanager
def _in_classes(myntra: Path) -> Iterator[Path]:
    """Myntra's flat folder of photos as a folder a sub-category."""
    with tempfile.TemporaryDirectory() as name, (myntra / "styles.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            target = Path(name) / row["subCategory"] / row["image"]
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(myntra / "images" / row["image"], target)
        yield Path(name)
