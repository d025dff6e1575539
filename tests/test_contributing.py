"""The example of CONTRIBUTING.md runs, and dropping it into its folder is all it takes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of core/ with the example in its place."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (example,) = re.findall(r"save it as `[^`]*`:\n\n```python\n(.*?)```", text, re.DOTALL)
    (place,) = re.findall(r"save it as `([^`]*)`", text)
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "core", folder / "core", ignore=shutil.ignore_patterns("__pycache__"))
    assert not (folder / place).exists()
    (folder / place).write_text(example, "utf-8")
    return folder


def run(checkout: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": "", "FACETTE_HOME": str(checkout / "home")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_found_and_describes(checkout: Path) -> None:
    script = """
import numpy as np
from core import registry
component = registry.parse("descriptor", "edge_density:grid=2,size=32")
image = np.zeros((32, 32), np.uint8)
image[:16, 24:] = 255  # one upright edge, in the upper right quarter
flat, edge = component.describe([np.full((32, 32), 90, np.uint8), image])
assert component.spec() == "edge_density:size=32,grid=2", component.spec()
assert flat.dtype == np.float32 and flat.tolist() == [0, 0, 0, 0], flat
assert edge.argmax() == 1 and edge[0] == edge[2] == 0, edge
"""
    run(checkout, "-c", script)


def test_it_refuses_what_its_declaration_forbids(checkout: Path) -> None:
    script = """
from core import registry
from core.errors import InputError
try:
    registry.parse("descriptor", "edge_density:grid=0")
except InputError as error:
    print(error)
"""
    said = run(checkout, "-c", script)
    assert said.strip() == "edge_density: grid: got 0, allowed is a whole number from 1 to 16."


def test_the_commands_list_it(checkout: Path) -> None:
    said = run(checkout, "-m", "core", "components")
    assert "edge_density" in said
    assert "Measures how busy each part of the image is." in said


def test_a_run_uses_it(checkout: Path) -> None:
    run(
        checkout,
        *("-m", "core", "run", "--data", "digits", "--descriptor", "edge_density:size=16"),
        *("--reduce", "none", "--cluster", "kmeans_lloyd", "--out", str(checkout / "out")),
    )
    rows = (checkout / "out" / "results.csv").read_text("utf-8").splitlines()
    assert len(rows) == 2
    assert "edge_density:size=16" in rows[1]


def test_it_meets_the_style_of_the_project(checkout: Path) -> None:
    file = checkout / "core" / "descriptors" / "edge_density.py"
    settings = str(ROOT / "pyproject.toml")
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--config", settings, str(file)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
