"""From the first screen through every page, with digits and with an uploaded ZIP."""

from __future__ import annotations

import io

import numpy as np
import openpyxl
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from tests import drawn

pytestmark = pytest.mark.browser

GRAPH = ".st-key-map3d .js-plotly-plot"
FLAT = ".st-key-map2d .js-plotly-plot"
CLASSES = {
    "disc": "$x^2$ **disc** <b onclick=alert(1)>",
    "square": ":red[square] `c` \N{WHITE SMILING FACE}",
}
LONG = 240_000  # milliseconds that a worker may take on a busy machine
PIXELS = """(canvas) => {
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return Array.from(data).filter((_, i) => i % 4 === 0);
}"""
TITLES = """() => {
    const found = [];
    const look = (root) => root.querySelectorAll('*').forEach((e) => {
        if (e.shadowRoot) look(e.shadowRoot);
        if (e.matches('button[data-row]')) found.push(e.title);
    });
    look(document);
    return found;
}"""


@pytest.fixture(scope="module")
def app(serve):
    return serve("app.py")


def heading(page, words, timeout=None):
    found = page.get_by_role("heading").filter(has_text=words).first
    found.wait_for(timeout=timeout)
    return found.inner_text()


def go_to(page, name):
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()


def map_drawn(page):
    page.wait_for_selector(f"{GRAPH}[role=img] canvas")
    page.wait_for_timeout(1500)


def all_titles(page, test, what):
    page.wait_for_function(f"({TITLES})().length && ({TITLES})().every({test})", timeout=60_000)
    titles = page.evaluate(f"({TITLES})()")
    assert titles, what
    return titles


def find_point(page):
    """Move over the map until a point's card shows; its row."""
    box = page.locator(GRAPH).bounding_box()
    for dy in range(-120, 121, 24):
        for dx in range(-160, 161, 20):
            page.mouse.move(box["x"] + box["width"] / 2 + dx, box["y"] + box["height"] / 2 + dy)
            page.wait_for_timeout(120)
            if page.locator(".card").is_visible():
                page.wait_for_timeout(400)
                return int(page.locator(".card").get_attribute("data-row"))
    raise AssertionError("no point was found under the pointer")


def downloaded(page, name):
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name, exact=False).click()
    assert waiting.value.suggested_filename == name
    return io.BytesIO(waiting.value.path().read_bytes())


def test_a_first_deep_link_finds_its_page(app, visit):
    page = visit(f"{app}/compare")
    heading(page, "1,797 handwritten digits best")
    page.wait_for_timeout(1000)
    assert page.get_by_text("Page not found").count() == 0
    assert page.get_by_role("dialog").count() == 0


def test_another_cluster_fills_the_gallery_and_the_link(app, visit):
    page = visit(app)
    heading(page, "1,797 handwritten digits, 10 clusters")
    map_drawn(page)
    before = all_titles(page, "() => true", "the first cluster")
    pill = page.get_by_role("button", name="3", exact=True)
    pill.click()
    titles = all_titles(page, "(t) => t.startsWith('cluster 3')", "cluster 3")
    assert len(titles) == 20
    assert titles != before
    page.wait_for_url("**cluster=3**")
    copied = visit(page.url)
    heading(copied, "1,797 handwritten digits, 10 clusters")
    again = all_titles(copied, "(t) => t.startsWith('cluster 3')", "cluster 3 by link")
    assert again == titles


def test_a_click_on_a_point_shows_its_image(app, visit):
    page = visit(app)
    map_drawn(page)
    row = find_point(page)
    page.mouse.down()
    page.mouse.up()
    picked = page.locator(".st-key-picked")
    picked.wait_for()
    tile = picked.locator("button[data-row]").first
    tile.locator("canvas[data-drawn=yes]").wait_for()
    assert tile.get_attribute("data-row") == str(row)
    assert f"digit-{row:04}" in picked.inner_text()
    digits = load_digits()
    assert f"class {digits.target[row]}" in picked.inner_text()
    wanted = (digits.images[row] * (255 / 16)).round().astype(int).ravel().tolist()
    assert tile.locator("canvas").evaluate(PIXELS) == wanted


