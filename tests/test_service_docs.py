"""The service's document, Dockerfile and Procfile: what they say is done, with a real model."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from core import images
from tests import tiny_model
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "service.md").read_text("utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
ADDRESS = "http://127.0.0.1:8000"
KEY = "a-key-of-this-test"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and two photos, as a reader has them."""
    folder = tmp_path_factory.mktemp("place")
    command = [sys.executable, "-m", "tests.tiny_model", str(folder / "model")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    (folder / "photo.jpg").write_bytes(images.encode_jpeg(picture))
    (folder / "other.png").write_bytes(images.encode_png(picture[:, ::-1]))
    return folder


@contextlib.contextmanager
def running(command: list[str], place: Path, **env: str) -> Iterator[str]:
    """Start a service, give the address it tells, and end it as a platform would."""
    process = subprocess.Popen(
        command,
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **env},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.fullmatch(r"Serving From scratch.* at (http://\S+), see \1/docs", said.strip())
        assert found, said + process.stderr.read()
        address = found[1].replace("0.0.0.0", "127.0.0.1")
        for _ in range(600):
            health = httpx.get(f"{address}/health").json()
            if health["state"] != "loading":
                break
            time.sleep(0.1)
        assert health["state"] == "ready"
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    assert "Traceback" not in log


@pytest.fixture(scope="module")
def address(place: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "core", "serve", "model", "--port", "0"]
    with running(command, place, FACETTE_API_KEY="") as found:
        yield found


def test_there_are_examples() -> None:
    assert len(COMMANDS) >= 5 and len(blocks("python")) == 3 and len(blocks("console")) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_curl_example(command: str, place: Path, address: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    env = {**os.environ, "FACETTE_API_KEY": KEY}
    done = subprocess.run(
        ["sh", "-c", command.replace(ADDRESS, address)],
        cwd=place, env=env, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)


@pytest.mark.parametrize("code", blocks("python"), ids=["httpx", "urllib", "batch"])
def test_a_python_example(code: str, place: Path, address: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code.replace(ADDRESS, address)],
        cwd=place, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search("|".join(tiny_model.CLASSES), done.stdout)
    assert "pass files" not in done.stderr


def test_the_answer_has_the_keys_that_are_shown(place: Path, address: str) -> None:
    (shown,) = (json.loads(block) for block in blocks("json"))
    with (place / "photo.jpg").open("rb") as photo:
        got = httpx.post(f"{address}/predict/", files={"file": photo}).json()
    assert list(got) == list(shown)
    assert {type(v) for v in got.values()} == {type(v) for v in shown.values()}


def test_a_network_answers_together_as_alone(address: str) -> None:
    rng = np.random.default_rng(1)
    photos = [
        images.encode_png(rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)) for _ in range(60)
    ]

    def ask(photo: bytes) -> list[float]:
        got = httpx.post(f"{address}/predict/", files={"file": photo}, timeout=60).json()
        return list(got["probabilities"].values())

    alone = [ask(photo) for photo in photos]
    with ThreadPoolExecutor(20) as pool:
        together = list(pool.map(ask, photos))
    np.testing.assert_allclose(together, alone, atol=2e-6)
    assert np.ptp(alone, axis=0).max() > 1e-4  # they do differ among each other


def test_what_serve_refuses_at_once(place: Path, address: str) -> None:
    (place / "empty").mkdir(exist_ok=True)
    port = address.rpartition(":")[2]
    for arguments, said in (
        (["nowhere"], "nowhere"),
        (["empty"], "empty"),
        (["photo.jpg"], "photo.jpg"),
        (["model", "--port", port], "in use"),
        (["model", "--port", "70000"], "65535"),
        (["model", "--limit-mb", "0"], "limit_mb"),
        ([], "model"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "core", "serve", *arguments],
            cwd=place, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 2 and done.stdout == ""
        assert re.fullmatch(r"error: [^\n]*\n", done.stderr) and said in done.stderr


def test_every_option_is_documented() -> None:
    from dataclasses import fields

    from core.service.settings import PREFIX, Settings

    table = PAGE.split("## Bounds")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(--[a-z-]+)` \| `(\w+)` \| (\S+) \|", table, re.MULTILINE)
    declared = [
        (f"--{one.name.replace('_', '-')}", PREFIX + one.name.upper(), f"{one.default:g}")
        for one in fields(Settings)
        if one.metadata
    ]
    assert rows == declared
    done = subprocess.run(
        [sys.executable, "-m", "core", "serve", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    offered = set(re.findall(r"^ +(--[a-z-]+)", done.stdout, re.MULTILINE))
    assert offered == {option for option, _, _ in rows} | {"--host", "--port", "--help"}


# Where it is deployed ----------------------------------------------------------------------------


def instruction(name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Dockerfile makes: its files and a new environment with what RUN installs."""
    if os.name == "nt" or shutil.which("uv") is None:
        pytest.skip("a fresh environment is made with uv, which is not installed")
    folder = tmp_path_factory.mktemp("fresh")
    for source, target in (line.split() for line in instruction("COPY")):
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, folder / target, ignore=ignored)
        else:
            shutil.copy(ROOT / source, folder / target)
    made = subprocess.run(
        ["uv", "venv", "--quiet", "--python", sys.executable, str(folder / "env")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    install, *others = instruction("RUN")
    words = shlex.split(install)
    assert words[:2] == ["pip", "install"]
    # Only what is in uv's cache, as after `make`: nothing is downloaded for a test.
    done = subprocess.run(
        ["uv", "pip", "install", "--offline", "--quiet", *words[2:]],
        cwd=folder, env={**os.environ, "VIRTUAL_ENV": str(folder / "env")},
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode and "cache" in done.stderr + done.stdout:
        pytest.skip("uv's cache does not hold every requirement; install them with uv once")
    assert done.returncode == 0, done.stderr
    for command in others:
        subprocess.run(["sh", "-c", command], cwd=folder, env=within(folder), check=True)
    return folder


def within(fresh: Path, **more: str) -> dict[str, str]:
    """The environment of a container: nothing of ours but what the Dockerfile sets."""
    path = f"{fresh / 'env' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(fresh), "FACETTE_HOME": str(fresh / "home"), **more}


def free_port() -> str:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def started(command: str, fresh: Path, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["sh", "-c", command], cwd=fresh, env=within(fresh, **env),
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize("file", ["Dockerfile", "Procfile"])
def test_it_runs_in_a_fresh_environment(file: str, fresh: Path, place: Path) -> None:
    port = free_port()
    if file == "Procfile":
        text = (ROOT / "Procfile").read_text("utf-8")
        (command,) = re.findall(r"^web: (.*)$", text, re.MULTILINE)
    else:
        (command,) = re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)
    (health,) = re.findall(r"^HEALTHCHECK .*? CMD (.*)$", DOCKERFILE, re.MULTILINE)
    process = started(command, fresh, PORT=port, FACETTE_MODEL=str(place / "model"))
    try:
        for _ in range(120):
            healthy = subprocess.run(
                ["sh", "-c", health], env=within(fresh, PORT=port), capture_output=True
            )
            if healthy.returncode == 0 or process.poll() is not None:
                break
            time.sleep(0.5)
        assert healthy.returncode == 0, process.stderr
        with (place / "photo.jpg").open("rb") as photo:
            answer = httpx.post(f"http://127.0.0.1:{port}/predict/", files={"file": photo})
        assert answer.json()["predicted_class"] in tiny_model.CLASSES
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert "Traceback" not in log, log
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2)


def test_the_container_is_bounded() -> None:
    (user,) = instruction("USER")
    assert user.split(":")[0] not in ("", "0", "root")
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert "*" in ignored and {f"!{line.split()[0]}" for line in instruction("COPY")} <= {*ignored}
