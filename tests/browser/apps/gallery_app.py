"""A page with a gallery and pills, for the browser tests."""

import numpy as np
import streamlit as st

from core.palette import colors
from tests.browser.apps.fake import digits_dataset
from ui.gallery import Picture, gallery
from ui.pills import pills

st.set_page_config(layout="wide")
dataset = digits_dataset()
state = st.session_state
names = [f"{i}" for i in range(9)] + ["<b>noise</b>"]


def choose(index: int | None) -> None:
    """Keep the pressed pill."""
    state["cluster"] = index


st.write(f"above: {state.get('cluster')}")
cluster = pills(names, colors(10), state.get("cluster"), "pills", on_pick=choose)
st.write(f"pill: {cluster}")
rows = [i for i in range(100) if cluster is None or dataset.labels[i] == cluster][:12]
left, right = st.columns(2)
with left:
    shown = [
        Picture(i, dataset.image(i), f"digit {i}", f"digit-{i}.png <i>", colors(10)[i % 10])
        for i in rows
    ]
    row = gallery(shown, "digits", columns=4, chosen=state.get("row"))
    if row is not None:
        state["row"] = row
    st.write(f"picked: {row}")
with right:
    ramp = np.linspace(0, 255, 300, dtype=np.uint8)
    photos = [np.dstack([np.tile(ramp, (100 + 40 * i, 1))] * 3) for i in range(6)]
    gallery(
        [Picture(1000 + i, p, f"photo {i}", f"photo {i}") for i, p in enumerate(photos)],
        "photos", columns=3, label="Photos",
    )  # fmt: skip
