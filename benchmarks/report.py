"""docs/benchmarks.md: a head that stays, and a section a benchmark between two markers."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks import Table

LIBRARIES = (
    "numpy", "opencv-python", "pillow", "scikit-image", "scikit-learn", "umap-learn", "streamlit",
)  # fmt: skip
HEAD = """# Benchmarks

This page is written by `make bench` (or `python -m benchmarks NAME`, `--large` for more). Each
section is renewed when its benchmark runs, and says on which machine and when that was.
Times are wall clock; they depend on the machine and on what else it does, so speed is given as a
ratio to something measured in the same minute. Quality does not depend on the machine: a
figure is the median over the seeds 0 to 4, with the range in brackets. The seed decides
everything random: UMAP, the starts of the clusterers, SIFT's codebook.
"""


def write_section(path: Path, name: str, title: str, tables: Sequence[Table]) -> None:
    """Replace the section of one benchmark; the others stay as they are, in the order of names."""
    sections = _sections(path.read_text("utf-8") if path.exists() else "")
    parts = [f"## {title}", machine(), *(table.markdown() for table in tables)]
    sections[name] = "\n\n".join(parts)
    marked = [
        f"<!-- benchmark: {known} -->\n\n{text}\n\n<!-- end: {known} -->\n"
        for known, text in sorted(sections.items())
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEAD, *marked]), "utf-8")


def _sections(text: str) -> dict[str, str]:
    pattern = r"<!-- benchmark: (\w+) -->\n(.*?)\n<!-- end: \1 -->"
    return {m[1]: m[2].strip() for m in re.finditer(pattern, text, re.DOTALL)}


def machine() -> str:
    """Where and when: cores, processor, system, Python, libraries, date, load."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return (
        f"Measured on {today}: {cores} cores{load}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {libraries}."
    )
