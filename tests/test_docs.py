"""The documents: examples run, generated pages are current, and links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import Table, report
from docs import generate
from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def examples(page: str) -> list[str]:
    """The commands in the blocks marked `sh`."""
    text = (ROOT / page).read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if line.strip()]


EXAMPLES = dict.fromkeys([*examples("README.md"), *examples("docs/commands.md")])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small sample_data, and some photos to stand for the reader's."""
    folder = tmp_path_factory.mktemp("place")
    table = (ROOT / "sample_data" / "captions.csv").read_text("utf-8").splitlines()
    kept = [line for line in table[1:] if re.search(r"_0[0-4]\.png", line)]
    for line in kept:
        file = line.split(",")[0]
        for target in (folder / "sample_data" / file, folder / "photos" / file):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "sample_data" / file, target)
    text = "\n".join([table[0], *kept]) + "\n"
    (folder / "sample_data" / "captions.csv").write_text(text, "utf-8")
    return folder


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 7
    assert all(line.startswith("python -m core ") for line in EXAMPLES)


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_runs(line: str, place: Path) -> None:
    words = shlex.split(line)[1:]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FACETTE_HOME": str(place / "home")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    for option in ("--out", "--report", "--sort-images"):
        if option in words:
            assert (place / words[words.index(option) + 1]).exists()


def test_the_error_that_is_shown_is_the_one_that_comes() -> None:
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    ((asked, said),) = re.findall(r"^\$ python (.*)\n(error: .*)$", text, re.MULTILINE)
    done = subprocess.run(
        [sys.executable, *shlex.split(asked)], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (2, said + "\n")


def test_every_option_and_no_other_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(--[a-z-]+)", text, re.MULTILINE))
    done = subprocess.run(
        [sys.executable, "-m", "core", "run", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    offered = set(re.findall(r"^ +(--[a-z-]+)", done.stdout, re.MULTILINE)) - {"--help"}
    assert documented == offered


def test_every_column_is_documented() -> None:
    from core.tables import CLUSTER_COLUMNS, RESULT_COLUMNS

    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    for head, columns in (("results.csv", RESULT_COLUMNS), ("clusters.csv", CLUSTER_COLUMNS)):
        part = text.split(f"### {head}\n")[1].split("\n###")[0]
        cells = " ".join(re.findall(r"^\| (`.*?) \| ", part, re.MULTILINE))
        assert re.findall(r"`(\w+)`", cells) == list(columns)


@pytest.mark.parametrize(
    ("name", "make"),
    [("components.md", generate.components_page), ("metrics.md", generate.metrics_page)],
)
def test_generated_pages_are_current(name: str, make: object) -> None:
    """When this fails: `python -m docs.generate`."""
    assert (ROOT / "docs" / name).read_text("utf-8") == make()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    broken = []
    for link in LINK.findall(text):
        if re.match(r"https?:|mailto:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if target.parent.name == "images" and not target.parent.exists():
            continue  # the screenshots are not made yet
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    heads = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_page_of_docs_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in text


def test_a_section_of_the_benchmarks_is_replaced_alone(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    report.write_section(page, "second", "Second", [Table("S", ("a",), [("1",)])])
    report.write_section(page, "first", "First", [Table("F", ("a",), [("2",)])])
    report.write_section(page, "second", "Second", [Table("S", ("a",), [("3",)], "Said.")])
    text = page.read_text("utf-8")
    assert text.startswith(report.HEAD)
    assert text.count("<!-- benchmark:") == 2
    assert "| 1 |" not in text
    places = [text.index(part) for part in ("## First", "| 2 |", "## Second", "| 3 |", "Said.")]
    assert places == sorted(places)
