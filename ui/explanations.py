"""Every descriptor's view of one image, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core import examples, plots, registry, tasks
from core.components import Descriptor
from core.store import Entry
from core.types import Dataset
from ui import cached, errors, pictures, progress, state

EXAMPLES = 14
COLUMNS = 4


def choose_image(run_id: str, dataset: Dataset) -> int:
    """A strip of images, at least one of each class where there is room; the one clicked."""
    strip = example_rows(dataset, EXAMPLES)
    picked = state.picked(run_id)
    current = int(strip[0]) if picked is None or picked >= len(dataset) else picked
    pictures.show(
        dataset,
        [int(row) for row in strip],
        key="examples",
        columns=EXAMPLES,
        chosen=current,
        label="Choose an image",
        on_pick=lambda row: state.pick(run_id, row),
    )
    return current


def example_rows(dataset: Dataset, count: int) -> np.ndarray:
    """Rows that show the variety: taken in turn from each class, or evenly from all."""
    if dataset.labels is None:
        return np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int))
    return examples.in_turn(dataset.labels)[:count]


def side_by_side(dataset: Dataset, row: int, names: Sequence[str]) -> None:
    """A card for each descriptor: picture or curve, what it sees, what it is blind to."""
    keys = {name: tasks.explanation_key(dataset, row, name) for name in names}
    entries = {name: cached.store().get(key) for name, key in keys.items()}
    if any(entry is None for entry in entries.values()):
        arguments = {
            "source": dataset.source.to_json(), "index": row, "descriptors": list(names),
        }  # fmt: skip
        progress.follow("explain", arguments, lane="quick")
    cells = [*st.columns(COLUMNS), *st.columns(COLUMNS)]
    while len(cells) <= len(names):
        cells += st.columns(COLUMNS)
    with cells[0].container(border=True, height="stretch"):
        st.markdown("**The image**")
        pictures.show(dataset, [row], key="explained-image", columns=1)
        st.caption(errors.text(pictures.caption(dataset, row).replace("\n", " · ")))
    for cell, name in zip(cells[1:], names, strict=False):
        with cell.container(border=True, height="stretch"):
            _card(name, entries[name])


def _card(name: str, entry: Entry | None) -> None:
    cls = registry.find("descriptor", name)
    assert issubclass(cls, Descriptor)
    st.markdown(f"**{cls.label}**", help=cls.summary)
    st.markdown(f":small[**Sees** {cls.sees}]  \n:small[**Blind to** {cls.blind_to}]")
    if entry is None:
        st.caption("Being drawn …")
        return
    if entry.has("image"):
        pictures.one(np.asarray(entry.array("image")), f"What {cls.label} sees", f"seen-{name}")
    if names := entry.meta["curves"]:
        curves = {n: np.asarray(entry.array(f"curve_{i}")) for i, n in enumerate(names)}
        figure = plots.curves(curves, height=130 if entry.has("image") else 190)
        st.plotly_chart(
            figure, key=f"curve-{name}", config={"displayModeBar": False}, alt=entry.meta["caption"]
        )
    st.caption(errors.text(entry.meta["caption"]))
