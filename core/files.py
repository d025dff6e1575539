"""Files that we hand out: written whole or not at all, with names and cells that are safe."""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from core.errors import InputError, input_error, printable

_FORMULA_STARTS = tuple("=+-@\t\r\n'＝＋－＠")  # noqa: RUF001 - spreadsheets read the wide ones too
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
_FORBIDDEN = frozenset('<>:"/\\|?*')
NAME_BYTES = 150  # file systems allow 255; room is left for a number, an ending, a temporary tail


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed into it when the block ends without an error.

    Raises
    ------
    InputError
        When the place cannot be written.
    """
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"{printable(path)} cannot be written: {reason}. Choose another place, or free some."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write text whole, as UTF-8 with its line ends as they are."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def output_folder(path: Path | str) -> Path:
    """`path` as a folder that exists, made with its parents where it does not yet.

    Raises
    ------
    InputError
        When a file is in the way or the folder cannot be made.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise input_error(
            "output folder", folder, "a folder, new or existing", "A file is in the way there."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise input_error(
            "output folder", folder, "a folder that can be written", f"{reason}."
        ) from error
    return folder


def safe_cell(text: str) -> str:
    """`text` as a CSV cell that no spreadsheet takes for a formula.

    A text that starts with one of = + - @ (or their wide forms), a tab, a line end or an
    apostrophe gets one apostrophe in front; `original_text` takes it off again.

    >>> safe_cell("=1+1"), safe_cell("'quoted'"), safe_cell("cat.png")
    ("'=1+1", "''quoted'", 'cat.png')
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def original_text(cell: str) -> str:
    """The text that `safe_cell` was given: one leading apostrophe taken off.

    >>> original_text("'=1+1"), original_text("cat.png")
    ('=1+1', 'cat.png')
    """
    return cell.removeprefix("'")


def csv_text(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    r"""A CSV as RFC 4180 has it, with `\n` at the end of lines.

    Texts go through `safe_cell`; None is an empty cell; floats have ten significant digits,
    trailing zeros left out, so that the last bits of a sum do not show. Bytes of a file name
    that are not UTF-8 are written as an escape.

    >>> csv_text(["id", "x"], [["=a,b", 0.5], [None, -1]])
    'id,x\n"\'=a,b",0.5\n,-1\n'
    """
    lines = [",".join(_quoted(name) for name in header)]
    lines += [",".join(map(_cell, row)) for row in rows]
    # Linux allows names that are not UTF-8; Python reads those as lone surrogates.
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace").decode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _quoted(safe_cell(value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _quoted(text: str) -> str:
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    # csv.writer leaves a lone carriage return unquoted before Python 3.13, so by hand.
    if any(c in text for c in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def safe_name(text: str, suffix: str = "") -> str:
    """A file name made from any text, good on Linux, macOS and Windows, ending in `suffix`.

    Path separators, control and invisible characters and what Windows forbids become `_`;
    leading dots and dashes and reserved names (CON, NUL, …) get a `_` in front.

    >>> safe_name("../cats/1.jpg"), safe_name("con.txt"), safe_name("a/b", ".png")
    ('_.._cats_1.jpg', '_con.txt', 'a_b.png')
    """
    text = unicodedata.normalize("NFC", text)
    text = "".join("_" if c in _FORBIDDEN or unicodedata.category(c)[0] == "C" else c for c in text)
    text = text.rstrip(". ")
    if not text or text[0] in ".- ~" or _RESERVED.match(text):
        text = f"_{text}"
    stem, dot, ending = text.rpartition(".")
    tail = suffix or (f".{ending}" if dot and stem and len(ending) <= 8 else "")
    stem = text if suffix or not tail else stem
    return _cut(stem, NAME_BYTES - len(tail.encode())) + tail


def unique_name(name: str, taken: set[str]) -> str:
    """`name`, numbered where `taken` has it already (letter case aside); it is added to `taken`.

    >>> taken = set()
    >>> unique_name("A.png", taken), unique_name("a.png", taken)
    ('A.png', 'a-2.png')
    """
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > 8:
        stem, dot, ending = name, "", ""
    number, candidate = 1, name
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{stem}-{number}{dot}{ending}"
    taken.add(candidate.casefold())
    return candidate


def _cut(text: str, n_bytes: int) -> str:
    return text.encode()[:n_bytes].decode("utf-8", "ignore").rstrip(". ") or "_"
