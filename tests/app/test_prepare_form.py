"""The panel that prepares product photos, without a browser."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.types import Source
from tests import drawn
from tests.app.support import calm, errors_of, said, settled


def script():
    from ui import prepare_form

    prepare_form.show()


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """Photos below the root, with a CSV whose classes are hostile Markdown."""
    monkeypatch.setenv("FACETTE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FACETTE_ROOT", str(tmp_path.resolve()))
    st.cache_resource.clear()
    folder = tmp_path.resolve() / "shop"
    drawn.save(folder / "images", "disc", 9)
    drawn.save(folder / "images", "square", 5)
    drawn.save(folder / "images", "stray", 1)
    rows = [[f"disc_{i:02}.png", f"{i}", "**round** <b>"] for i in range(9)]
    rows += [[f"square_{i:02}.png", f"{i + 9}", "Shapes >> Four corners"] for i in range(5)]
    rows.append(["gone.png", "20", "**round** <b>"])
    with (folder / "products.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "number", "kind"], *rows])
    return folder


def shown(images="shop/images", metadata="shop/products.csv"):
    at = AppTest.from_function(script, default_timeout=60)
    at.session_state["run"] = "a run"
    calm(at.run())
    at.text_input(key="prepare-images").set_value(images)
    at.text_input(key="prepare-metadata").set_value(metadata)
    return settled(calm(at.run()))


def test_photos_are_prepared_and_handed_to_training(shop):
    at = shown()
    assert at.selectbox(key="prepare-field").value == "kind"
    level = at.number_input(key="prepare-level")  # one value is a path
    assert level.value == 1
    (classes,) = at.multiselect
    assert classes.value == ["**round** <b>", "Shapes"]
    (target,) = [box for box in at.text_input if box.key.startswith("prepare-out")]
    assert target.value == str(shop / "images-prepared")
    at = settled(calm(at.button(key="prepare-start").click().run()))
    assert not at.error
    (counts, report) = (element.value for element in at.dataframe)
    assert counts["images"].tolist() == [5, 5]
    assert len(report) == 16
    told = said(at)
    assert "removed, to balance the classes" in told and "images\\-prepared" in told
    assert (shop / "images-prepared" / "report.csv").exists()
    calm(at.button(key="prepare-train").click().run())
    assert at.session_state["_draft"][1] == Source("folder", str(shop / "images-prepared"))
    assert at.button(key="prepare-start").label == "Prepare again"


def test_a_target_among_the_images_or_outside_the_root_is_one_message(shop):
    at = shown()
    (target,) = [box for box in at.text_input if box.key.startswith("prepare-out")]
    for text, word in (("../../etc/x", "FACETTE_ROOT"), ("/tmp/x", "FACETTE_ROOT"), ("", "path")):
        calm(at.text_input(key=target.key).set_value(text).run())
        (message,) = errors_of(at)
        assert word in message
    calm(at.text_input(key=target.key).set_value("shop/images/out").run())
    calm(at.button(key="prepare-start").click().run())
    (message,) = errors_of(at)
    assert "output folder" in message
    assert not (shop / "images" / "out").exists()


@pytest.mark.parametrize(
    ("images", "metadata", "word"),
    [
        ("../../etc", "shop/products.csv", "FACETTE_ROOT"),
        ("shop/images", "/etc/passwd", "FACETTE_ROOT"),
        ("shop/images", "nowhere", "Check the spelling"),
        ("shop/images", "shop/images/disc_00.png", "metadata"),
        ("shop/images", "shop/images", "It holds none"),
    ],
)
def test_a_wrong_place_is_one_message(shop, images, metadata, word):
    (message,) = errors_of(shown(images, metadata))
    assert word in message
