"""Train in a real browser: a model is watched while it learns, cancelled, finished, read."""

from __future__ import annotations

import re

import pytest

from core.cnn.evaluation import read_predictions

pytestmark = pytest.mark.browser

LONG = 240_000  # milliseconds that a worker may take on a busy machine
EPOCHS = 60
CURVE = ".st-key-live-accuracy .js-plotly-plot .scatterlayer .trace"


def heading(page, words, timeout=None):
    found = page.get_by_role("heading").filter(has_text=words).first
    found.wait_for(timeout=timeout)
    return found.inner_text()


def epoch(page):
    """The epoch that the bar names."""
    words = page.get_by_text(f"of at most {EPOCHS}").first
    words.wait_for(timeout=LONG)
    return int(re.search(r"epoch (\d+)", words.inner_text())[1])


def test_an_uploaded_image_is_named_and_its_likes_are_shown(classes, visit):
    view = read_predictions(classes.app.home / "models" / classes.model / "predictions.csv")
    row = int(view.rows("train")[0])
    page = visit(classes.link("predict"))
    heading(page, "Show it an image, and it says which of 3 classes it sees")
    page.get_by_text("Upload", exact=True).click()
    page.locator(".st-key-predict-files input[type=file]").set_input_files(
        classes.folder / view.ids[row]
    )
    page.locator(".st-key-predicted img, .st-key-predicted canvas").first.wait_for(timeout=LONG)
    named = page.locator("h1").first.inner_text()
    assert named == view.classes[view.predicted[row]]
    page.get_by_text(view.ids[row].split("/")[-1]).first.wait_for()
    page.get_by_text("The first is this very image.").wait_for()
    page.locator(".st-key-predict-nearest button[data-row]").nth(7).wait_for()
    page.locator(".st-key-predict-bars .js-plotly-plot").wait_for()


def test_a_training_is_watched_cancelled_gone_on_with_and_read(classes, visit):
    page = visit(classes.link("train"))
    heading(page, "3 classes of shapes: 21 images teach")
    heading(page, "From scratch names")  # the model that is there already
    page.get_by_text("Choose what to train").click()
    page.locator(".st-key-train-models label").filter(has_text="From scratch").click()
    page.locator(".st-key-train-preview button[data-row]").nth(6).wait_for()
    page.get_by_text("Advanced", exact=True).click()
    for name in ("epochs", "patience"):
        box = page.locator(f".st-key-train-{name} input")
        box.fill(str(EPOCHS))
        box.press("Enter")
        page.wait_for_timeout(1500)  # the page runs again
    page.get_by_role("button", name="Train this model").click()
    page.wait_for_url(re.compile("study=[0-9a-f]{8}"))
    page.get_by_role("button", name="Cancel").wait_for(timeout=LONG)
    page.locator(CURVE).nth(1).wait_for(timeout=LONG)  # training and validation
    seen = epoch(page)

    again = visit(f"{classes.app}/train")  # another tab, which knows of nothing
    heading(again, "shapes · From scratch, augmented")
    assert epoch(again) >= seen
    again.get_by_role("button", name="Cancel").click()
    again.get_by_text("Cancelled. What was finished is kept.").wait_for()
    page.reload()
    page.get_by_role("button", name="Go on").click()
    heading(page, "From scratch with augmentation names", LONG)
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="study.csv").click()
    lines = waiting.value.path().read_text().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("model,augment,variant,validation_accuracy,accuracy")
    page.get_by_role("button", name="Look into the model").click()
    page.wait_for_url(f"{classes.app}/evaluate**")
    heading(page, "From scratch with augmentation names")
