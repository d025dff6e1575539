"""What a model says of many files: a table, its CSV, and a row that opens."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.cnn import requests, words
from core.cnn.answers import Batch, batch_of, runners
from core.keys import key_of
from core.store import Entry
from ui import cached, errors, pictures, progress
from ui.model_picker import Judged
from ui.predict_input import Asked
from ui.predict_view import words_of

HEIGHT = 440


def table(judged: Judged, asked: Sequence[Asked]) -> Asked | None:
    """Name every file, in the order given; the one whose row was chosen."""
    kept = [one.kept for one in asked if one.kept is not None]
    good = [i for i, one in enumerate(kept) if one.path is not None]
    digests = [kept[i].digest for i in good]
    entry = None
    if good:
        key = requests.predict_key(judged.model.id, digests)
        entry = cached.store().get(key)
        if entry is None:
            files = [[kept[i].name, str(kept[i].path)] for i in good]
            arguments = {"model": judged.model.id, "files": files, "key": key}
            progress.follow("predict", arguments)
            return None
    refused = {i: one.reason for i, one in enumerate(kept) if one.path is None}
    names = [one.name for one in kept]
    batch = batch_of(entry, judged.view.classes, names, good, refused)
    _summary(batch)
    place = _rows(batch, entry, key_of(judged.model.id, digests)[:8])
    st.download_button(
        "predictions.csv", batch.csv, "predictions.csv", "text/csv", key="get-predicted",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip
    return None if place is None or place in batch.reasons else asked[place]


def _summary(batch: Batch) -> None:
    """How many of each class, how many it hesitates on, and which files could not be used."""
    said = Counter(words_of(batch.classes[batch.top(i)[0]]) for i in batch.row)
    parts = ", ".join(f"{errors.text(name)} {n:,}" for name, n in said.most_common(6))
    more = f" and {len(said) - 6:,} more classes" if len(said) > 6 else ""
    unsure = sum(len(runners(row)) > 1 for row in batch.probabilities)
    hesitates = f" It hesitates on {unsure:,} of them." if unsure else ""
    count = len(batch.row)
    if count:
        st.markdown(f"#### {count:,} image{'s' * (count != 1)}: {parts}{more}")
        st.markdown(f"Choose a row to see why.{hesitates}")
    if batch.reasons:
        n = len(batch.reasons)
        st.warning(
            f"{n:,} file{'s' * (n != 1)} could not be used: the table and the CSV say why.",
            icon=":material/warning:",
        )


def _rows(batch: Batch, entry: Entry | None, name: str) -> int | None:
    """The table; the place of the row that was chosen."""
    small = _thumbnails(str(entry.folder), entry) if entry is not None else []
    places = range(len(batch.files))
    said = [batch.top(i) if i in batch.row else None for i in places]
    frame = pd.DataFrame({
        "image": [small[batch.row[i]] if i in batch.row else "" for i in places],
        "file": [pictures.file_name(file) for file in batch.files],
        "class": [words_of(batch.classes[one[0]]) if one else "" for one in said],
        "probability": [one[1] if one else np.nan for one in said],
        "note": [_note(batch, i) for i in places],
    })  # fmt: skip
    chosen = st.dataframe(
        frame, key=f"predicted-{name}", hide_index=True, row_height=52, on_select="rerun",
        selection_mode="single-row", height=min(HEIGHT, 44 + 52 * len(places)),
        column_config=_HEADS, alt="Every file with its class",
    )  # fmt: skip
    rows = chosen.selection.rows
    return int(rows[0]) if rows else None


_HEADS = {
    "image": st.column_config.ImageColumn("", width=60),
    "class": st.column_config.TextColumn("class"),
    "probability": st.column_config.ProgressColumn(
        "probability", format="percent", min_value=0, max_value=1
    ),
    "note": st.column_config.TextColumn("note", width="large"),
}


def _note(batch: Batch, place: int) -> str:
    if place in batch.reasons:
        return f"not used: {batch.reasons[place]}"
    p = batch.probabilities[batch.row[place]]
    near = runners(p)[1:]
    if len(near) > 2:
        return f"hesitates between {len(near) + 1} classes"
    between = " or ".join(
        f"{words_of(batch.classes[i])} ({words.share(float(p[i]))})" for i in near
    )
    return f"perhaps {between}" if near else ""


@st.cache_data(show_spinner=False, max_entries=20)
def _thumbnails(folder: str, _entry: Entry) -> list[str]:
    from core.images import encode_jpeg

    parts = (base64.b64encode(encode_jpeg(one, 80)) for one in _entry.array("thumbnails"))
    return [f"data:image/jpeg;base64,{part.decode()}" for part in parts]
