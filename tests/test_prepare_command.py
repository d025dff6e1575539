"""`python -m core prepare`, run as a person runs it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import drawn
from tests.conftest import ROOT


def command(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "core", "prepare", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "FACETTE_HOME": str(home)},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos with a folder of JSON files; one photo is not listed."""
    folder = tmp_path_factory.mktemp("shop")
    for kind, number in (("disc", 12), ("square", 6)):
        drawn.save(folder / "images", kind, number)
        for i in range(number):
            about = {"data": {"kind": {"typeName": f"{kind}, red" if i % 2 else kind}}}
            (folder / "styles").mkdir(exist_ok=True)
            (folder / "styles" / f"{kind}_{i:02}.json").write_text(json.dumps(about))
    drawn.save(folder / "images", "stray", 1)
    return folder


def asked(shop: Path) -> list[object]:
    given = ["--images", shop / "images", "--metadata", shop / "styles"]
    return [*given, "--field", "data.kind.typeName"]


def test_photos_become_a_training_set(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--classes", 'disc, square,"disc, red"', "--balance", "--rest", "--seed", "3"]
    done = command(tmp_path / "home", *asked(shop), *options, "--split", "1,1,1", "--out", out)
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()[:4]] == [
        ["class", "train", "validation", "test", "rest", "images", "different"],
        ["disc", "1", "1", "1", "3", "3", "3"],
        ["disc,", "red", "1", "1", "1", "3", "3", "3"],
        ["square", "1", "1", "1", "0", "3", "3"],
    ]
    assert "3  class not asked for" in done.stdout
    assert "1  not listed in the metadata" in done.stdout
    assert "computed prepare" in done.stderr
    folders = sorted(path.name for path in (out / "train").iterdir())
    assert folders == ["disc", "disc, red", "square"]
    with (out / "report.csv").open(encoding="utf-8", newline="") as file:
        report = list(csv.DictReader(file))
    assert list(report[0]) == ["file", "class", "decision", "reason", "written"]
    assert len(report) == 19
    about = json.loads((out / "prepared.json").read_text("utf-8"))
    assert (about["seed"], about["asked"]["balance"]) == (3, True)
    assert about["counts"]["disc"]["rest"] == 3
    again = command(tmp_path / "home", *asked(shop), "--out", out)  # ours, so it is replaced
    assert again.returncode == 0, again.stderr
    assert sorted(p.name for p in out.iterdir()) == [
        "prepared.json", "report.csv", "test", "train", "validation",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--classes", "disc,hat"], "classes: got hat, allowed is some of disc (6)"),
        (["--split", "60,40"], "split: got 60,40, allowed is three numbers"),
        (["--level", "0"], "level: got 0"),
        (["--bogus"], "See python -m core prepare --help."),
    ],
)
def test_a_mistake_is_one_line(shop: Path, tmp_path: Path, options: list[str], said: str) -> None:
    done = command(tmp_path / "home", *asked(shop), "--out", tmp_path / "out", *options)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and line.startswith("error: ") and said in line
    assert not (tmp_path / "out").exists() and done.stdout == ""


def test_no_folder_with_other_things_is_written(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    done = command(tmp_path / "home", *asked(shop), "--out", tmp_path / "mine")
    assert done.returncode == 2 and "output folder" in done.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["diary.txt"]
    inside = command(tmp_path / "home", *asked(shop), "--out", shop / "images" / "out")
    assert inside.returncode == 2 and not (shop / "images" / "out").exists()
