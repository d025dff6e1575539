"""Choosing images: what is wrong gets one message, what is right is opened."""

from __future__ import annotations

import csv
import shutil

import pytest

from tests import drawn
from tests.app.support import calm, errors_of, opened, said, settled
from ui import cached


def choose(at, kind):
    return calm(at.segmented_control(key="source-kind").set_value(kind).run())


def typed(at, text):
    choose(at, "path")
    return calm(at.text_input(key="path").set_value(text).run())


def open_path(at, text):
    return calm(typed(at, text).button(key="open-path").click().run())


def test_the_sample_pictures_open_as_a_draft(store):
    at = settled(choose(opened("data"), "sample"))
    assert "240 images" in said(at)
    assert at.selectbox(key="run").value == opened().selectbox(key="run").value  # not yet run
    at.switch_page("screens/explore/descriptors.py").run()
    assert "240 images" in said(calm(at))
    at.switch_page("screens/explore/data.py").run()
    assert "1,797" in said(choose(at, "digits"))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("no/such/folder", "Check the spelling"),
        ("../../etc", "FACETTE_ROOT"),
        ("/etc", "FACETTE_ROOT"),
        ("link", "FACETTE_ROOT"),
        ("a\0b", "path"),
        ("empty.csv", "empty.csv"),
        ("~nobody-here", "Check the spelling"),
    ],
)
def test_a_bad_path_gives_one_message(store, text, word):
    (store.root / "empty.csv").write_text("")
    if not (store.root / "link").is_symlink():
        (store.root / "link").symlink_to("/etc")
    at = typed(opened("data"), text)
    (message,) = errors_of(at)
    assert word in message
    assert "1,797" in said(at)  # what was open stays


@pytest.mark.parametrize("name", ["none", "text"])
def test_a_folder_without_images_gives_one_message(store, name):
    folder = store.root / "bad" / name
    folder.mkdir(parents=True, exist_ok=True)
    if name == "text":
        (folder / "a.png").write_text("no picture")
    at = settled(open_path(opened("data"), f"bad/{name}"))
    (message,) = errors_of(at)
    assert "image" in message


def test_a_csv_opens_with_its_columns_guessed(store):
    drawn.save(store.root / "table", "disc", 6)
    rows = [[f"disc_{i:02}.png", "even" if i % 2 == 0 else "odd", f"picture {i}"] for i in range(6)]
    with (store.root / "table" / "all.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["photo", "label", "words"], *rows])
    at = typed(opened("data"), "table/all.csv")
    values = [box.value for box in at.selectbox if box.label.endswith("column")]
    assert values == ["photo", "label"]
    at = settled(calm(at.button(key="open-path").click().run()))
    assert "6 images of all in 2 classes" in said(at)


def test_an_upload_opens(store):
    at = choose(opened("data"), "upload")
    upload = ("two kinds.zip", drawn.zipped(5), "application/zip")
    at.file_uploader(key="uploaded").set_value([upload]).run()
    at = settled(calm(at.button(key="open-upload").click().run()))
    assert "10 images of two kinds in 2 classes" in said(at)


def test_a_broken_zip_gives_one_message(store):
    at = choose(opened("data"), "upload")
    at.file_uploader(key="uploaded").set_value([("a.zip", b"PK no", "application/zip")]).run()
    at = settled(calm(at.button(key="open-upload").click().run()))
    (message,) = errors_of(at)
    assert "a.zip" in message


def test_images_that_are_gone_leave_a_way_to_others(store):
    gone = store.root / "gone"
    drawn.save(gone, "disc", 4)
    at = settled(open_path(opened("data"), "gone"))
    assert "4 images" in said(at)
    shutil.rmtree(gone)
    cached.look_again()
    at.switch_page("screens/explore/descriptors.py").run()
    (message,) = errors_of(calm(at))
    assert "no such folder" in message
    (button,) = [b for b in at.button if b.label == "Choose other images"]
    calm(button.click().run())
    assert "1,797" in said(at)
