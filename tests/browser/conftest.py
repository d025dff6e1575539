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
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ARGUMENTS = (
    "--no-sandbox --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader "
    "--ignore-gpu-blocklist"
).split()
PATIENCE = 60_000  # milliseconds


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
def serve(tmp_path_factory) -> Iterator[Callable[[str], str]]:
    """Start an app of this project with a store of its own; gives its address."""
    started: list[subprocess.Popen] = []

    def start(app: str) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        home = tmp_path_factory.mktemp("home")
        environment = os.environ | {"FACETTE_HOME": str(home), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "streamlit", "run", str(ROOT / app)]
        command += ["--server.headless=true", f"--server.port={port}"]
        command += ["--server.address=127.0.0.1", "--browser.gatherUsageStats=false"]
        log = (home / "server.log").open("wb")
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        address = f"http://127.0.0.1:{port}"
        _wait(f"{address}/_stcore/health", home / "server.log")
        return address

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


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
    """Open a page of 1280 x 900 pixels; at its end nothing may have gone wrong in it."""
    contexts = []
    wrong: list[str] = []

    def open_page(address: str, **options):
        options = {"viewport": {"width": 1280, "height": 900}} | options
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong
