"""Takes the pictures in docs/images: `python docs/screenshots.py [FOLDER]`.

It starts the app with a store of its own, looks at the shipped digits in Chromium, and writes
five pictures at 1280 pixels and one as a phone shows it. Needs the test requirements.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.browser import chromium, serving, until_up  # noqa: E402

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
MOST_BYTES = 400_000
SETTLE = 4000  # milliseconds: the cloud has stopped turning, nothing moves
PATIENCE = 120_000


def main(folder: Path) -> None:
    """Take every picture."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="facette-docs-") as home, chromium() as browser:
        with serving(ROOT / "app.py", Path(home)) as address:
            until_up(address)

            def take(name: str, path: str, ready: Callable[[Any], None], **options: Any) -> None:
                context = browser.new_context(**({"viewport": WIDE} | options))
                page = context.new_page()
                page.set_default_timeout(PATIENCE)
                page.goto(f"{address}/{path}")
                ready(page)
                page.wait_for_timeout(SETTLE)
                save(page.screenshot(), folder / f"{name}.png")
                context.close()

            take("clusters", "", map_is_drawn)
            take("clusters_dark", "", map_is_drawn, color_scheme="dark")
            take("compare", "compare", bars_are_drawn)
            take("data", "data", wall_is_drawn)
            take("descriptors", "descriptors", everything_is_explained)
            take("phone", "", map_is_drawn, viewport=PHONE, device_scale_factor=2)


def map_is_drawn(page: Any) -> None:
    """The map and the first picture beside it."""
    page.wait_for_selector(".st-key-map3d .js-plotly-plot[role=img] canvas")
    wall_is_drawn(page)


def wall_is_drawn(page: Any) -> None:
    """The first picture of a gallery."""
    page.locator("canvas[data-drawn=yes]").first.wait_for(state="attached")


def bars_are_drawn(page: Any) -> None:
    """The bars, and the table below them."""
    page.wait_for_selector(".js-plotly-plot .bars path")
    page.get_by_test_id("stDataFrame").first.wait_for()


def everything_is_explained(page: Any) -> None:
    """Every descriptor's view, which a worker makes first."""
    page.get_by_text("values").first.wait_for()
    page.get_by_text("Being drawn").first.wait_for(state="detached")
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    wall_is_drawn(page)


def save(png: bytes, target: Path) -> None:
    """Write a picture; one too large for a README gets as many of 256 colours as fit."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    kept = _encoded(picture)
    for colors in (256, 128, 64):
        if len(kept) <= MOST_BYTES:
            break
        kept = _encoded(picture.quantize(colors, dither=Image.Dither.NONE))
    target.write_bytes(kept)
    print(f"{target}: {picture.width} x {picture.height}, {len(kept) // 1000} kB")


def _encoded(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
