"""The app without a browser: opening it, reading it, and filling its store."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from core.store import Store
from ui import cached

ROOT = Path(__file__).parents[2]
PAGES = ("data", "descriptors", "clusters", "compare")
HOSTILE_CLASSES = (
    "$x^2$ **bold** <b onclick=alert(1)>",
    ":red[hot] \N{SLIGHTLY SMILING FACE} [l](http:x) `c`\nnext",
)
HOSTILE_FILE = "=cmd() 'a' \"b\" # _{number}_ ![i](x) <i>&amp;$.png"


@dataclass(frozen=True)
class Filled:
    """A filled store, the folder that the app may open, and the id of each run by its name."""

    home: Path
    root: Path
    runs: dict[str, str]


def command(home: Path, data: str | Path, *options: str) -> str:
    """Carry out `python -m core run` and return the id of its comparison."""
    known = set(Store(home).records("comparisons"))
    words = [sys.executable, "-m", "core", "run", "--data", str(data), "--out", str(home / "out")]
    done = subprocess.run(
        [*words, *options],
        cwd=ROOT, env=os.environ | {"FACETTE_HOME": str(home)}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (made,) = set(Store(home).records("comparisons")) - known
    return made


def opened(
    page: str = "clusters", run: str | None = None, query: dict[str, str] | None = None
) -> AppTest:
    """The app at a page, a run and a query, run once; nothing may have been raised."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    if run is not None:
        at.session_state["run"] = run
    for name, value in (query or {}).items():
        at.query_params[name] = value
    if page != "clusters":
        at.run()  # only then it knows its pages
        at.switch_page(f"screens/explore/{page}.py")
    return calm(at.run())


def calm(at: AppTest) -> AppTest:
    """The same, with nothing raised."""
    assert not at.exception, [e.value for e in at.exception]
    return at


def said(at: AppTest) -> str:
    """All running text of the page, as Markdown."""
    kinds = ("markdown", "caption", "info", "warning", "error", "success")
    return "\n".join(element.value for kind in kinds for element in at.get(kind))


def companions(at: AppTest, name: str) -> list[dict[str, Any]]:
    """What the page hands to the JavaScript of its components of that name."""
    found = (element.proto for element in at.get("bidi_component"))
    return [json.loads(proto.json) for proto in found if proto.component_name == name]


def errors_of(at: AppTest) -> list[str]:
    """The error messages of the page, as they are read."""
    return [re.sub(r"\\(.)", r"\1", element.value) for element in at.error]


def charts(at: AppTest) -> str:
    """The specifications of all charts of the page."""
    specs = [json.loads(element.proto.spec) for element in at.get("plotly_chart")]
    return json.dumps(specs, ensure_ascii=False)


def settled(at, patience=120):
    """The page once no job runs any more."""
    for _ in range(patience):
        active = [job.id for job in cached.jobs()._jobs.values() if job.active]
        if not active and not at.get("progress"):
            return at
        for job in active:
            cached.jobs().wait(job, 60)
        calm(at.run())
    raise AssertionError("a job did not end")
