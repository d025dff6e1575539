"""A parameter that names a file: the app opens only what lies below its root."""

import pytest
from streamlit.testing.v1 import AppTest

SCRIPT = """
import streamlit as st
from ui import errors, forms
with errors.shown():
    st.write("spec " + forms.component_form("descriptor", "clip", "x").spec())
"""


@pytest.mark.parametrize(
    ("typed", "spec"),
    [
        ("", "spec clip"),
        ("word", "spec clip:model=word"),
        ("here.onnx", "spec clip:model={root}/here.onnx"),
        ("/etc/passwd", None),
        ("../outside.onnx", None),
    ],
)
def test_a_path_stays_below_the_root(typed, spec, tmp_path, monkeypatch):
    root = tmp_path / "root"
    root.mkdir()
    (root / "here.onnx").write_bytes(b"x")
    (tmp_path / "outside.onnx").write_bytes(b"x")
    monkeypatch.setenv("FACETTE_ROOT", str(root))
    at = AppTest.from_string(SCRIPT, default_timeout=60).run()
    at.text_input[0].set_value(typed).run()
    if spec is None:
        assert "a path below" in at.error[0].value and not at.markdown
    else:
        assert at.markdown[0].value == spec.format(root=root)
    assert not at.exception
