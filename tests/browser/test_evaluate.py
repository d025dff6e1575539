"""The Evaluate page in a browser: a click on a cell of the confusion matrix shows its images."""

from __future__ import annotations

import numpy as np
import pytest

from core.cnn.config import TrainConfig
from core.datasets import open_dataset
from core.store import Store
from tests.trained import answers, model_folder
from ui.source_form import SAMPLE

pytestmark = pytest.mark.browser

CELL = ".st-key-confusion-matrix .nsewdrag"
TITLES = """() => {
    const found = [];
    const look = (root) => root.querySelectorAll('*').forEach((e) => {
        if (e.shadowRoot) look(e.shadowRoot);
        if (e.matches('button[data-row]')) found.push(e.title);
    });
    look(document);
    return found;
}"""


def test_a_cell_of_the_confusion_matrix_opens_its_images(serve, visit):
    server = serve("app.py")
    dataset = open_dataset(SAMPLE, Store(server.home))
    test_rows = np.flatnonzero(np.arange(len(dataset)) % 4 > 1)
    first, other = (test_rows[dataset.labels[test_rows] == c] for c in (1, 3))
    wrong = [*first[:3], *other[:2]]
    config = TrainConfig(model="scratch", size=32)
    model_folder(server.home, "a" * 32, dataset, answers(dataset, wrong), config)

    page = visit(f"{server}/evaluate")
    page.get_by_text("3 images of class").wait_for()  # the commonest confusion is open
    matrix = page.locator(CELL)
    matrix.scroll_into_view_if_needed()
    box, n = matrix.bounding_box(), len(dataset.class_names)

    def click(row, column):
        place = ((column + 0.5) / n, (row + 0.5) / n)
        x, y = box["x"] + box["width"] * place[0], box["y"] + box["height"] * place[1]
        page.mouse.move(x, y)
        page.wait_for_timeout(300)
        page.mouse.click(x, y)

    click(3, 4)
    page.get_by_text("2 images of class").wait_for()
    named = f"says {dataset.class_names[4]} 0.90\nis {dataset.class_names[3]} 0.02"
    page.wait_for_function(f"(wanted) => ({TITLES})().some((t) => t.startsWith(wanted))", arg=named)
    shown = [title for title in page.evaluate(TITLES) if title.startswith(named)]
    assert {title.split("\n")[2] for title in shown} == {dataset.ids[row] for row in other[:2]}
    click(0, 0)
    right = int(np.sum(dataset.labels[test_rows] == 0))
    page.get_by_text(f"{right} images of class").first.wait_for()
