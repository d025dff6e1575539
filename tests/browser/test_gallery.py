"""Galleries and pills in Chromium."""

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(serve):
    return serve("tests/browser/apps/gallery_app.py")


def drawn(page, row):
    tile = page.locator(f"button[data-row='{row}']")
    tile.locator("canvas[data-drawn=yes]").wait_for()
    return tile


def test_a_click_and_a_key_pick_the_row(app, visit):
    page = visit(app)
    drawn(page, 3).click()
    page.get_by_text("picked: 3", exact=True).wait_for()
    tile = page.locator("button[data-row='5']")
    tile.focus()
    page.keyboard.press("Enter")
    page.get_by_text("picked: 5", exact=True).wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.get_by_text("picked: 6", exact=True).wait_for()
    assert tile.get_attribute("aria-label") == "digit-5.png <i>"  # words, not markup


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_are_whole_sharp_and_fit(app, visit, width, scheme):
    page = visit(app, viewport={"width": width, "height": 900}, color_scheme=scheme)
    digit, photo = drawn(page, 0).locator("canvas"), drawn(page, 1000).locator("canvas")
    style = "(e, name) => getComputedStyle(e)[name]"
    assert digit.evaluate(style, "imageRendering") == "pixelated"
    assert photo.evaluate(style, "imageRendering") == "auto"
    assert photo.evaluate(style, "objectFit") == "contain"
    assert photo.evaluate("e => [e.width, e.height]") == [300, 100]
    box = page.locator("button[data-row='0']").bounding_box()
    assert box["width"] == pytest.approx(box["height"], abs=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_pills_reach_what_stands_above_them_and_can_be_taken_back(app, visit):
    page = visit(app)
    pill = page.get_by_role("button", name="2", exact=True)
    pill.click()
    page.get_by_text("above: 2", exact=True).wait_for()
    page.get_by_text("pill: 2", exact=True).wait_for()
    assert pill.get_attribute("aria-pressed") == "true"
    first = page.locator("button[data-row]").first
    assert first.get_attribute("data-row") == "2"  # the first tile has taken the next picture
    pill.click()
    page.get_by_text("above: None", exact=True).wait_for()
    assert pill.get_attribute("aria-pressed") == "false"
    assert page.get_by_role("button", name="<b>noise</b>", exact=True).is_visible()
