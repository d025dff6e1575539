"""Photos: too large to be served from the thumbnails alone, with names too long to be shown."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from core import words
from tests import drawn
from tests.app.conftest import _use
from tests.app.support import (
    PAGES,
    Filled,
    calm,
    charts,
    command,
    companions,
    opened,
    said,
    settled,
)
from ui import cached, errors, pictures, state

LONG = "disc " + "x" * 195
JOINED = ("gray_histogram+hsv_histogram+color_moments", "gray_histogram+hsv_histogram+raw_pixels")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Filled:
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root").resolve()
    for kind, name in (("disc", LONG), ("square", "square")):
        folder = root / "photos" / name
        folder.mkdir(parents=True)
        for number in range(60):
            picture = drawn.picture(kind, number).resize((128, 128), Image.Resampling.BICUBIC)
            picture.save(folder / f"{kind}_{number:02}.png")
    asked = [word for text in JOINED for word in ("--descriptor", text)]
    run = command(home, root / "photos", *asked, "--reduce", "none", "--cluster", "kmeans")
    return Filled(home, root, {"photos": run})


@pytest.fixture
def photos(made, monkeypatch) -> Filled:
    """The app of this process works on the photos, whose thumbnails are made."""
    filled = _use(made, monkeypatch)
    loaded(opened(run=filled.runs["photos"]))
    return filled


def loaded(at, patience=10):
    """The page once its jobs have ended and it has taken up what they found."""
    for _ in range(patience):
        at = calm(settled(at).run())
        if "Loading" not in said(at) and not at.get("progress"):
            return at
    raise AssertionError(said(at))


def touched(photos):
    """Give every image a new date, as after a change; the app has them open already."""
    for file in (photos.root / "photos").rglob("*.png"):
        os.utime(file, ns=(1, file.stat().st_mtime_ns + 1_000_000_000))
    for cache in (pictures._thumbnail, pictures._small):
        cache.clear()
    cached.jobs()._jobs.clear()  # what was opened was opened long ago


def warnings_of(at):
    return [w.value.replace("\\", "") for w in at.warning if "changed" in w.value]


@pytest.mark.parametrize("page", ["descriptors", "clusters", "compare"])
def test_images_that_changed_give_one_message_and_grey_tiles(photos, page):
    run = photos.runs["photos"]
    loaded(opened(page, run=run))
    touched(photos)
    at = opened("clusters", run=run)
    at.session_state[state._PICKED] = (run, 5)
    if page != "clusters":
        at.switch_page(f"screens/explore/{page}.py")
    at = calm(at.run())
    assert len(warnings_of(at)) == 1, said(at)
    assert all(item["src"] for g in companions(at, "facette_gallery") for item in g["items"])
    calm(at.button(key="look-again").click().run())
    at = loaded(at)
    assert not warnings_of(at)


def test_a_clicked_row_that_is_gone_is_forgotten(photos):
    run = photos.runs["photos"]
    at = opened(run=run)
    for row in (119, 120, 10**9):
        at.session_state[state._PICKED] = (run, row)
        calm(at.run())
        assert bool([b for b in at.button if b.key == "unpick"]) == (row == 119)
    at.switch_page("screens/explore/descriptors.py")
    calm(at.run())


def shown(at):
    return [item["row"] for item in companions(at, "facette_gallery")[-1]["items"]]


def test_another_cluster_opens_at_its_first_page(photos):
    run = photos.runs["photos"]
    at = opened(run=run, query={"cluster": "0"})
    first = shown(at)
    (box,) = at.number_input
    last = int(box.max)
    calm(box.set_value(last).run())
    assert at.number_input[0].value == last
    assert shown(at) != first
    at.query_params["cluster"] = "1"
    calm(at.run())
    assert at.number_input[0].value == 1
    result = cached.results(cached.dataset(cached.comparison(run).source), cached.comparison(run))
    labels = np.asarray(cached.array(result[0].keys.labels, "labels"))
    assert set(labels[shown(at)]) == {labels[shown(at)[0]]}
    assert len(shown(at)) == 20


def test_two_joined_signatures_are_two_bars_and_two_names(photos):
    at = opened("compare", run=photos.runs["photos"])
    names = list(words.labels_of(JOINED).values())
    assert len(set(names)) == 2
    assert sorted(at.dataframe[0].value["description"]) == sorted(names)
    assert all(name in charts(at) for name in names)
    assert "3 descriptors joined" not in charts(at)
    look = next(box for box in at.selectbox if box.label == "Look into one run")
    assert len(set(look.options)) == 2
    at = opened(run=photos.runs["photos"])
    assert sorted(at.selectbox(key="descriptor").options) == sorted(names)


def test_a_cell_can_be_chosen_without_a_mouse(photos):
    at = opened("compare", run=photos.runs["photos"])
    boxes = {box.label: box for box in at.selectbox if box.label in ("Class", "Cluster")}
    assert boxes["Class"].value is boxes["Cluster"].value is None
    assert not companions(at, "facette_gallery")
    at = calm(boxes["Class"].set_value(1).run())
    boxes = {box.label: box for box in at.selectbox}
    at = calm(boxes["Cluster"].set_value(1).run())
    (gallery,) = companions(at, "facette_gallery")
    assert {item["caption"].split("\n")[0] for item in gallery["items"]} <= {"class square"}
    assert f"{60:,} images of this class" in said(at) or gallery["items"]


@pytest.mark.parametrize("page", PAGES)
def test_long_class_names_are_cut(photos, page):
    at = opened(page, run=photos.runs["photos"])
    if page == "clusters":
        calm(at.selectbox(key="color").set_value("class").run())
    assert "x" * 80 not in said(at)
    assert "x" * 80 not in charts(at)
    for gallery in companions(at, "facette_gallery"):
        assert all("x" * 80 not in item["tooltip"] for item in gallery["items"])
    if page == "data":
        assert all(len(option) < 70 for option in at.selectbox(key=classes_key(at)).options)


def classes_key(at):
    return next(box.key for box in at.selectbox if box.label == "Class")


def test_the_run_can_be_taken_away_whole(photos):
    at = opened("compare", run=photos.runs["photos"])
    names = {button.label for button in at.download_button}
    assert {"config.json", "metrics.json", "labels.npy", "reduced_features.npy"} <= names


def test_a_message_shows_entities_as_they_are():
    assert errors.text("a&lt;b") == "a\\&lt;b"
