"""What Facette is measured by: one module a benchmark, found by discovery.

A benchmark is a module here with `NAME` (for the command line), `TITLE` (its heading in
docs/benchmarks.md) and `measure(large)`, which returns the tables of its section. One that
returns no table leaves its section as it was: some measure only when asked for more.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import cast

from core import registry
from core.components import Descriptor
from core.store import Store

ROOT = Path(__file__).parent.parent
SEEDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Table:
    """One table of the report: every row has a cell a column; `note` is a sentence below it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        r"""The table as Markdown, under a heading of the third level.

        >>> print(Table("Speed", ("what", "ms"), [("a | b", "3")]).markdown())
        ### Speed
        <BLANKLINE>
        | what | ms |
        |---|---|
        | a \| b | 3 |
        """
        lines = [f"### {self.title}", "", _row(self.columns), "|" + "---|" * len(self.columns)]
        lines += [_row(row) for row in self.rows]
        if self.note:
            lines += ["", self.note]
        return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def spread(values: Sequence[float], digits: int = 3) -> str:
    """The median of some values with their range.

    >>> spread([0.5, 0.9, 0.6]), spread([1, 1])
    ('0.600 (0.500 to 0.900)', '1.000')
    """
    low, middle, high = (f"{f(values):z.{digits}f}" for f in (min, median, max))
    return middle if low == high else f"{middle} ({low} to {high})"


def shallow() -> list[str]:
    """The descriptors that are no networks; those are measured apart, and some need a download."""
    found = registry.components("descriptor").items()
    return [name for name, cls in found if not cast(type[Descriptor], cls).deep]


def shared_data() -> Path | None:
    """The folder of real data (FACETTE_TEST_DATA, or beside the checkout), where there is one."""
    given = os.environ.get("FACETTE_TEST_DATA")
    folder = Path(given) if given else ROOT.parent / "shared" / "data"
    return folder if folder.is_dir() else None


@contextmanager
def scratch_store() -> Iterator[Store]:
    """The store in FACETTE_HOME where that is set, and one that is removed at the end if not."""
    if os.environ.get("FACETTE_HOME"):
        yield Store()
        return
    with tempfile.TemporaryDirectory(prefix="facette-bench-") as folder:
        yield Store(Path(folder))
