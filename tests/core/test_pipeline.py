"""The pipeline: nothing is computed twice, rows never vanish, the same run gives the same bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from core import pipeline
from core.errors import Cancelled, FacetteError, InputError
from core.events import Context, Event
from core.keys import key_of, key_of_array
from core.runs import Comparison, Keys, RunConfig
from core.stages import Stages
from core.store import Store
from core.types import NOISE, OUTLIER, Dataset, Source


def shapes(n: int = 60, labelled: bool = True) -> Dataset:
    """Small grey images: bright left halves, bright right halves, all grey, with noise."""
    rng = np.random.default_rng(3)
    images = rng.integers(0, 60, (n, 16, 16), np.uint8)
    classes = np.arange(n, dtype=np.int32) % 3
    images[classes == 0, :, :8] += 180
    images[classes == 1, :8, :] += 180
    return Dataset(
        name="halves",
        source=Source("arrays"),
        ids=tuple(f"image-{i:03d}" for i in range(n)),
        sizes=np.full((n, 2), 16, np.int32),
        read=lambda i, size: images[i],
        images_key=key_of_array(images),
        labels=classes if labelled else None,
        class_names=("left", "top", "none") if labelled else (),
    )


class Heard(list[Event]):
    """A listener that remembers."""

    def __call__(self, event: Event) -> None:
        self.append(event)

    def stages(self, status: str) -> list[str]:
        return [e.stage for e in self if e.status == status]


def config(**changes: object) -> RunConfig:
    return RunConfig("raw_pixels", **{"reducer": "pca:n_components=5", **changes})  # type: ignore[arg-type]


def test_a_run_finds_the_halves_and_keeps_every_row(tmp_path: Path) -> None:
    data, store = shapes(), Store(tmp_path, layers=())
    result = pipeline.run(data, config(), store)
    assert result.n_clusters == 3 and result.metrics["ami"] == pytest.approx(1.0)
    assert result.about["k_chosen_by"] == "the number of classes"
    entry = store.get(result.keys.map)
    assert entry is not None and entry.array("values").shape == (60, 3)


def test_moving_k_computes_only_clusters_and_metrics(tmp_path: Path) -> None:
    data, store = shapes(), Store(tmp_path, layers=())
    pipeline.run(data, config(), store)
    heard = Heard()
    result = pipeline.run(data, config(clusterer="kmeans:n_clusters=4"), store, heard)
    assert heard.stages("computed") == ["labels", "metrics"]
    assert result.n_clusters == 4


def test_an_equal_run_computes_nothing_even_for_somebody_else(tmp_path: Path) -> None:
    store = Store(tmp_path, layers=())
    first = pipeline.run(shapes(), config(), store)
    heard = Heard()
    again = pipeline.run(shapes(), config(), store, heard)
    assert heard.stages("computed") == [] and again == first
    assert pipeline.stored(shapes(), config(), store) == first


def test_adding_a_descriptor_computes_only_its_block(tmp_path: Path) -> None:
    data, store = shapes(), Store(tmp_path, layers=())
    pipeline.run(data, config(), store)
    heard = Heard()
    joined = RunConfig("raw_pixels+gray_histogram", reducer="pca:n_components=5")
    pipeline.run(data, joined, store, heard)
    blocks = [e.name for e in heard if e.stage == "block" and e.status == "computed"]
    assert blocks == ["gray_histogram"]
    assert [e.name for e in heard if e.stage == "block" and e.status == "cached"] == [
        "raw_pixels:size=16"
    ]


def test_labels_do_not_enter_the_features(tmp_path: Path) -> None:
    store = Store(tmp_path, layers=())
    pipeline.run(shapes(), config(clusterer="kmeans:n_clusters=3"), store)
    heard = Heard()
    unlabelled = config(clusterer="kmeans:n_clusters=3")
    result = pipeline.run(shapes(labelled=False), unlabelled, store, heard)
    assert heard.stages("computed") == ["metrics"]
    assert result.metrics["ami"] is None and result.metrics["silhouette"] is not None


def test_the_same_run_in_two_stores_gives_the_same_bytes(tmp_path: Path) -> None:
    names = ("outliers", "reduced", "map", "labels")
    found = []
    for folder in ("a", "b"):
        store = Store(tmp_path / folder, layers=())
        asked = config(outliers="isolation_forest", reducer="umap:n_components=4")
        keys = pipeline.run(shapes(), asked, store).keys
        files = [sorted((store.get(getattr(keys, n)).folder).glob("*.npy")) for n in names]  # type: ignore[union-attr]
        found.append([f.read_bytes() for group in files for f in group])
    assert found[0] == found[1]


def test_outliers_are_marked_and_still_drawn(tmp_path: Path) -> None:
    store = Store(tmp_path, layers=())
    asked = config(outliers="isolation_forest:contamination=0.1", reducer="umap:n_components=3")
    result = pipeline.run(shapes(), asked, store)
    labels = store.get(result.keys.labels).array("labels")  # type: ignore[union-attr]
    coords = store.get(result.keys.map).array("values")  # type: ignore[union-attr]
    assert (labels == OUTLIER).sum() == 6 and len(labels) == 60
    assert np.isfinite(coords).all()
    assert result.metrics["coverage"] == pytest.approx(0.9)
    distance = store.get(result.keys.labels).array("distance")  # type: ignore[union-attr]
    assert np.isnan(distance[labels == OUTLIER]).all()
    assert np.isfinite(distance[labels >= 0]).all()


def test_k_of_unlabelled_images_is_the_one_with_the_best_silhouette(tmp_path: Path) -> None:
    result = pipeline.run(shapes(labelled=False), config(), Store(tmp_path, layers=()))
    assert result.n_clusters == 3 and result.about["k_chosen_by"] == "silhouette"
    assert any("silhouette" in note for note in result.notes)


def test_without_a_reducer_the_full_matrix_is_clustered(tmp_path: Path) -> None:
    store = Store(tmp_path, layers=())
    result = pipeline.run(shapes(), config(reducer="none"), store)
    assert result.keys.reduced == result.keys.matrix == result.keys.blocks[0]
    matrix = pipeline.matrix(shapes(), result.config, store)
    assert matrix.values.shape[0] == 60 and matrix.slices == {"raw_pixels": (0, 256)}


def test_cancel_keeps_the_finished_stages_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    data, store = shapes(), Store(tmp_path, layers=())

    def stop_at_labels(event: Event) -> None:
        if event.stage == "labels":
            raise Cancelled

    with pytest.raises(Cancelled):
        pipeline.run(data, config(), store, stop_at_labels)
    assert list((tmp_path / "tmp").iterdir()) == []
    heard = Heard()
    pipeline.run(data, config(), store, heard)
    assert {"block", "reduced"}.isdisjoint(heard.stages("computed"))
    assert "labels" in heard.stages("computed")


def test_a_failing_run_does_not_stop_the_others(tmp_path: Path) -> None:
    asked = Comparison(
        Source("arrays"),
        ("raw_pixels", "gray_histogram"),
        ("kmeans", "dbscan:eps=0.000001"),
        reducer="pca:n_components=2",
    )
    finished, failed = pipeline.compare(shapes(), asked, Store(tmp_path, layers=()))
    assert len(finished) == 4 and failed == []
    noise = finished[1]
    assert noise.n_clusters == 0 and noise.metrics["coverage"] == 0
    assert noise.metrics["silhouette"] is None


@pytest.mark.parametrize(
    ("n", "changes", "said"),
    [
        (1, {}, "at least 2"),
        (5, {"clusterer": "kmeans:n_clusters=6"}, "n_clusters: got 6"),
        (9, {"clusterer": "kmeanss"}, "Did you mean kmeans?"),
        (9, {"reducer": "umap:n_components=x"}, "n_components: got x"),
    ],
)
def test_what_the_user_can_mend_is_said_before_anything_is_computed(
    tmp_path: Path, n: int, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(InputError, match="allowed") as error:
        pipeline.run(shapes(n), config(**changes), Store(tmp_path, layers=()))
    assert said in str(error.value) and not (tmp_path / "entries").exists()


def test_values_that_are_not_numbers_are_named_with_their_image(tmp_path: Path) -> None:
    store = Store(tmp_path, layers=())
    stages = Stages(store, lambda event: None, 0, ("a.png", "b.png", "c.png"))
    values = np.array([[1.0], [np.nan], [2.0]], np.float32)
    with pytest.raises(FacetteError, match=r"1 of 3 rows, first for b\.png"):
        stages.entry("block", key_of("x"), "broken", lambda context: ({"values": values}, {}))
    assert store.get(key_of("x")) is None


def test_a_library_error_becomes_one_sentence(tmp_path: Path) -> None:
    def work(context: Context) -> tuple[dict[str, np.ndarray], dict[str, object]]:
        raise ValueError("Expected 2D array,\ngot 1D array instead")

    stages = Stages(Store(tmp_path, layers=()), lambda event: None, 0, ())
    with pytest.raises(FacetteError, match="thing failed at the reduced stage: Expected 2D"):
        stages.entry("reduced", key_of("y"), "thing", work)


def test_noise_has_its_own_label(tmp_path: Path) -> None:
    store = Store(tmp_path, layers=())
    result = pipeline.run(shapes(), config(clusterer="hdbscan:min_cluster_size=5"), store)
    labels = store.get(result.keys.labels).array("labels")  # type: ignore[union-attr]
    assert labels.dtype == np.int32 and labels.min() >= NOISE


def test_a_result_whose_stages_were_pruned_is_computed_again(tmp_path: Path) -> None:
    data, store = shapes(), Store(tmp_path, layers=())
    first = pipeline.run(data, config(), store)
    shutil.rmtree(store.get(first.keys.labels).folder)  # type: ignore[union-attr]
    assert pipeline.stored(data, config(), store) is None
    heard = Heard()
    assert pipeline.run(data, config(), store, heard).metrics == first.metrics
    assert heard.stages("computed") == ["labels"]
    assert pipeline.stored(data, config(), store) is not None


@pytest.mark.parametrize("reducer", ["pca:n_components=3", "umap:n_components=3", "none"])
def test_two_images_have_a_map_of_three_coordinates(tmp_path: Path, reducer: str) -> None:
    store = Store(tmp_path, layers=())
    asked = config(reducer=reducer, clusterer="kmeans:n_clusters=2")
    result = pipeline.run(shapes(2), asked, store)
    assert store.get(result.keys.map).array("values").shape == (2, 3)  # type: ignore[union-attr]
    if reducer != "none":  # only the map is filled up with zeros
        assert store.get(result.keys.reduced).array("values").shape[1] < 3  # type: ignore[union-attr]


def test_the_seed_counts_where_it_draws_rows(tmp_path: Path) -> None:
    def keys(seed: int, clusterer: str, labelled: bool) -> Keys:
        asked = config(reducer="none", clusterer=clusterer, seed=seed)
        return pipeline.keys_of(shapes(labelled=labelled), asked)

    given = "agglomerative:n_clusters=3"  # it uses no seed
    assert keys(0, given, True).labels == keys(1, given, True).labels
    assert keys(0, given, True).metrics != keys(1, given, True).metrics
    assert keys(0, "agglomerative", False).labels != keys(1, "agglomerative", False).labels
    assert keys(0, "kmeans", True).labels != keys(1, "kmeans", True).labels


def test_weights_that_fit_no_signature_are_refused(tmp_path: Path) -> None:
    asked = Comparison(Source("arrays"), ("raw_pixels",), weights=(1.0, 2.0))
    with pytest.raises(InputError, match="number of weights: got 2, allowed is none"):
        pipeline.compare(shapes(), asked, Store(tmp_path, layers=()))
    joined = Comparison(Source("arrays"), ("raw_pixels+gray_histogram",), weights=(1.0,) * 3)
    with pytest.raises(InputError, match="number of weights: got 3, allowed is 2"):
        pipeline.compare(shapes(), joined, Store(tmp_path, layers=()))


def test_whatever_a_library_raises_ends_only_its_run(tmp_path: Path) -> None:
    def work(context: Context) -> tuple[dict[str, np.ndarray], dict[str, object]]:
        raise TypeError("k must be less than ndim(A)")

    stages = Stages(Store(tmp_path, layers=()), lambda event: None, 0, ())
    with pytest.raises(FacetteError, match="spectral failed at the labels stage: k must be less"):
        stages.entry("labels", key_of("z"), "spectral", work)
