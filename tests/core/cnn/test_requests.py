"""What a worker answers about trained models, on models so small that the answers are known."""

from __future__ import annotations

import csv
import io
import shutil

import numpy as np
import pytest
from PIL import Image

from core import images, uploads
from core.cnn import answers, artefact, requests, training
from core.cnn.config import TrainConfig
from core.datasets import open_dataset, source_from
from core.errors import FacetteError, InputError
from core.events import silent
from core.images import encode_png
from core.store import Store
from core.types import Source
from tests import drawn

PLAIN = 20  # grey of the ground


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store with a model that learnt 12 discs and 12 squares, and their dataset."""
    root = tmp_path_factory.mktemp("made")
    for kind in drawn.INK:
        drawn.save(root / "shapes" / kind, kind, 12)
    store = Store(root / "home")
    dataset = open_dataset(Source("folder", str(root / "shapes")), store)
    config = TrainConfig(model="scratch", size=16, epochs=2, augment=False)
    return store, dataset, training.train(dataset, config, store)


def patched(bright: bool, number: int) -> np.ndarray:
    """Noise, with a bright patch somewhere in the upper left quarter, or none."""
    rng = np.random.default_rng([int(bright), number])
    image = rng.integers(0, PLAIN, (32, 32), dtype=np.uint8)
    if bright:
        top, left = rng.integers(2, 7, 2)
        image[top : top + 7, left : left + 7] = 250
    return image


@pytest.fixture(scope="module")
def lights(tmp_path_factory):
    """A classifier of "dark" and "light", which nothing but the bright patch tells apart."""
    root = tmp_path_factory.mktemp("lights")
    for number in range(24):
        for bright, name in ((True, "light"), (False, "dark")):
            folder = root / "lights" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.png").write_bytes(encode_png(patched(bright, number)))
    store = Store(root / "home")
    dataset = open_dataset(Source("folder", str(root / "lights")), store)
    config = TrainConfig(
        model="scratch", size=32, epochs=10, batch_size=4, augment=False, dropout=0.0
    )
    model = training.train(dataset, config, store)
    return store, dataset, artefact.load(model.folder)


def looked_at(store, dataset, model, row, class_index=requests.TOP):
    requests.look(store, silent, model.id, dataset.source.to_json(), row, class_index)
    return store.get(requests.look_key(model.id, dataset, row, class_index))


def test_a_training_image_is_its_own_nearest_neighbour(made):
    store, dataset, model = made
    view = requests_view(model)
    for train_row in view.rows("train")[:5]:
        row = dataset.ids.index(view.ids[train_row])
        entry = looked_at(store, dataset, model, row)
        nearest, distance = entry.array("nearest"), entry.array("distance")
        assert nearest[0] == train_row
        assert distance[0] < 1e-3
        assert len(nearest) == requests.NEAREST
        assert (np.diff(distance) >= 0).all()
        assert set(nearest.tolist()) <= set(view.rows("train").tolist())


def requests_view(model):
    from core.cnn.evaluation import read_predictions

    return read_predictions(model.folder / artefact.PREDICTIONS)


def test_the_answer_about_an_image_of_the_dataset_is_that_of_the_evaluation(made):
    store, dataset, model = made
    view = requests_view(model)
    for at in (0, 7, 20):
        entry = looked_at(store, dataset, model, dataset.ids.index(view.ids[at]))
        np.testing.assert_allclose(entry.array("probabilities"), view.probabilities[at], atol=1e-5)
        assert entry.array("image").shape[:2] == entry.array("heat").shape == (32, 32)


def test_a_file_gets_the_answer_of_the_same_image_in_the_dataset(made, tmp_path):
    store, dataset, model = made
    (tmp_path / "x").write_bytes(dataset.original(3))
    requests.look_file(store, silent, model.id, str(tmp_path / "x"))
    entry = store.get(requests.look_file_key(model.id, dataset.digests[3]))
    own = looked_at(store, dataset, model, 3)
    for name in ("probabilities", "nearest", "heat", "image"):
        np.testing.assert_array_equal(entry.array(name), own.array(name))


def test_a_large_photo_is_read_as_training_reads_it(made, tmp_path):
    store, _, model = made
    small = np.random.default_rng(5).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    photo = images.resized(small, 900, 900)
    for part in ("a", "b"):
        (tmp_path / "photos" / part).mkdir(parents=True)
        (tmp_path / "photos" / part / "1.jpg").write_bytes(images.encode_jpeg(photo))
    dataset = open_dataset(source_from(str(tmp_path / "photos")), store)
    classifier = artefact.load(model.folder)
    wanted = classifier.predict([dataset.image(0, classifier.size)])
    file = tmp_path / "photos" / "a" / "1.jpg"
    named = requests.name_files(classifier, {"x": file}, silent)
    np.testing.assert_array_equal(named.probabilities, wanted)
    requests.look_file(store, silent, model.id, str(file))
    entry = store.get(requests.look_file_key(model.id, dataset.digests[0]))
    np.testing.assert_array_equal(entry.array("probabilities"), wanted[0])
    assert entry.array("image").shape == (512, 512, 3)


def test_what_is_kept_of_a_large_file_is_small(made, tmp_path):
    store, _, model = made
    Image.new("RGB", (3000, 60), (200, 60, 40)).save(tmp_path / "wide.png")
    (kept,) = uploads.keep_each([("wide.png", (tmp_path / "wide.png").read_bytes())], store)
    requests.look_file(store, silent, model.id, str(kept.path))
    entry = store.get(requests.look_file_key(model.id, kept.digest))
    assert entry.array("image").shape == (10, 512, 3)
    assert entry.array("heat").shape == (10, 512)


def test_the_heat_lies_where_the_only_patch_that_tells_is(lights):
    _, _, classifier = lights
    light = classifier.classes.index("light")
    image = patched(True, 500)
    seen = requests.looked(classifier, image, image, light)
    assert seen["probabilities"][light] > 0.9
    patch = image > 200
    peak = np.unravel_index(seen["heat"].argmax(), image.shape)
    rows, columns = np.nonzero(patch)
    assert abs(peak[0] - rows.mean()) <= 6 and abs(peak[1] - columns.mean()) <= 6
    near = np.zeros_like(patch)
    near[:16, :16] = True
    assert seen["heat"][near].mean() > 2 * seen["heat"][~near].mean()
    assert seen["heat"].min() >= 0 and seen["heat"].max() == pytest.approx(1)


def test_each_class_has_a_heat_of_its_own(made):
    store, dataset, model = made
    first, second = (looked_at(store, dataset, model, 0, i).array("heat") for i in (0, 1))
    assert not np.array_equal(first, second)
    top = looked_at(store, dataset, model, 0)
    said = int(top.array("probabilities").argmax())
    np.testing.assert_array_equal(top.array("heat"), (first, second)[said])


@pytest.mark.parametrize(("row", "index"), [(24, 0), (-1, 0), (0, 2), (0, -2)])
def test_what_is_not_there_is_refused_in_words(made, row, index):
    store, dataset, model = made
    with pytest.raises(FacetteError, match="Open the page again"):
        looked_at(store, dataset, model, row, index)


def test_a_file_that_is_no_image_is_refused_in_words(made, tmp_path):
    store, _, model = made
    (tmp_path / "x").write_bytes(b"hello")
    with pytest.raises(InputError, match=r"cannot be named: not a JPEG, .* image\.$"):
        requests.look_file(store, silent, model.id, str(tmp_path / "x"))
    with pytest.raises(FacetteError, match="Choose them again"):
        requests.look_file(store, silent, model.id, str(tmp_path / "gone"))


def test_a_model_without_the_files_of_its_training_has_no_nearest_images(made, tmp_path):
    _, dataset, model = made
    for missing in (requests.EMBEDDINGS, artefact.PREDICTIONS):
        folder = tmp_path / missing
        shutil.copytree(model.folder, folder)
        (folder / missing).unlink()
        seen = requests.looked(artefact.load(folder), dataset.image(0), dataset.image(0))
        assert len(seen["nearest"]) == len(seen["distance"]) == 0
        assert seen["probabilities"].sum() == pytest.approx(1, abs=1e-5)


def batch(made, files):
    """The answer of the task about files given as (name, bytes), as the page reads it."""
    store, _, model = made
    kept = uploads.keep_each(files, store)
    key = requests.predict_key(model.id, [one.digest for one in kept])
    heard = []
    asked = [[one.name, str(one.path)] for one in kept]
    requests.predict(store, heard.append, model.id, asked, key)
    entry = store.get(key)
    names = [one.name for one in kept]
    return answers.batch_of(entry, model.classes, names, range(len(kept)), {}), entry, heard


def test_files_are_answered_in_their_order_and_none_is_dropped(made):
    _, dataset, model = made
    view = requests_view(model)
    order = [20, 2, 11]
    files = [("=1+1.png", dataset.original(i)) for i in order]
    files.insert(1, ("broken.png", b"hello"))
    files.insert(3, ("empty.png", b""))
    answer, entry, heard = batch(made, files)
    assert sorted(answer.row) == [0, 2, 4]
    for place, i in zip((0, 2, 4), order, strict=True):
        row = view.ids.index(dataset.ids[i])
        np.testing.assert_allclose(
            answer.probabilities[answer.row[place]], view.probabilities[row], atol=1e-5
        )
    assert "not a JPEG" in answer.reasons[1] and answer.reasons[3] == "the file is empty"
    assert [(e.done, e.total) for e in heard if e.stage == "predict"] == [
        (i, 5) for i in range(1, 6)
    ]
    thumbnails = entry.array("thumbnails")
    assert thumbnails.shape == (3, requests.THUMBNAIL, requests.THUMBNAIL, 3)
    np.testing.assert_array_equal(thumbnails[1][16:48, 16:48], dataset.image(2))


def test_the_csv_of_a_batch_tells_everything_and_no_cell_is_a_formula(made):
    _, dataset, model = made
    answer, _, _ = batch(made, [("=cmd()|x.png", dataset.original(0)), ("+a.png", b"GIF89a")])
    lines = list(csv.DictReader(io.StringIO(answer.csv())))
    assert list(lines[0]) == [
        "file", "predicted_class", "probability", "p_disc", "p_square", "error",
    ]  # fmt: skip
    assert [line["file"] for line in lines] == ["'=cmd()|x.png", "'+a.png"]
    p = answer.probabilities[0]
    assert lines[0]["predicted_class"] == model.classes[int(p.argmax())]
    assert np.float32(lines[0]["p_disc"]) == p[0] and np.float32(lines[0]["p_square"]) == p[1]
    assert np.float32(lines[0]["probability"]) == p.max() and lines[0]["error"] == ""
    assert lines[1]["predicted_class"] == "" and "not a JPEG" in lines[1]["error"]


def test_a_file_that_was_exchanged_meanwhile_is_refused(made):
    store, dataset, model = made
    (kept,) = uploads.keep_each([("a.png", dataset.original(1))], store)
    with pytest.raises(FacetteError, match="Choose them again"):
        requests.predict(
            store, silent, model.id, [["a.png", str(kept.path)]], requests.predict_key(model.id, [])
        )


def test_an_upload_is_kept_once_by_its_content_whatever_its_name(tmp_path):
    store = Store(tmp_path)
    first, second = uploads.keep_each([("../../a.png", b"x"), ("b\0", b"x")], store)
    assert first.path == second.path and first.path.read_bytes() == b"x"
    assert first.path.is_relative_to(tmp_path / "uploads")
    assert (first.name, second.name) == ("../../a.png", "b\0")


def test_uploads_are_bounded(tmp_path, monkeypatch):
    store = Store(tmp_path)
    with pytest.raises(InputError, match="501 files, allowed are 500"):
        uploads.keep_each([("a", b"x")] * 501, store)
    monkeypatch.setattr(uploads, "MOST_BYTES", 3_000_000)
    monkeypatch.setattr(uploads, "MOST_TOGETHER", 8_000_000)
    (large,) = uploads.keep_each([("large.png", bytes(3_000_001))], store)
    assert large.path is None and large.reason == "the file has 3 MB, allowed are 3 MB"
    with pytest.raises(InputError, match="allowed are 0 GB at once"):
        uploads.keep_each([("a", bytes(2_900_000))] * 3, store)


@pytest.mark.parametrize(
    ("p", "said"),
    [
        ((0.97, 0.02, 0.01), "It is sure: the next is b with 2.0%."),
        ((0.6, 0.3, 0.1), "It is not sure: the next is b with 30.0%."),
        ((0.7, 0.2, 0.1), "It is fairly sure: the next is b with 20.0%."),
        ((0.46, 0.27, 0.27), "It is unsure: no class reaches one half, and the next is b"),
        ((0.02, 0.5, 0.48), "It hesitates between b (50.0%) and c (48.0%)."),
        ((0.3, 0.4, 0.3), "It hesitates between b (40.0%), a (30.0%) and c (30.0%)."),
        ((1.0, 0.0, 0.0), "It is sure: the next is b with 0%."),
    ],
)
def test_how_sure_a_model_is_is_said_in_words(p, said):
    assert answers.verdict(("a", "b", "c"), np.array(p)).startswith(said)


def test_a_model_that_knows_nothing_says_so():
    said = answers.verdict([f"c{i}" for i in range(9)], np.full(9, 1 / 9))
    assert said.startswith("It does not know: 9 classes")
