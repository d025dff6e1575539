"""Parameters declared once: the form, the command line, the check and the key read the same."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from core.errors import input_error

MOST_SHOWN = 20  # choices that a message lists
LONGEST = 1000  # characters of a free text
_RESERVED = ",+"  # they stand between parameters and between descriptors


@dataclass(frozen=True)
class Param:
    """One declared parameter of a component."""

    name: str
    type: type
    default: Any
    label: str
    help: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    optional: bool  # None is allowed and means "chosen from the data"
    advanced: bool
    path: bool = False  # the text may name a file or a folder

    @property
    def allowed(self) -> str:
        """The allowed values in words.

        >>> Param("k", int, 2, "k", "", 1, 9, (), True, False).allowed
        'a whole number from 1 to 9, or auto'
        """
        if self.choices:
            shown = self.choices
            if len(shown) > MOST_SHOWN:
                shown = (*shown[:2], f"… ({len(shown) - 3} more)", shown[-1])
            text = "one of " + ", ".join(shown)
        elif self.type is bool:
            text = "true or false"
        elif self.type is str:
            text = f"a text of up to {LONGEST} characters without comma, plus sign or line break"
        else:
            text = "a whole number" if self.type is int else "a number"
            if self.low is not None and self.high is not None:
                text += f" from {self.low:g} to {self.high:g}"
            elif self.low is not None:
                text += f" of at least {self.low:g}"
        return text + (", or auto" if self.optional else "")


def param(
    default: Any,
    label: str,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    type: type | None = None,
    advanced: bool = False,
    path: bool = False,
) -> Any:
    """Declare a parameter of a component (a field of its frozen dataclass).

    `path` marks a text that may name a file or a folder: the app allows only what lies below
    its root.

    A default of None needs `type` and makes the parameter optional: None means that the value
    is chosen from the data.
    """
    kind = type or default.__class__
    about = {
        "type": kind,
        "label": label,
        "help": help,
        "low": low,
        "high": high,
        "choices": choices,
        "optional": default is None,
        "advanced": advanced,
        "path": path,
    }
    return dataclasses.field(default=default, metadata=about)


def declared(component: Any) -> tuple[Param, ...]:
    """The declared parameters of a component or of its class, in order; other fields are not."""
    fields = [f for f in dataclasses.fields(component) if f.metadata]
    return tuple(Param(name=f.name, default=f.default, **f.metadata) for f in fields)


def checked(owner: str, p: Param, value: Any) -> Any:
    """`value` as the declared type, or an `InputError` that says what is allowed."""
    wrong = input_error(f"{owner}: {p.name}", to_text(value), p.allowed)
    if value is None:
        if p.optional:
            return None
        raise wrong
    if p.type is bool or p.type is str:
        if not isinstance(value, p.type) or (p.choices and value not in p.choices):
            raise wrong
        if isinstance(value, str) and not p.choices and not _is_writable(value):
            raise wrong
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise wrong
    if p.type is int and value != int(value):
        raise wrong
    if (p.low is not None and value < p.low) or (p.high is not None and value > p.high):
        raise wrong
    return p.type(value)


def _is_writable(text: str) -> bool:
    """Whether a free text can be written in a component's line and read back as it was."""
    if not 0 < len(text) <= LONGEST or text != text.strip() or text.lower() in ("auto", "none"):
        return False
    return text.isprintable() and not any(sign in text for sign in _RESERVED)


def from_text(owner: str, p: Param, text: str) -> Any:
    """The value written as `text` on the command line, checked."""
    if p.optional and text.lower() in ("auto", "none"):
        return None
    value: Any = text
    if p.type is bool:
        value = {"true": True, "false": False}.get(text.lower(), text)
    elif p.type is not str:
        try:
            value = float(text)
        except ValueError:
            value = text
    return checked(owner, p, value)


def to_text(value: Any) -> str:
    """The value as the command line writes it.

    >>> to_text(0.0), to_text(True), to_text(None)
    ('0', 'true', 'auto')
    """
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
