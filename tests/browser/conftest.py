"""A real browser on a real server. Software rendering is slow, so waits are patient."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from core import tasks
from core.events import silent
from core.runs import Comparison
from core.store import Store
from core.types import Source
from tests import drawn

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ARGUMENTS = (
    "--no-sandbox --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader "
    "--ignore-gpu-blocklist"
).split()
PATIENCE = 60_000  # milliseconds


# A page asks for these below its own address first, and finds them one level up.
PROBES = ("/_stcore/health", "/_stcore/host-config")


class Server(str):
    """The address of a running app; also its store, and what it wrote to its terminal."""

    home: Path

    @property
    def log(self) -> str:
        """What the server has written so far."""
        return (self.home / "server.log").read_text()


def pytest_configure(config):
    config.addinivalue_line("markers", "browser: needs Chromium, and is slow")


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium, or a skip that says what is missing."""
    if CHROMIUM is None:
        pytest.skip("browser: no chromium, chromium-browser or google-chrome on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def serve(tmp_path_factory) -> Iterator[Callable[..., Server]]:
    """Start an app of this project with a store of its own; gives its address."""
    started: list[subprocess.Popen] = []

    def start(app: str, home: Path | None = None, **environ: str) -> Server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        home = home or tmp_path_factory.mktemp("home")
        environment = os.environ | {"FACETTE_HOME": str(home), "PYTHONPATH": str(ROOT)} | environ
        command = [sys.executable, "-m", "streamlit", "run", str(ROOT / app)]
        command += ["--server.headless=true", f"--server.port={port}"]
        command += ["--server.address=127.0.0.1", "--browser.gatherUsageStats=false"]
        log = (home / "server.log").open("wb")
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        address = Server(f"http://127.0.0.1:{port}")
        address.home = home
        _wait(f"{address}/_stcore/health", home / "server.log")
        return address

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


@dataclass(frozen=True)
class Classes:
    """A running app with drawn pictures of three classes, and one model trained on them."""

    app: Server
    folder: Path  # its sub-folders are the classes
    model: str  # the id of a network from scratch, after two epochs

    def link(self, page: str) -> str:
        """The address of a page with these images open."""
        run = Comparison(Source("folder", str(self.folder)))
        return f"{self.app}/{page}?run={quote(f'{self.folder.name} · {run.id}')}"


@pytest.fixture(scope="module")
def classes(serve, tmp_path_factory) -> Classes:
    """Three classes of twelve pictures, opened and trained on by the real command."""
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root").resolve()
    for kind in (*drawn.INK, "stray"):
        drawn.save(root / "shapes" / kind, kind, 12)
    command = [sys.executable, "-m", "core", "train", "--data", str(root / "shapes")]
    command += ["--model", "scratch", "--epochs", "2", "--no-augment", "--out", str(home / "out")]
    environment = os.environ | {"FACETTE_HOME": str(home)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=300)
    store, source = Store(home), Source("folder", str(root / "shapes"))
    tasks.open_source(store, silent, source.to_json())  # the thumbnails
    run = Comparison(source)
    store.save_record("comparisons", run.id, run.to_json())
    (model,) = (folder.name for folder in (home / "models").iterdir())
    app = serve("app.py", home, FACETTE_ROOT=str(root))
    return Classes(app, root / "shapes", model)


def _wait(url: str, log: Path) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(url, timeout=2)
            return
        except OSError:
            time.sleep(0.25)
    raise AssertionError(f"the server did not start: {log.read_text()}")


@pytest.fixture
def visit(chromium):
    """Open a page of 1280 x 900 pixels; at its end nothing may have gone wrong in it.

    Wrong is an uncaught error, an error in the console, a request that leaves this computer.
    """
    contexts = []
    wrong: list[str] = []

    def said(message):
        place = message.location.get("url", "")
        if message.type == "error" and not place.endswith(PROBES):
            wrong.append(f"{message.text} {place}")

    def asked(request):
        if urlsplit(request.url).hostname not in ("127.0.0.1", None, ""):
            wrong.append(f"asked for {request.url}")

    def open_page(address: str, **options):
        options = {"viewport": {"width": 1280, "height": 900}} | options
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", said)
        page.on("request", asked)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
