"""The errors that people read: raised in core, formatted once at each edge."""

from __future__ import annotations


class FacetteError(Exception):
    """Something went wrong that one clear sentence explains."""


class InputError(FacetteError):
    """The user can mend it. Exit status 2 on the command line, a message in the app."""


class Cancelled(Exception):
    """The person asked to stop; raised by the progress callable, never shown as an error."""


def input_error(what: str, got: object, allowed: str, do: str = "") -> InputError:
    """An error in the house form: what, the value got, what is allowed, what to do.

    >>> print(input_error("orientations", 0, "a whole number from 1 to 36"))
    orientations: got 0, allowed is a whole number from 1 to 36.
    """
    shown = printable(got)
    return InputError(f"{what}: got {shown}, allowed is {allowed}." + (f" {do}" if do else ""))


def printable(value: object, limit: int = 120) -> str:
    r"""`value` on one line, control characters escaped, cut at `limit` characters.

    >>> printable("a" + chr(10) + "b")
    'a\\nb'
    """
    text = str(value)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
