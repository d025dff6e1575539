"""The service as a real process on the loopback: what it answers, refuses and survives."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from core import images
from core.service.page import docs_page
from tests.conftest import ROOT
from tests.core.test_images import black_png
from tests.stand_in import MeanColor

SMALL = {"LIMIT_MB": "0.5", "LIMIT_MEGAPIXELS": "1", "MAX_FILES": "3"}
MODEL = MeanColor()


@contextlib.contextmanager
def serving(**settings: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The stand-in's address and process; its log must hold no traceback."""
    names = ("HOME", "PATH", "SYSTEMROOT", "LANG")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.stand_in"],
        cwd=ROOT,
        env=kept | {f"FACETTE_{name}": value for name, value in settings.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
    finally:
        process.terminate()
        _, log = process.communicate(timeout=30)
    assert "Traceback" not in log or "cannot take 13 x 13" in log or "secret path" in log, log
    assert process.returncode == 0


def until_ready(address: str, state: str = "ready") -> None:
    for _ in range(200):
        if httpx.get(f"{address}/health").json()["state"] == state:
            return
        time.sleep(0.05)
    raise AssertionError("the model did not load")


@pytest.fixture(scope="module")
def service() -> Iterator[httpx.Client]:
    with serving(**SMALL) as (address, _), httpx.Client(base_url=address, timeout=30) as client:
        until_ready(address)
        yield client


def picture(color: Any, fmt: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, options.pop("size", (20, 30)), color).save(file, fmt, **options)
    return file.getvalue()


RED = picture((250, 10, 10))


def send(client: httpx.Client, data: bytes, address: str = "/predict/") -> httpx.Response:
    return client.post(address, files={"file": ("any name", data)})


def refused(response: httpx.Response, status: int) -> dict[str, str]:
    """Check that an answer is an error in the form all have; give it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/json")
    assert response.headers["x-content-type-options"] == "nosniff"
    body = response.json()
    assert set(body) == {"error", "do"} and body["error"].endswith(".") and body["do"].endswith(".")
    assert "Traceback" not in response.text and "/" + "core/" not in response.text
    return dict(body)


# What it answers ---------------------------------------------------------------------------------


def test_welcome_health_and_classes(service: httpx.Client) -> None:
    welcome = service.get("/").json()
    assert (welcome["name"], welcome["version"]) == ("Facette", "0.1.0")
    assert welcome["model"] == "mean colour"
    assert service.get("/health").json() == {"state": "ready", "model": "mean colour"}
    assert service.get("/classes").json() == {"classes": list(MODEL.classes)}


@pytest.mark.parametrize("address", ["/predict/", "/predict"])
@pytest.mark.parametrize("fmt", ["PNG", "JPEG"])
def test_a_prediction(service: httpx.Client, address: str, fmt: str) -> None:
    data = picture((10, 10, 250), fmt)
    response = send(service, data, address)
    assert response.status_code == 200 and not response.history
    body = response.json()
    assert set(body) == {
        "predicted_class", "probability", "probabilities", "image_base64", "content_type",
    }  # fmt: skip
    assert body["predicted_class"] == "<b>blue</b>"
    assert body["probability"] == max(body["probabilities"].values())
    assert sum(body["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert base64.b64decode(body["image_base64"]) == data
    assert body["content_type"] == f"image/{fmt.lower()}"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (picture((250, 0, 0, 255), mode="RGBA"), "red"),
        (picture((0, 255, 255, 0), "JPEG", "CMYK"), "red"),
        (picture(200, mode="L"), "red"),  # all equal, and the first of equals counts
        (picture(60_000, mode="I;16"), "red"),
        (picture((0, 250, 0), save_all=True, append_images=[Image.new("RGB", (20, 30))]), "green"),
    ],
)
def test_every_kind_of_pixels(service: httpx.Client, data: bytes, name: str) -> None:
    assert send(service, data).json()["predicted_class"] == name


def test_exif_turns_nothing_into_an_error(service: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert send(service, picture((250, 0, 0), "JPEG", exif=exif)).status_code == 200


def test_a_batch_has_a_result_or_an_error_for_each_file(service: httpx.Client) -> None:
    name = '<img src=x onerror="alert(1)">\u202e.png'
    sent = [("files", (name, RED)), ("files", ("b.txt", b"no image")), ("files", ("c", RED[:60]))]
    for address in ("/predict/batch", "/predict/batch/"):
        results = service.post(address, files=sent).json()["results"]
        assert [one["status"] for one in results] == [200, 415, 422]
        assert results[0]["result"]["predicted_class"] == "red" and results[0]["error"] is None
        assert results[1]["result"] is None and set(results[1]["error"]) == {"error", "do"}
        assert "\u202e" not in results[0]["filename"]  # would turn what is printed around


def test_one_image_that_the_model_cannot_take_fails_alone(service: httpx.Client) -> None:
    bad = picture("red", size=(13, 13))
    body = refused(send(service, bad), 500)
    assert "13" not in body["error"]
    sent = [("files", ("a", RED)), ("files", ("b", bad)), ("files", ("c", RED))]
    results = service.post("/predict/batch", files=sent).json()["results"]
    assert [one["status"] for one in results] == [200, 500, 200]


def test_together_they_get_the_same_answers_as_alone(service: httpx.Client) -> None:
    rng = np.random.default_rng(0)
    photos = [
        images.encode_png(rng.integers(0, 256 // k, (rng.integers(9, 60), 40, 3), dtype=np.uint8))
        for k in range(1, 41)
    ]
    alone = [send(service, photo).json() for photo in photos]
    with ThreadPoolExecutor(20) as pool:
        together = list(pool.map(lambda photo: send(service, photo).json(), photos))
    assert together == alone
    for photo, body in zip(photos, alone, strict=True):
        row = MODEL.predict([images.decode(photo)])[0]
        assert list(body["probabilities"].values()) == pytest.approx(row.tolist(), abs=1e-6)


# What it refuses ---------------------------------------------------------------------------------


def test_what_is_no_jpeg_or_png(service: httpx.Client) -> None:
    for data in (b"hello", b"%PDF-1.7", *(picture("red", f) for f in ("WEBP", "GIF", "BMP"))):
        assert "JPEG or PNG" in refused(send(service, data), 415)["error"]


def test_damaged_and_empty_images(service: httpx.Client) -> None:
    for data in (
        b"",
        RED[:60],
        b"\xff\xd8\xff junk",
        b"\x89PNG\r\n\x1a\n",
        picture(9, "JPEG")[:300],
    ):
        refused(send(service, data), 422)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"json": {"file": "x"}},
        {"data": {"file": "x"}},
        {"files": {"image": ("a.png", RED)}},
        {"files": {"file": (None, "text")}},
        {"files": [("file", ("a", RED)), ("file", ("b", RED))]},
        {"content": RED, "headers": {"content-type": "image/png"}},
        {"content": b"abc", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"abc", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"--x\r\n\r\n", "headers": {"content-type": "multipart/form-data; boundary=x"}},
    ],
)
def test_forms_without_one_file(service: httpx.Client, request_: dict[str, Any]) -> None:
    refused(service.post("/predict/", **request_), 422)


def test_a_batch_is_counted(service: httpx.Client) -> None:
    refused(service.post("/predict/batch", files=[("files", ("a", RED))] * 4), 422)
    refused(service.post("/predict/batch", files=[("file", ("a", RED))]), 422)


def test_too_many_pixels_by_the_header(service: httpx.Client) -> None:
    for side in (1_100, 20_000):  # above the setting; above what Facette ever decodes
        assert "megapixels" in refused(send(service, black_png(side, side)), 413)["error"]
    assert send(service, black_png(900, 900)).status_code == 200


def test_too_many_bytes(service: httpx.Client) -> None:
    refused(send(service, b"x" * 600_000), 413)
    refused(send(service, b"x" * 510_000), 413)  # within the body's limit, not the file's
    refused(service.post("/predict/batch", files={"files": b"x" * 2_200_000}), 413)
    sent = [("files", ("a", b"x" * 510_000)), ("files", ("b", RED))]
    results = service.post("/predict/batch", files=sent).json()["results"]
    assert [one["status"] for one in results] == [413, 200]


def test_too_many_bytes_without_a_length(service: httpx.Client) -> None:
    """Sent in pieces, and refused while they still come."""
    taken = 0

    def body() -> Iterator[bytes]:
        nonlocal taken
        yield b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
        while True:
            taken += 1
            yield b"x" * 100_000

    headers = {"content-type": "multipart/form-data; boundary=x"}
    with contextlib.suppress(httpx.WriteError):
        refused(service.post("/predict/", content=body(), headers=headers), 413)
    assert 5 < taken < 2_000
    assert send(service, RED).status_code == 200


def test_other_addresses_and_methods(service: httpx.Client) -> None:
    refused(service.get("/nothing"), 404)
    refused(service.get("/..%2f..%2fetc/passwd"), 404)
    refused(service.post("/nothing", content=b"x" * 300_000), 404)
    assert refused(service.get("/predict/"), 405)
    refused(service.delete("/classes"), 405)


def test_what_is_not_http(service: httpx.Client) -> None:
    said = talk(service, b"\x16\x03\x01 hello\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400 ") and json.loads(said.split(b"\r\n\r\n")[1])["do"]


def talk(client: httpx.Client, data: bytes, seconds: float = 10) -> bytes:
    """What a plain socket is told until the service hangs up."""
    with socket.create_connection((client.base_url.host, client.base_url.port), seconds) as plain:
        plain.sendall(data)
        said = b""
        while part := plain.recv(65_536):
            said += part
        return said


def test_a_key() -> None:
    with serving(API_KEY="s3cret") as (address, _), httpx.Client(base_url=address) as client:
        until_ready(address)
        for headers in (
            {}, {"x-api-key": "wrong"}, {"x-api-key": ""}, {"authorization": "Bearer s3cre"},
            {"authorization": "Basic s3cret"}, {"x-api-key": "s3cret\u00e9".encode()},
        ):  # fmt: skip
            response = client.post("/predict/", files={"file": RED}, headers=headers)
            refused(response, 401)
            assert response.headers["www-authenticate"] == "Bearer"
            refused(client.get("/classes", headers=headers), 401)
            refused(client.get("/nothing", headers=headers), 401)
        for headers in ({"x-api-key": "s3cret"}, {"authorization": "bearer s3cret"}):
            assert client.post("/predict/", files={"file": RED}, headers=headers).is_success
        for address in ("/", "/health", "/docs", "/openapi.json"):
            assert client.get(address).is_success
        assert "X-API-Key" in client.get("/openapi.json").text
        assert "s3cret" not in client.get("/docs").text


# How it lives ------------------------------------------------------------------------------------


def test_while_the_model_loads() -> None:
    with serving(TEST_LOAD="1.5") as (address, _), httpx.Client(base_url=address) as client:
        health = client.get("/health")
        assert (health.status_code, health.json()["state"]) == (503, "loading")
        assert client.get("/").json()["model"] is None
        for response in (send(client, RED), client.get("/classes")):
            assert "loading" in refused(response, 503)["error"]
            assert int(response.headers["retry-after"]) > 0
        until_ready(address)
        assert send(client, RED).status_code == 200


def test_a_model_that_cannot_be_loaded() -> None:
    with serving(TEST_FAIL="1") as (address, _), httpx.Client(base_url=address) as client:
        until_ready(address, "failed")
        assert client.get("/health").status_code == 503
        response = send(client, RED)
        assert "could not be loaded" in refused(response, 503)["error"]
        assert "secret" not in response.text + client.get("/health").text


def test_requests_have_a_time() -> None:
    with (
        serving(TIMEOUT="0.4", TEST_PREDICT="2") as (address, _),
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        for _ in range(100):
            if client.get("/health").is_success:
                break
            time.sleep(0.1)
        started = time.monotonic()
        refused(send(client, RED), 504)
        assert time.monotonic() - started < 2
        head = b"POST /predict/ HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n"
        said = talk(client, head + b"content-type: multipart/form-data; boundary=x\r\n\r\n--x")
        assert said.startswith(b"HTTP/1.1 408 ")
        said = talk(client, b"POST /predict/ HTTP/1.1\r\nhost: x\r\nx-slow")
        assert said.startswith(b"HTTP/1.1 408 ") and json.loads(said.split(b"\r\n\r\n")[1])["do"]
        assert talk(client, b"") == b""  # who says nothing is told nothing


def test_more_requests_than_it_takes() -> None:
    settings = {"MAX_REQUESTS": "2", "MAX_BATCH": "1", "TEST_PREDICT": "0.4"}
    with serving(**settings) as (address, _), httpx.Client(base_url=address) as client:
        until_ready(address)
        with ThreadPoolExecutor(6) as pool:
            got = list(pool.map(lambda _: send(client, RED), range(6)))
        assert sorted({one.status_code for one in got}) == [200, 503]
        for one in got:
            if one.status_code == 503:
                refused(one, 503)
                assert one.headers["retry-after"] == "1"
        assert send(client, RED).status_code == 200


def test_twenty_clients_and_no_error(service: httpx.Client) -> None:
    colors = {"red": RED, "green": picture("lime"), "<b>blue</b>": picture("blue", "JPEG")}

    def client_(number: int) -> list[bool]:
        with httpx.Client(base_url=service.base_url, timeout=30) as own:
            names = [list(colors)[(number + i) % 3] for i in range(10)]
            return [send(own, colors[n]).json()["predicted_class"] == n for n in names]

    with ThreadPoolExecutor(20) as pool:
        right = [one for some in pool.map(client_, range(20)) for one in some]
    assert len(right) == 200 and all(right)


def test_a_running_request_is_finished_before_the_end() -> None:
    for end in (signal.SIGTERM, signal.SIGINT):
        with serving(TEST_PREDICT="0.5", TEST_SAY="1") as (address, process):
            assert process.stdout and process.stdout.readline() == "predicting\n"  # warms up
            until_ready(address)
            got: list[httpx.Response] = []
            asking = threading.Thread(
                target=lambda a=address, g=got: g.append(
                    httpx.post(f"{a}/predict/", files={"file": RED}, timeout=30)
                )
            )
            asking.start()
            assert process.stdout.readline() == "predicting\n"
            process.send_signal(end)
            asking.join()
            assert got[0].status_code == 200
            assert process.wait(10) == 0


# Its page ----------------------------------------------------------------------------------------


def test_the_page_loads_nothing_from_elsewhere(service: httpx.Client) -> None:
    response = service.get("/docs")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert not re.search(r"(src|href|action)\s*=\s*[\"']?(https?:)?//", response.text)
    for path in service.get("/openapi.json").json()["paths"]:
        assert path in response.text


def test_the_page_escapes_what_it_is_given() -> None:
    hostile = "<script>alert(1)</script>"
    said = {
        "summary": hostile,
        "description": hostile,
        "responses": {"200": {"description": hostile}},
    }
    openapi = {"info": {"title": hostile, "version": "1"}, "paths": {hostile: {"get": said}}}
    html, _ = docs_page(openapi)
    assert "<script>alert" not in html and html.count("&lt;script&gt;alert") >= 5


def test_the_form_in_a_browser(service: httpx.Client, tmp_path: Any) -> None:
    from benchmarks.browser import chromium, chromium_path

    if chromium_path() is None:
        pytest.skip("browser: no Chromium (apt install chromium)")
    file = tmp_path / "blue.png"
    file.write_bytes(picture("blue"))
    said: list[str] = []
    with chromium() as browser:
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: said.append(f"asked {request.url}"))
        page.goto(f"{service.base_url}/docs")
        page.set_input_files("input[type=file]", str(file))
        page.click("button")
        page.wait_for_selector("#result strong")
        assert page.inner_text("#result strong").startswith("<b>blue</b>, 9")
        assert page.evaluate("document.querySelector('#result img').naturalWidth") == 20
        file.write_bytes(b"no image")
        page.set_input_files("input[type=file]", str(file))
        page.click("button")
        page.wait_for_selector("#result p:has-text('not a JPEG')")
    elsewhere = [t for t in said if t.startswith("asked http") and str(service.base_url) not in t]
    assert elsewhere == []
    assert [t for t in said if "Content Security Policy" in t] == []
