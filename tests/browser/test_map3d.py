"""The map in Chromium: hover, click, camera, colours, lasso."""

import pytest
from sklearn.datasets import load_digits

pytestmark = pytest.mark.browser

GRAPH = ".st-key-map3d .js-plotly-plot"
CAMERA = f"""() => {{
    const scene = document.querySelector('{GRAPH}')._fullLayout.scene._scene;
    const eye = scene.getCamera().eye;
    return [eye.x, eye.y, eye.z].map((v) => Math.round(v * 1000));
}}"""
TRACES = f"""() => document.querySelector('{GRAPH}').data
    .map((t) => [t.name, t.marker.color, t.marker.opacity, t.marker.symbol ?? ''])"""
SHADES = f"document.querySelector('{GRAPH}').data[0].marker.colorscale?.length"
# The mean brightness of the card's tile, drawn from the sheet as the style sheet crops it.
DRAWN = """async (card) => {
    const style = card.querySelector('.thumb').style;
    const image = new Image();
    image.src = style.backgroundImage.slice(5, -2);
    await image.decode();
    const [width] = style.backgroundSize.split(' ').map(parseFloat);
    const [left, top] = style.backgroundPosition.split(' ').map(parseFloat);
    const scale = width / image.naturalWidth;
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 8;
    const pen = canvas.getContext('2d');
    pen.drawImage(image, -left / scale, -top / scale, 8, 8, 0, 0, 8, 8);
    const pixels = pen.getImageData(0, 0, 8, 8).data;
    return Array.from(pixels).filter((_, i) => i % 4 === 0);
}"""


@pytest.fixture(scope="module")
def app(serve):
    return serve("tests/browser/apps/map_app.py")


@pytest.fixture
def page(app, visit):
    page = visit(app)
    page.wait_for_selector(f"{GRAPH}[role=img] canvas")
    page.wait_for_timeout(1500)
    return page


def find_point(page, graph):
    """Move over the map until a point's card shows; where it was."""
    box = page.locator(graph).bounding_box()
    for dy in range(-100, 101, 25):
        for dx in range(-150, 151, 25):
            x, y = box["x"] + box["width"] / 2 + dx, box["y"] + box["height"] / 2 + dy
            page.mouse.move(x, y)
            page.wait_for_timeout(150)
            if page.locator(".card").is_visible():
                return x, y
    raise AssertionError("no point was found under the pointer")


def test_hover_shows_the_image_click_gives_its_row_and_keys_turn(page):
    digits = load_digits()
    find_point(page, GRAPH)
    page.wait_for_timeout(500)
    card = page.locator(".card")
    row = int(card.get_attribute("data-row"))
    # The caption is text, even where it looks like markup.
    assert card.inner_text() == f"class {digits.target[row]}\ndigit-{row}.png <b>"
    wanted = (digits.images[row] * (255 / 16)).round().astype(int).ravel().tolist()
    assert card.evaluate(DRAWN) == wanted
    page.mouse.down()
    page.mouse.up()
    page.get_by_text(f"clicked row: {row}", exact=True).wait_for()
    page.wait_for_function(f"({TRACES})().some((t) => t[3] === 'circle-open')")
    page.mouse.move(5, 5)
    card.wait_for(state="hidden")
    graph = page.locator(GRAPH)
    assert graph.get_attribute("aria-label") == "A 3D map of digits"
    before = page.evaluate(CAMERA)
    graph.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"({CAMERA})().join() !== '{','.join(map(str, before))}'")


def test_a_drag_is_not_a_click_and_the_camera_outlives_new_colours(page):
    x, y = find_point(page, GRAPH)
    before = page.evaluate(CAMERA)
    page.mouse.down()
    page.mouse.move(x + 60, y + 20, steps=6)
    page.mouse.up()
    page.wait_for_timeout(1000)
    camera = page.evaluate(CAMERA)
    assert camera != before
    page.evaluate(f"document.querySelector('{GRAPH}').mine = true")
    page.get_by_text("parity", exact=True).click()
    page.wait_for_function(f"({TRACES})().length === 1 && {SHADES} === 2")
    page.get_by_role("combobox").click()
    page.get_by_role("option", name="1", exact=True).click()
    page.wait_for_function(f"({TRACES})().map((t) => t[2]).join() === '0.15,1'")
    page.wait_for_timeout(500)
    assert page.evaluate(CAMERA) == camera
    assert page.evaluate(f"document.querySelector('{GRAPH}').mine")  # the same chart, no blink
    page.set_viewport_size({"width": 900, "height": 900})
    page.wait_for_timeout(1500)
    assert page.evaluate(CAMERA) == camera
    assert [trace[2] for trace in page.evaluate(TRACES)] == [0.15, 1]
    assert page.get_by_text("clicked row: None").is_visible()


def test_lasso_on_the_flat_map_gives_rows_and_outlives_new_colours(page):
    page.get_by_text("flat", exact=True).click()
    page.wait_for_selector(".st-key-flat .js-plotly-plot .nsewdrag", state="attached")
    page.wait_for_timeout(1500)
    box = page.locator(".st-key-flat .js-plotly-plot").bounding_box()
    page.get_by_text("lasso holds 0 rows").wait_for()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    right, low = box["x"] + box["width"] - 2, min(box["y"] + box["height"] - 2, 895)
    for x, y in ((right, box["y"] + 2), (right, low), (box["x"] + 2, low)):
        page.mouse.move(x, y, steps=6)
    page.mouse.up()
    held = page.get_by_text("lasso holds").filter(has_not_text="holds 0 rows")
    held.wait_for()
    words = held.inner_text()
    assert int(words.split()[2]) > 900
    page.get_by_text("parity", exact=True).click()
    page.wait_for_timeout(2000)
    assert held.inner_text() == words