def test_a_lasso_fills_the_grid(app, visit):
    page = visit(f"{app}/?cluster=3")
    map_drawn(page)
    page.get_by_text("2D + lasso", exact=True).click()
    page.wait_for_selector(f"{FLAT} .nsewdrag", state="attached")
    page.wait_for_timeout(1500)
    box = page.locator(FLAT).bounding_box()
    middle, low = box["x"] + box["width"] / 2, min(box["y"] + box["height"] - 4, 890)
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.mouse.down()
    for x, y in ((middle, box["y"] + 4), (middle, low), (box["x"] + 4, low)):
        page.mouse.move(x, y, steps=6)
    page.mouse.up()
    words = heading(page, "Selection")
    count = int(words.split()[-2].replace(",", ""))
    assert 0 < count < 1797
    titles = all_titles(page, "() => true", "the selection")
    assert len(titles) == min(count, 20)


def test_digits_through_data_descriptors_and_compare(app, visit):
    page = visit(app)
    map_drawn(page)
    go_to(page, "Data")
    heading(page, "1,797 handwritten digits in 10 classes")
    tile = page.locator("button[data-row]").nth(7)
    tile.locator("canvas[data-drawn=yes]").wait_for()
    row = int(tile.get_attribute("data-row"))
    tile.click()
    page.wait_for_timeout(500)
    go_to(page, "Descriptors")
    heading(page, "What a descriptor sees")
    page.get_by_text(f"digit-{row:04}").first.wait_for()
    page.get_by_text("324 values").wait_for(timeout=LONG)  # a worker explains HOG
    go_to(page, "Compare")
    heading(page, "1,797 handwritten digits best")
    table = pd.read_csv(downloaded(page, "results.csv"))
    assert table["dataset"].unique().tolist() == ["digits"]
    assert table.loc[table["ami"].idxmax(), "descriptor"] == "hog"
    book = openpyxl.load_workbook(downloaded(page, "metrics.xlsx"), read_only=True)
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    assert len(rows) >= len(table) + 1
    labels = np.load(downloaded(page, "labels.npy"))
    assert labels.shape == (1797,)


def test_an_uploaded_zip_is_grouped(app, visit):
    page = visit(app)
    go_to(page, "Data")
    page.get_by_text("Upload images or a ZIP").click()
    content = drawn.zipped(20, CLASSES)
    upload = {"name": "two kinds.zip", "mimeType": "application/zip", "buffer": content}
    page.locator("input[type=file]").set_input_files(upload)
    page.locator(".st-key-open-upload button:enabled").click()
    heading(page, "40 images of two kinds in 2 classes", LONG)
    page.get_by_role("button", name="Group these images").click()
    page.get_by_role("button", name="Cancel").wait_for()
    # Finished runs are shown while others are under way: all are there once the bar is gone.
    page.get_by_role("button", name="Cancel").wait_for(state="detached", timeout=LONG)
    heading(page, "40 images of two kinds, 2 clusters", LONG)
    map_drawn(page)
    mostly = page.get_by_text("mostly").inner_text()
    assert any(name in mostly for name in CLASSES.values()), mostly
    go_to(page, "Compare")
    heading(page, "40 images of two kinds best")
    page.get_by_role("button", name="Cancel").wait_for(state="detached", timeout=LONG)
    page.get_by_role("heading", name="Take it with you").wait_for()
    for _ in range(30):  # the last run may have ended a moment before the page draws it
        table = pd.read_csv(downloaded(page, "results.csv"))
        if len(table) == 6:
            break
        page.wait_for_timeout(2000)
    assert len(table) == 6
    assert table["ami"].max() > 0.9
    assert page.locator(".katex").count() == 0
    assert page.locator("b[onclick], [onclick*=alert]").count() == 0
