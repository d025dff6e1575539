"""The shipped layer is what the pipeline computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import pipeline
from core.datasets import open_dataset
from core.runs import RunConfig
from core.shipped.make import COMPARISON
from core.store import SHIPPED, Store


def test_the_first_screen_is_there_without_computing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    dataset = open_dataset(COMPARISON.source, store)
    results = [pipeline.stored(dataset, config, store) for config in COMPARISON.configs()]
    assert all(result is not None for result in results), "run python -m core.shipped.make"
    assert store.record("comparisons", COMPARISON.id) == COMPARISON.to_json()
    assert not (tmp_path / "entries").exists()


@pytest.mark.parametrize("config", COMPARISON.configs()[2:3], ids=lambda c: c.descriptor)
def test_the_pipeline_computes_the_same(tmp_path: Path, config: RunConfig) -> None:
    own = Store(tmp_path, layers=())
    dataset = open_dataset(COMPARISON.source, own)
    shipped = pipeline.stored(dataset, config, Store(tmp_path / "empty"))
    fresh = pipeline.run(dataset, config, own)
    assert shipped is not None and fresh.keys == shipped.keys
    # Another processor may round UMAP's sums in another way: the same groups, not the same bits.
    assert fresh.metrics["ami"] == pytest.approx(shipped.metrics["ami"], abs=0.03)
    assert fresh.n_clusters == shipped.n_clusters


def test_the_shipped_metrics_belong_to_the_shipped_labels(tmp_path: Path) -> None:
    from sklearn.metrics import adjusted_mutual_info_score

    store = Store(tmp_path)
    dataset = open_dataset(COMPARISON.source, store)
    for config in COMPARISON.configs():
        result = pipeline.stored(dataset, config, store)
        assert result is not None
        entry = store.get(result.keys.labels)
        assert entry is not None and entry.folder.is_relative_to(SHIPPED)
        ami = adjusted_mutual_info_score(dataset.labels, np.asarray(entry.array("labels")))
        assert result.metrics["ami"] == pytest.approx(ami, abs=1e-9)
