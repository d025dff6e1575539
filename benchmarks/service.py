"""The prediction service under load: errors, throughput against the bare model, memory."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from benchmarks import ROOT, Table

NAME = "service"
TITLE = "Prediction service"
CLIENTS, REQUESTS, MANY = 20, 500, 5000
CLASSES = ("circle", "square", "triangle")
MODELS: dict[str, dict[str, Any]] = {
    "from scratch, 64 pixels": {"model": "scratch", "size": 64},
    "EfficientNet-Lite0, 224 pixels": {"model": "transfer", "size": 224},
}
_BOUNDARY = "facette-benchmark"


class Load(NamedTuple):
    """What came of some requests: how many of each status, and requests a second."""

    statuses: Counter[int]
    rate: float


def measure(large: bool) -> list[Table]:
    """Each model behind a server process of its own, asked over the loopback."""
    rows = []
    for label, config in MODELS.items():
        with tempfile.TemporaryDirectory(prefix="facette-bench-") as folder:
            place = Path(folder) / "model"
            bare = _made(place, config)
            many = MANY if large or config["model"] == "scratch" else REQUESTS
            rows.append((label, *_row(place, bare, many)))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    columns = ("model", "bare model", "one client", "20 clients", "ratio", "errors", "memory")
    note = (
        f"Images a second. Bare model: decoded photos predicted one by one in a process of its "
        f"own. The clients send {REQUESTS} JPEG photos of 640 x 480 pixels to a server process on "
        f"the same {os.cpu_count()} processors, where decoding, HTTP and the clients themselves "
        f"count too. Ratio: 20 clients against the bare model. Memory: what the server holds "
        f"after {REQUESTS} requests, and after that many more. Load at the end {load:.1f}."
    )
    return [Table("500 requests from 20 clients", columns, rows, note)]


def _row(model: Path, bare: float, many: int) -> tuple[str, ...]:
    photos = _photos()
    with _server(model) as (address, process):
        asked(address, photos, CLIENTS, CLIENTS)
        one = asked(address, photos, REQUESTS // 5, 1)
        twenty = asked(address, photos, REQUESTS, CLIENTS)
        before = _memory(process.pid)
        rest = asked(address, photos, many, CLIENTS)
        after = _memory(process.pid)
    statuses = one.statuses + twenty.statuses + rest.statuses
    return (
        f"{bare:.0f}",
        f"{one.rate:.0f}",
        f"{twenty.rate:.0f}",
        f"{twenty.rate / bare:.2f}",
        f"{statuses.total() - statuses[200]} of {statuses.total()}",
        f"{before:.0f} MB, after {many:,} more {after:.0f} MB",
    )


def asked(address: str, photos: list[bytes], n: int, n_clients: int) -> Load:
    """Send `n` photos from clients that each keep a connection and wait for every answer."""
    url = urlsplit(address)
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    bodies = [head.encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode() for photo in photos]
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}

    def client(number: int) -> Counter[int]:
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=120)
        statuses: Counter[int] = Counter()
        for i in range(number, n, n_clients):
            connection.request("POST", "/predict/", bodies[i % len(bodies)], headers)
            response = connection.getresponse()
            response.read()
            statuses[response.status] += 1
        connection.close()
        return statuses

    start = time.perf_counter()
    with ThreadPoolExecutor(n_clients) as pool:
        statuses = sum(pool.map(client, range(n_clients)), Counter[int]())
    return Load(statuses, n / (time.perf_counter() - start))


@contextmanager
def _server(model: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "core", "serve", str(model), "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r" at (http://\S+),", said)
        if found is None:
            raise RuntimeError(said)
        _until_ready(found[1])
        yield found[1], process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _until_ready(address: str) -> None:
    url = urlsplit(address)
    for _ in range(1200):
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=10)
        connection.request("GET", "/health")
        if connection.getresponse().status == 200:
            return
        time.sleep(0.1)
    raise RuntimeError("the model did not load")


def _memory(pid: int) -> float:
    """Megabytes of memory that a process holds now; nan where the system does not say."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return float("nan")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
    return int(found[1]) / 1000 if found else float("nan")


def _photos() -> list[bytes]:
    from core import images

    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (20, 24, 32, 3), dtype=np.uint8)
    return [images.encode_jpeg(images.resized(one, 640, 480)) for one in small]


def _made(folder: Path, config: dict[str, Any]) -> float:
    """Write an untrained model in a process of its own; its images a second, one at a time."""
    command = [sys.executable, "-m", "benchmarks.service", str(folder), json.dumps(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _make(folder: Path, config: dict[str, Any]) -> float:
    from core import images
    from core.cnn import artefact, networks
    from core.cnn.config import TrainConfig

    settled = TrainConfig(**config)
    folder.mkdir(parents=True)
    whole = networks.build(settled, len(CLASSES)).whole
    artefact.write(folder, whole, CLASSES, settled, {}, {}, [])
    classifier = artefact.load(folder)
    photos = [images.decode(photo) for photo in _photos()]
    classifier.predict(photos[:1])
    start = time.perf_counter()
    for i in range(200):
        classifier.predict([photos[i % len(photos)]])
    return 200 / (time.perf_counter() - start)


if __name__ == "__main__":
    print(_make(Path(sys.argv[1]), json.loads(sys.argv[2])))
