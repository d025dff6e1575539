"""Every descriptor's view of one image, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from core import examples, plots, registry, tasks
from core.components import Descriptor
from core.errors import FacetteError
from core.runs import Comparison
from core.store import Entry
from core.types import Dataset
from ui import cached, comparison_form, errors, pictures, progress, state

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
    """A card for each descriptor: picture or curve, what it sees, what it is blind to.

    Networks take seconds to load, and some a download: only those that are picked are shown.
    """
    deep = [name for name in names if _class(name).deep]
    _cards(dataset, row, [name for name in names if name not in deep], with_image=True)
    picked = st.pills(
        "What networks see",
        deep,
        selection_mode="multi",
        format_func=lambda name: _class(name).label,
        key="networks-seen",
        help="They learn from your images, or have learnt from a million others; the first takes "
        "some seconds to load.",
    )
    if picked:
        _cards(dataset, row, picked, with_image=False)


def _cards(dataset: Dataset, row: int, names: Sequence[str], with_image: bool) -> None:
    entries, unlearnt, reasons = _looked_up(dataset, row, names)
    wanted = [name for name in entries if name not in unlearnt]
    arguments = {"source": dataset.source.to_json(), "index": row, "descriptors": wanted}
    refused = progress.answer("explain", arguments).get("refused", {})
    if any(entries[name] is None and name not in refused for name in wanted):
        progress.follow("explain", arguments)
    cells = [*st.columns(COLUMNS), *st.columns(COLUMNS)] if with_image else []
    while len(cells) < len(names) + with_image:
        cells += st.columns(COLUMNS)
    if with_image:
        _image(dataset, row, cells.pop(0))
    for cell, name in zip(cells, names, strict=False):
        with cell.container(border=True, height="stretch"):
            _head(name)
            if name in unlearnt:
                _not_learnt(dataset, name)
            elif entries.get(name) is None and (reason := (reasons | refused).get(name)):
                st.warning(errors.text(reason), icon=":material/warning:")
            else:
                _seen(name, entries[name])
    if refused and st.button("Try again", key=f"again-{'-'.join(names)}"):
        progress.start("explain", arguments)
        st.rerun()


def _looked_up(
    dataset: Dataset, row: int, names: Sequence[str]
) -> tuple[dict[str, Entry | None], list[str], dict[str, str]]:
    """What the store holds of each; those that have yet to learn; why some cannot be asked."""
    entries: dict[str, Entry | None] = {}
    unlearnt, reasons = [], {}
    for name in names:
        try:
            entries[name] = cached.store().get(tasks.explanation_key(dataset, row, name))
            if entries[name] is None and _class(name).learns:
                unlearnt += [name] * (not cached.store().has(tasks.learnt_key(dataset, name)))
        except FacetteError as error:  # a file that a parameter names is missing, say
            reasons[name] = str(error)
    return entries, unlearnt, reasons


def _image(dataset: Dataset, row: int, cell: Any) -> None:
    with cell.container(border=True, height="stretch"):
        st.markdown("**The image**")
        pictures.show(dataset, [row], key="explained-image", columns=1)
        st.caption(errors.text(pictures.caption(dataset, row).replace("\n", " · ")))


def _class(name: str) -> type[Descriptor]:
    cls = registry.find("descriptor", name)
    assert issubclass(cls, Descriptor)
    return cls


def _head(name: str) -> None:
    cls = _class(name)
    st.markdown(f"**{cls.label}**", help=cls.summary)
    st.markdown(f":small[**Sees** {cls.sees}]  \n:small[**Blind to** {cls.blind_to}]")


def _not_learnt(dataset: Dataset, name: str) -> None:
    """Why there is nothing to see yet, a button that changes it, and how far that is."""
    asked = Comparison(dataset.source, descriptors=(name,))
    arguments = {"comparison": asked.to_json()}
    if progress.asked("compare", arguments):
        progress.follow("compare", arguments)
        return
    st.caption(
        "Learns from your images: run it once, then its loss and reconstructions stand here."
    )
    if st.button("Run it", key=f"learn-{name}", icon=":material/play_arrow:"):
        comparison_form.start(asked)
        st.rerun()


def _seen(name: str, entry: Entry | None) -> None:
    cls = _class(name)
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
