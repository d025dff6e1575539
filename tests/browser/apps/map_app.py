"""A page with one map, for the browser tests."""

import streamlit as st
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from core.maps import map_2d, map_3d
from core.palette import colors
from core.store import Store
from core.thumbnails import make_atlas, read_atlas
from tests.browser.apps.fake import digits_dataset
from ui.map3d import show_map, show_map_2d

st.set_page_config(layout="wide")


@st.cache_resource
def prepared():
    """Coordinates, classes and thumbnails of the digits."""
    digits = load_digits()
    store = Store()
    atlas = read_atlas(store, make_atlas(digits_dataset(), store))
    return PCA(3, random_state=0).fit_transform(digits.data), digits.target, atlas


coords, target, atlas = prepared()
captions = [f"class {c}\ndigit-{i}.png <b>" for i, c in enumerate(target)]
by = st.radio("colour by", ["class", "parity"], horizontal=True)
groups = target if by == "class" else target % 2
light = st.selectbox("highlight", [None, *range(len(set(groups)))])
state = st.session_state
lit = None if light is None else groups == light


def pin(row: int) -> None:
    """Keep the clicked row."""
    state["row"] = row


names = [str(i) for i in range(10)]
if st.toggle("flat"):
    figure = map_2d(coords[:, :2], groups, names, colors(10))
    row, rows = show_map_2d(
        figure, "flat", atlas, captions, lit, pinned=state.get("row"), on_pick=pin
    )
    st.write(f"lasso holds {len(rows)} rows, sum {sum(rows)}")
else:
    figure = map_3d(coords, groups, names, colors(10))
    row = show_map(
        figure, "map3d", atlas, captions, lit, pinned=state.get("row"), on_pick=pin,
        alt="A 3D map of digits",
        turn=st.query_params.get("turn") == "1",
    )  # fmt: skip
st.write(f"clicked row: {row}")
