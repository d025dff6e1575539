"""What the map sends to the browser, and the one use of Streamlit's undocumented parts."""

import json

from streamlit.testing.v1 import AppTest

PAGE = """
import numpy as np, streamlit as st
from core.maps import map_3d
from core.palette import colors
from ui.map3d import show_map
from ui.media import media_url

rng = np.random.default_rng(0)
coords, groups = rng.normal(size=(50, 3)), np.arange(50) % 2
if st.checkbox("moved"):
    coords = coords + 1
if st.checkbox("other colours"):
    groups = np.arange(50) % 5
lit = groups == 1 if st.checkbox("lit") else None
show_map(map_3d(coords, groups, "abcde", colors(5)), "m", None, ["x"] * 50, lit, pinned=99)
st.write(media_url(b"abc", "image/png", "here"))
"""


def sent(at):
    return at.get("plotly_chart")[0].proto


def companion(at):
    return json.loads(at.get("bidi_component")[0].proto.json)


def test_the_chart_stays_the_same_until_the_points_move():
    at = AppTest.from_string(PAGE, default_timeout=60).run()
    assert not at.exception
    first, look = sent(at), companion(at)
    at.checkbox[1].check().run()
    at.checkbox[2].check().run()
    assert sent(at).id == first.id
    changed = companion(at)
    assert changed["look"] != look["look"]
    assert [g["opacity"] for g in changed["groups"]] == [0.15, 1.0, 0.15, 0.15, 0.15]
    assert changed["pinned"] is None  # no such row
    at.checkbox[0].check().run()
    assert sent(at).id != first.id


def test_bytes_get_a_url_from_the_server():
    at = AppTest.from_string(PAGE, default_timeout=60).run()
    url = at.markdown[0].value
    assert url.endswith(".png")
    assert "/" in url
    assert not url.startswith("data:")
