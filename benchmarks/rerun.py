"""What a second run of the same command costs: nothing should be computed twice."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from benchmarks import ROOT, Table, shared_data

NAME = "rerun"
TITLE = "Speed: the same command again"
TURNS = 5
CLUSTERERS = ("kmeans", "agglomerative", "dbscan", "gaussian_mixture")
PIPELINE = ["--descriptor", "sift+hsv_histogram+lbp", "--outliers", "isolation_forest"]
PIPELINE += [part for name in CLUSTERERS for part in ("--cluster", name)]


def measure(large: bool) -> list[Table]:
    """One set of photos, three with `large`; the teaching set where there are no photos."""
    data = shared_data()
    sets = {"teaching set": ROOT / "sample_data"}
    if data is not None:
        sets = {"dogs": data / "dogs5"}
        if large:
            sets |= {"Flipkart": data / "flipkart1050" / "images", "Myntra": data / "myntra/images"}
    start = median(_seconds(["-c", "import core.cli"], os.environ) for _ in range(TURNS))
    _compile()
    rows = [_row(name, folder, start) for name, folder in sets.items()]
    columns = ("images", "first run", "second run", "process start", "second / first, start apart")
    return [
        Table(
            "Three descriptors joined, outliers removed, UMAP, four clusterers",
            columns,
            rows,
            f"`python -m core run {' '.join(PIPELINE)}` in seconds. The second run is the median "
            f"of {TURNS}, and so is the process start (`import core.cli`), which is taken off "
            "both before they are divided. Compiled code was there before the first run.",
        )
    ]


def _row(name: str, folder: Path, start: float) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "FACETTE_HOME": f"{scratch}/home"}
        command = ["-m", "core", "run", "--data", str(folder), *PIPELINE]
        command += ["--out", f"{scratch}/out"]
        first = _seconds(command, environment)
        again = median(_seconds(command, environment) for _ in range(TURNS))
    share = (again - start) / (first - start)
    return (name, f"{first:.1f}", f"{again:.2f}", f"{start:.2f}", f"{share:.3f}")


def _compile() -> None:
    """A small run, so that umap's functions are compiled before anything is timed."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["-m", "core", "run", "--data", str(ROOT / "sample_data" / "green_star")]
        command += ["--descriptor", "raw_pixels", "--out", f"{scratch}/out"]
        _seconds(command, {**os.environ, "FACETTE_HOME": f"{scratch}/home"})


def _seconds(arguments: list[str], environment: Mapping[str, str]) -> float:
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=dict(environment),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed: {done.stderr.strip()[-300:]}")
    return time.perf_counter() - begin
