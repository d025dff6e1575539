"""Imports run one way, app.py -> screens -> ui -> core; heavy libraries load where used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("app.py", "screens", "ui", "core")
COMPONENTS = ("descriptors", "outliers", "reducers", "clusterers")
HEAVY = {"PIL", "cv2", "keras", "numba", "pandas", "scipy", "skimage", "sklearn", "tensorflow"}
HEAVY |= {"umap"}
# The one foreign format of weights: its SHA-256 sum is checked, its unpickler knows four names.
UNPICKLER = "core/cnn/pth.py"
PICKLES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


class Import(NamedTuple):
    """One imported name: by whom, and whether importing that file is enough to load it."""

    file: str
    name: str  # dotted; `from a import b` counts as a.b
    at_load: bool

    def is_in(self, *packages: str) -> bool:
        return any(self.name == p or self.name.startswith(f"{p}.") for p in packages)


def python_files(*places: str) -> list[Path]:
    found: list[Path] = []
    for place in places:
        path = ROOT / place
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path] * path.exists()
    return found


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def imports_in(path: Path) -> Iterator[Import]:
    file = path.relative_to(ROOT).as_posix()
    package = file.removesuffix(".py").split("/")[:-1]

    def walk(node: ast.AST, at_load: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(file, alias.name, at_load) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (Import(file, f"{base}.{alias.name}", at_load) for alias in node.names)
        inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            inside = True
        for child in ast.iter_child_nodes(node):
            yield from walk(child, at_load and not inside)

    return walk(tree_of(path), True)


def imports(*places: str) -> list[Import]:
    return [one for path in python_files(*places) for one in imports_in(path)]


def lines(wrong: list[Import]) -> list[str]:
    return [f"{one.file} imports {one.name}" for one in wrong]


def test_the_walk_sees_every_form_of_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "core" / "a").mkdir(parents=True)
    (tmp_path / "core" / "a" / "b.py").write_text(
        "import ui.one\nfrom screens import two\nfrom .c import d\nfrom . import e\n"
        "def f():\n    import cv2\n"
        "try:\n    import umap\nexcept ImportError:\n    pass\n"
    )
    seen = {(one.name, one.at_load) for one in imports("core")}
    assert seen == {
        ("ui.one", True),
        ("screens.two", True),
        ("core.a.c.d", True),
        ("core.a.e", True),
        ("cv2", False),
        ("umap", True),
    }


def test_there_is_something_to_check() -> None:
    assert len(python_files("core")) > 15


@pytest.mark.parametrize(
    ("place", "forbidden"),
    [
        ("core", ("app", "screens", "ui", "streamlit", "tests", "benchmarks")),
        ("ui", ("app", "screens", "tests", "benchmarks")),
        ("screens", ("app", "screens", "tests", "benchmarks")),
        ("app.py", ("tests", "benchmarks")),
    ],
)
def test_imports_run_one_way(place: str, forbidden: tuple[str, ...]) -> None:
    assert lines([one for one in imports(place) if one.is_in(*forbidden)]) == []


@pytest.mark.parametrize("folder", COMPONENTS)
def test_no_component_imports_another(folder: str) -> None:
    kinds = [f"core.{kind}" for kind in COMPONENTS]
    assert lines([one for one in imports(f"core/{folder}") if one.is_in(*kinds)]) == []


def test_only_the_commands_import_typer() -> None:
    edge = ("core/cli.py", "core/__main__.py")
    wrong = [one for one in imports(*OURS) if one.is_in("typer", "click") and one.file not in edge]
    assert lines(wrong) == []


def test_only_the_service_imports_its_framework() -> None:
    """FastAPI in one file, and its server in another; neither in what the app loads."""
    edges = {"core/serving.py": ("fastapi", "starlette"), "core/service/server.py": ("uvicorn",)}
    web = ("fastapi", "starlette", "uvicorn")
    seen = [one for one in imports(*OURS) if one.is_in(*web)]
    assert {one.file for one in seen} == set(edges)
    assert lines([one for one in seen if not one.is_in(*edges[one.file])]) == []
    assert lines([one for one in imports("core") if one.at_load and one.is_in("uvicorn")]) == []


def test_core_loads_heavy_libraries_where_they_are_used() -> None:
    wrong = [one for one in imports("core") if one.at_load and one.is_in(*HEAVY)]
    assert lines(wrong) == []


def test_the_app_never_loads_what_belongs_in_a_worker() -> None:
    kept_out = ("keras", "numba", "tensorflow", "umap", "multiprocessing")
    wrong = [one for one in imports("app.py", "screens", "ui") if one.is_in(*kept_out)]
    assert lines(wrong) == []


def test_importing_core_loads_no_heavy_library() -> None:
    """Every module of core but the commands and the worker, and every component."""
    script = """
import importlib, pkgutil, sys
import core
for found in pkgutil.walk_packages(core.__path__, "core."):
    if found.name not in ("core.__main__", "core.cli", "core.worker"):
        importlib.import_module(found.name)
from core import registry
for kind in registry.FOLDERS:
    registry.components(kind)
heavy = {"cv2", "keras", "numba", "skimage", "sklearn", "tensorflow", "umap"}
print(*sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_the_one_unpickler_is_the_restricted_one() -> None:
    """It subclasses pickle.Unpickler and raises pickle.UnpicklingError, and uses no more of it."""
    used = [
        node.attr
        for node in ast.walk(tree_of(ROOT / UNPICKLER))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle"
    ]
    assert set(used) == {"Unpickler", "UnpicklingError"} and used.count("Unpickler") == 1
    users = [one.file for one in imports(*OURS) if one.is_in("core.cnn.pth")]
    assert users == ["core/cnn/efficientnet_lite.py"]


def test_nothing_is_pickled() -> None:
    found = [one for one in imports(*OURS, "benchmarks") if one.is_in(*PICKLES)]
    wrong = lines([one for one in found if (one.file, one.name) != (UNPICKLER, "pickle")])
    for path in python_files(*OURS, "benchmarks"):
        for node in ast.walk(tree_of(path)):
            name = getattr(node, "attr", "")
            allowed = isinstance(node, ast.keyword) and node.arg == "allow_pickle"
            if name in ("read_pickle", "to_pickle"):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} uses {name}")
            if allowed and not (isinstance(node.value, ast.Constant) and node.value.value is False):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} allows pickle")
    assert wrong == []
