"""Widgets made from a component's declared parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core import access, registry
from core.components import Component
from core.params import Param

_WORD = re.compile(r"\w+")  # a name that stands for itself; a path of the server has more to it


def component_form(kind: str, name: str, key: str) -> Component:
    """One widget a declared parameter, advanced ones folded away; the component they make."""
    params = registry.find(kind, name).params()
    values: dict[str, Any] = {}
    for p in (p for p in params if not p.advanced):
        values[p.name] = widget(p, f"{key}-{name}-{p.name}")
    advanced = [p for p in params if p.advanced]
    if advanced:
        with st.expander("Advanced"):
            for p in advanced:
                values[p.name] = widget(p, f"{key}-{name}-{p.name}")
    return registry.create(kind, name, values)


def widgets(params: Sequence[Param], key: str, columns: int) -> dict[str, Any]:
    """One widget a declared parameter, side by side in so many columns; the values by name."""
    values: dict[str, Any] = {}
    for start in range(0, len(params), columns):
        places = st.columns(columns, vertical_alignment="bottom")
        for place, p in zip(places, params[start : start + columns], strict=False):
            with place:
                values[p.name] = widget(p, f"{key}-{p.name}")
    return values


def widget(p: Param, key: str) -> Any:
    """The widget of a declared parameter; its value, or an `InputError` for a wrong path."""
    if p.choices:
        index = p.choices.index(p.default) if p.default in p.choices else 0
        return st.selectbox(p.label, p.choices, index=index, help=p.help, key=key)
    if p.type is bool and p.optional:
        words = {None: "chosen from the data", True: "yes", False: "no"}
        return st.selectbox(p.label, list(words), format_func=words.get, help=p.help, key=key)
    if p.type is bool:
        return st.checkbox(p.label, value=bool(p.default), help=p.help, key=key)
    help_text = f"{p.help} Allowed: {p.allowed}."
    placeholder = "chosen from the data" if p.optional else None
    if p.type is int:
        return st.number_input(
            p.label,
            min_value=None if p.low is None else int(p.low),
            max_value=None if p.high is None else int(p.high),
            value=p.default,
            step=1,
            help=help_text,
            key=key,
            placeholder=placeholder,
        )
    if p.type is float:
        return st.number_input(
            p.label,
            min_value=None if p.low is None else float(p.low),
            max_value=None if p.high is None else float(p.high),
            value=p.default,
            step=_step(p),
            format="%g",
            help=help_text,
            key=key,
            placeholder=placeholder,
        )
    text = st.text_input(
        p.label, value=p.default or "", help=help_text, key=key, placeholder=placeholder
    ).strip()
    if p.path and not _WORD.fullmatch(text):
        return access.inside_root(text) if text else None
    return text or None


def _step(p: Param) -> float:
    span = p.high - p.low if p.low is not None and p.high is not None else None
    return 0.01 if span is not None and span <= 1 else 0.1
