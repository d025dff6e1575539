import csv
import json
import tracemalloc

import numpy as np
import pytest

from core.cnn import artefact, fitting, inputs, studies, study_files, training
from core.cnn.config import Study, TrainConfig
from core.cnn.evaluation import read_predictions
from core.datasets import open_dataset, source_from
from core.errors import Cancelled, InputError
from core.events import silent
from core.store import Store
from core.types import Dataset, Source
from tests.core.cnn import coloured

SCRATCH = TrainConfig(model="scratch", size=16, epochs=6, batch_size=8)
BACKBONE = {"weights": "random", "size": 32, "epochs": 2, "views": 2, "batch_size": 8}
TIMES = ("seconds",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return coloured.write(tmp_path_factory.mktemp("data") / "colours", 15)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def dataset(folder, store):
    return open_dataset(source_from(str(folder)), store)


@pytest.fixture(scope="module")
def scratch(dataset, store):
    return training.train(dataset, SCRATCH, store)


def without_times(folder):
    """Every file of a model, as bytes; times are left out."""
    files = {}
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        if file.name == "metrics.json":
            content = {k: v for k, v in json.loads(content).items() if k not in TIMES}
        if file.name == "history.csv":
            rows = list(csv.DictReader(content.decode().splitlines()))
            content = [{k: v for k, v in row.items() if k not in TIMES} for row in rows]
        if file.name == "card.md":
            content = content.decode().replace(f"{json_of(folder)['seconds']:.0f} s", "")
        files[file.name] = content
    return files


def json_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_colours_are_learnt_and_all_files_are_there(scratch):
    names = {file.name for file in scratch.folder.iterdir()}
    assert names == {*artefact.FILES, "embedding.npy"}
    metrics = scratch.metrics
    assert metrics["accuracy"] == 1.0
    assert [metrics[f"n_{part}"] for part in ("train", "validation", "test")] == [27, 9, 9]
    assert scratch.classes == ("blue", "green", "red")
    history = scratch.history()
    assert 1 <= len(history) <= 6 and history[0]["phase"] == "scratch"
    assert history[-1]["loss"] < history[0]["loss"]


def test_the_predictions_written_are_those_of_the_saved_model(scratch, dataset):
    judged = read_predictions(scratch.folder / "predictions.csv")
    classifier = artefact.load(scratch.folder)
    probabilities = classifier.predict([dataset.image(row) for row in range(len(dataset))])
    assert judged.ids == dataset.ids
    np.testing.assert_allclose(probabilities, judged.probabilities, atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    embedding = np.load(scratch.folder / "embedding.npy")
    seen = classifier.embed([dataset.image(row) for row in range(len(dataset))])
    np.testing.assert_allclose(seen, embedding, atol=1e-4)


def test_the_same_seed_gives_the_same_files_and_another_does_not(
    scratch, folder, tmp_path, dataset, store
):
    elsewhere = Store(tmp_path / "other")
    again = training.train(open_dataset(source_from(str(folder)), elsewhere), SCRATCH, elsewhere)
    assert again.id == scratch.id
    assert without_times(again.folder) == without_times(scratch.folder)
    assert training.training_id(dataset, SCRATCH) == scratch.id
    other = TrainConfig.from_json(SCRATCH.to_json() | {"seed": 1})
    assert training.training_id(dataset, other) != scratch.id


@pytest.mark.parametrize("model", ["scratch", "fine_tune"])
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not(
    model, folder, tmp_path, monkeypatch, dataset, store
):
    monkeypatch.setattr(fitting, "SAVED_EVERY", -1.0)
    config = SCRATCH if model == "scratch" else TrainConfig(model=model, **BACKBONE)
    whole = training.train(dataset, config, store)
    broken = Store(tmp_path / "broken")
    same = open_dataset(source_from(str(folder)), broken)
    phase = "fine-tuning" if model == "fine_tune" else "learning"
    ended = []

    def stop(event):
        in_second_epoch = event.total and event.done > event.total / config.epochs
        if event.name.endswith(phase) and in_second_epoch and not ended:
            ended.append(event)
            raise Cancelled

    with pytest.raises(Cancelled):
        training.train(same, config, broken, stop)
    assert not training.model_folder(broken, whole.id).exists()
    checkpoint = broken.root / "training" / f"{whole.id}.npz"
    assert checkpoint.exists()
    again = training.train(same, config, broken)
    assert without_times(again.folder) == without_times(whole.folder)
    assert not checkpoint.exists()
    assert again.metrics["seconds"] >= sum(epoch["seconds"] for epoch in again.history())


@pytest.mark.parametrize("model", ["transfer", "fine_tune"])
def test_behind_frozen_layers_the_whole_network_says_what_was_trained(model, dataset, store):
    trained = training.train(dataset, TrainConfig(model=model, **BACKBONE), store)
    judged = read_predictions(trained.folder / "predictions.csv")
    said = artefact.load(trained.folder).predict([dataset.image(row) for row in range(45)])
    np.testing.assert_allclose(said, judged.probabilities, atol=5e-3)  # maps are kept in float16
    phases = {epoch["phase"] for epoch in trained.history()}
    assert phases == ({"head"} if model == "transfer" else {"head", "fine_tune"})


def test_fine_tuning_changes_the_last_blocks_and_nothing_before(dataset, store):
    from core.cnn import backbones

    config = TrainConfig(model="fine_tune", **BACKBONE)
    trained = training.train(dataset, config, store)
    whole = artefact.load(trained.folder).whole
    start = backbones.build("efficientnet_lite0", 32, "random", 0)
    cut = backbones.find("efficientnet_lite0").splits[-1]
    after = False
    moved = {True: 0, False: 0}
    for layer in start.layers:
        for before, now in zip(layer.weights, whole.get_layer(layer.name).weights, strict=True):
            moved[after] += not np.array_equal(np.asarray(before), np.asarray(now))
        after = after or layer.name == cut
    assert moved[False] == 0
    assert moved[True] > 3


def test_a_study_lists_every_model_and_searches_by_validation_alone(dataset, store):
    study = Study(dataset.source, SCRATCH, search=3)
    rows, failed = studies.carry_out(dataset, study, store)
    assert not failed and len(rows) == 1
    tried = [setting["validation_accuracy"] for setting in rows[0].tried]
    assert tried == sorted(tried, reverse=True) and len(tried) == 3
    assert rows[0].mean["validation_accuracy"] == tried[0]
    assert studies.results(store, study.id) == rows
    assert rows[0].models[0] in {model.id for model in studies.models(store)}


def test_a_study_that_goes_on_keeps_its_rows_in_sight(dataset, store):
    base = TrainConfig(**{**BACKBONE, "epochs": 1, "seed": 5})
    study = Study(dataset.source, base, variants=True)
    rows, _ = studies.carry_out(dataset, study, store)
    shown = []

    def look(event):
        if event.stage == "run":
            shown.append([row.config.variant for row in studies.results(store, study.id)])

    assert studies.carry_out(dataset, study, store, look)[0] == rows
    assert len(shown) > len(rows)
    assert all(variants == [row.config.variant for row in rows] for variants in shown)


def test_folds_give_a_mean_and_a_spread(dataset, store):
    study = Study(dataset.source, TrainConfig.from_json(SCRATCH.to_json() | {"epochs": 1}), folds=3)
    rows, _ = studies.carry_out(dataset, study, store)
    accuracies = [
        artefact.read(training.model_folder(store, model)).metrics["accuracy"]
        for model in rows[0].models
    ]
    assert len(accuracies) == 3
    assert rows[0].mean["accuracy"] == pytest.approx(np.mean(accuracies))
    assert rows[0].spread["accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    assert studies.table(rows)[0]["accuracy_spread"] == rows[0].spread["accuracy"]


def test_a_failing_model_does_not_stop_the_others(dataset, store):
    base = TrainConfig(size=32, epochs=1, weights="/no/such/file.h5", views=1)
    study = Study(dataset.source, base, variants=True)
    configs = {config.model for config, _ in studies.carry_out(dataset, study, store)[1]}
    assert configs == {"transfer", "fine_tune"}
    assert len(studies.results(store, study.id)) == 2


def test_the_largest_seed_trains(dataset, store):
    config = TrainConfig(model="scratch", size=16, epochs=1, seed=2**32 - 1)
    assert training.train(dataset, config, store).config.seed == 2**32 - 1


def test_a_damaged_checkpoint_is_none_and_one_that_cannot_be_written_is_told_of(tmp_path):
    checkpoint = fitting.Checkpoint(tmp_path / "training" / "a.npz")
    arrays = {name: [np.arange(3.0), np.ones((2, 2))] for name in fitting.KEPT}
    checkpoint.save("head", [{"epoch": 1}], arrays)
    phase, history, kept = checkpoint.load()
    assert (phase, history) == ("head", [{"epoch": 1}])
    np.testing.assert_array_equal(kept["best"][1], np.ones((2, 2)))
    whole = checkpoint.path.read_bytes()
    for content in (whole[:-100], whole[:40] + b"?" * 40 + whole[80:], b""):
        checkpoint.path.write_bytes(content)
        assert checkpoint.load() == ("", [], {})
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written.*FACETTE_HOME"):
        fitting.Checkpoint(tmp_path / "file" / "training" / "a.npz").save("head", [], arrays)


def test_pixels_of_many_images_are_not_all_in_memory(tmp_path):
    n, size = 4 * inputs.PART + 5, 32

    def read(index, at_least):
        return np.full((40, 30), index % 251, np.uint8)

    many = Dataset("many", Source("folder"), tuple(map(str, range(n))),
                   np.full((n, 2), 40, np.int32), read, "many")  # fmt: skip
    tracemalloc.start()
    made = inputs.pixels(many, size, Store(tmp_path), silent)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made.shape == (n, size, size, 3) and made.dtype == np.uint8
    assert (made[:, 0, 0, 0] == np.arange(n) % 251).all()
    assert peak < 0.6 * made.nbytes


def test_whatever_breaks_one_model_is_told_in_a_sentence(dataset, store, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no memory left\nfor this")

    monkeypatch.setattr(training.networks, "build", broken)
    study = Study(dataset.source, TrainConfig(model="scratch", size=16, epochs=1, seed=77))
    rows, failed = studies.carry_out(dataset, study, store)
    assert rows == []
    assert str(failed[0][1]) == ("From scratch, augmented failed: no memory left\\nfor this")


def test_a_study_that_is_forgotten_leaves_no_model(folder, tmp_path):
    store = Store(tmp_path)
    dataset = open_dataset(source_from(str(folder)), store)
    config = TrainConfig(model="scratch", size=16, epochs=1, batch_size=8)
    study = Study(dataset.source, config, search=2)
    rows, _ = studies.carry_out(dataset, study, store)
    other = Study(dataset.source, config)
    studies.carry_out(dataset, other, store)
    assert len(rows[0].tried) == 2
    assert {model.id for model in studies.models(store)} > {training.training_id(dataset, config)}
    studies.forget(store, study.id)
    assert [model.id for model in studies.models(store)] == [training.training_id(dataset, config)]
    studies.forget(store, other.id)
    assert studies.models(store) == []


def test_what_cannot_be_copied_is_told_of(dataset, store, scratch, tmp_path):
    study = Study(dataset.source, SCRATCH)
    rows, _ = studies.carry_out(dataset, study, store)
    (tmp_path / "out" / "model.keras").mkdir(parents=True)
    with pytest.raises(InputError, match="out cannot be written: .*give the same command again"):
        study_files.write(tmp_path / "out", study, rows, store)


def test_a_study_that_cannot_be_judged_trains_nothing(tmp_path):
    store = Store(tmp_path / "store")
    few = open_dataset(source_from(str(coloured.write(tmp_path / "few", 3))), store)
    with pytest.raises(InputError, match="images for test in few: got 0.*fewer folds"):
        studies.carry_out(few, Study(few.source, SCRATCH, folds=20), store)
    assert studies.models(store) == [] and store.records(studies.STUDIES) == []
