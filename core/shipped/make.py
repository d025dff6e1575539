"""Makes the shipped layer anew: `python -m core.shipped.make [FOLDER]`.

It holds what the first screen needs of the default comparison on scikit-learn's digits: the
images, the thumbnails, and of every run all stages but the descriptors' own matrices, which are
large and are computed when somebody asks for more.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from core import pipeline
from core.datasets import open_dataset
from core.datasets.digits import DIGITS_KEY
from core.runs import Comparison
from core.store import SHIPPED, Store
from core.thumbnails import make_atlas
from core.types import Source

COMPARISON = Comparison(Source("digits"))


def make(target: Path) -> None:
    """Compute the default comparison and write the layer into `target`."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), layers=())
        dataset = open_dataset(COMPARISON.source, store)
        wanted = {DIGITS_KEY, make_atlas(dataset, store)}
        finished, failed = pipeline.compare(dataset, COMPARISON, store)
        for _, error in failed:
            raise error
        for result in finished:
            keys = result.keys
            wanted |= {keys.outliers, keys.reduced, keys.map, keys.labels, keys.metrics}
            wanted.add(pipeline.result_key(dataset, result.config))
        store.save_record("comparisons", COMPARISON.id, COMPARISON.to_json())
        for part in ("entries", "records"):
            shutil.rmtree(target / part, ignore_errors=True)
        for key in sorted(wanted):
            shutil.copytree(store.root / "entries" / key[:2] / key,
                            target / "entries" / key[:2] / key)  # fmt: skip
        shutil.copytree(store.root / "records", target / "records")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED)
