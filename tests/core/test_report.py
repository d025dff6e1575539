"""The report in one file: true, harmless, self-contained, and alive in a browser."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from core import report
from core.files import InputError
from core.metrics import compute
from core.report_clusters import nearest
from core.report_map import script_json
from core.runs import Keys, RunConfig, RunResult
from core.store import Store
from core.types import NOISE, OUTLIER, Dataset, Rejected, Source

N = 300
EVIL = '</script><script>alert("x")</script><img src=//evil.example/x onerror=alert(1)>%%BODY%%'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"), layers=())


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    digits = load_digits()
    images = (digits.images[:N] * (255 / 16)).astype(np.uint8)
    return Dataset(
        name=f"digits {EVIL}",
        source=Source("digits"),
        ids=(EVIL, "=cmd()", *(f"digit-{i}" for i in range(2, N))),
        sizes=np.full((N, 2), 8, np.int32),
        read=lambda i, size: images[i],
        images_key="a" * 32,
        labels=digits.target[:N].astype(np.int32),
        class_names=(EVIL, *"123456789"),
        rejected=(Rejected(f"bad {EVIL}.png", "not an image: <b>text</b>"),),
    )


@pytest.fixture(scope="module")
def results(dataset: Dataset, store: Store) -> list[RunResult]:
    """Two real clusterings of 300 digits: of their pixels, and of their mean brightness."""
    pixels = np.array([dataset.read(i, None).ravel() for i in range(N)], np.float32)
    made = []
    for number, (name, X) in enumerate(
        {"gray_histogram": pixels.mean(axis=1, keepdims=True), "raw_pixels": pixels}.items()
    ):
        fitted = KMeans(10, n_init=2, random_state=0).fit(X)
        labels = fitted.labels_.astype(np.int32)
        distance = np.linalg.norm(X - fitted.cluster_centers_[labels], axis=1)
        labels[5], labels[6] = NOISE, OUTLIER
        distance[5:7] = np.nan
        keys = [f"{number:016x}{i:016x}" for i in range(6)]
        coords = PCA(3, random_state=0).fit_transform(pixels).astype(np.float32)
        store.put(keys[3], {"values": coords})
        store.put(keys[4], {"labels": labels, "distance": distance.astype(np.float32)})
        made.append(
            RunResult(
                config=RunConfig(name, reducer="none", clusterer="kmeans_lloyd"),
                keys=Keys({name: keys[0]}, *keys),
                n_images=N,
                n_clusters=10,
                metrics=compute(dataset.labels, labels, X),
                seconds=1.0,
                about={"k_chosen_by": "the number of classes"},
                notes=(f"A note {EVIL}",),
            )
        )
    return made


@pytest.fixture(scope="module")
def page(dataset: Dataset, results: list[RunResult], store: Store) -> str:
    return report.html_report(dataset, results, store)


class _Seen(HTMLParser):
    """Every start tag with its attributes, and the text outside of style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("style", "script"):
            self.text += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_hostile_names_stay_text_and_nothing_is_loaded(page: str) -> None:
    seen = _Seen(page)
    assert len(seen.attributes("script")) == 2
    assert not any("onerror" in attributes for _, attributes in seen.tags)
    loaded = [a[n] for _, a in seen.tags for n in ("src", "href") if n in a]
    assert loaded and all(str(address).startswith("data:image/") for address in loaded)
    assert EVIL in seen.text  # it can be read
    assert page.count("<body>") == 1 and page.count("</html>") == 1
    policy = next(a for a in seen.attributes("meta") if "http-equiv" in a)
    assert "default-src 'none'" in str(policy["content"])


def test_json_inside_a_script_is_read_back_as_it_was() -> None:
    text = script_json([EVIL, "&amp;", "\u2028", "<!--"])
    assert "<" not in text and ">" not in text and "&" not in text
    assert json.loads(text) == [EVIL, "&amp;", "\u2028", "<!--"]


def test_figures_on_the_page_are_those_of_the_best_run(page: str, results: list[RunResult]) -> None:
    seen = _Seen(page)
    ami = [result.metrics["ami"] for result in results]
    assert ami[0] is not None and ami[1] is not None and ami[1] > ami[0] + 0.2
    assert f"AMI {ami[1]:.2f}" in seen.text
    assert f"{ami[1]:.3f} ★" in seen.text and f"{ami[0]:.3f} ★" not in seen.text
    bars = re.findall(r'<i style="width:([\d.]+)%"></i><b>([\d.]+)</b>', page)
    assert bars == [(f"{100 * v:.1f}", f"{v:.2f}") for v in (ami[1], ami[0])]  # best on top
    assert "not an image: <b>text</b>" in seen.text
    assert "python -m core run --data digits --descriptor raw_pixels" in seen.text


def test_the_same_input_gives_the_same_bytes(
    page: str, dataset: Dataset, results: list[RunResult], store: Store, tmp_path: Path
) -> None:
    path = report.write_report(tmp_path / "new" / "report.html", dataset, results, store)
    assert path.read_text("utf-8") == page
    assert path.stat().st_size < 1_000_000
    with pytest.raises(InputError, match="output folder"):
        report.write_report(path / "below.html", dataset, results, store)


def test_map_data_hold_the_points_and_their_groups(
    page: str, dataset: Dataset, results: list[RunResult], store: Store
) -> None:
    match = re.search(r'<script type="application/json" id=data>(.*?)</script>', page, re.DOTALL)
    assert match is not None
    data = json.loads(match[1])
    entry = store.get(results[1].keys.labels)
    drawn = store.get(results[1].keys.map)
    assert entry is not None and drawn is not None
    coords = np.array(drawn.array("values"))
    xyz = np.frombuffer(base64.b64decode(data["xyz"]), "<i2").reshape(N, 3) / 32767
    assert np.allclose([xyz.min(), xyz.max()], [-1, 1])
    for axis in range(3):
        assert np.corrcoef(xyz[:, axis], coords[:, axis])[0, 1] > 0.99999
    names = [data["groups"][group]["name"] for group in data["group"]]
    labels = entry.array("labels")
    assert names[5:7] == ["Noise", "Outliers"]
    assert names[0] == f"Cluster {labels[0]}"
    assert data["id"] == list(dataset.ids)
    assert [data["classes"][c]["name"] for c in data["class"][:2]] == [EVIL, "1"]
    assert len(data["sizes"]) == 2 * N


def test_examples_are_the_nearest_of_their_cluster(results: list[RunResult], store: Store) -> None:
    entry = store.get(results[1].keys.labels)
    assert entry is not None
    labels, distance = entry.array("labels"), entry.array("distance")
    rows = nearest(results[1], store, 4, 3)
    inside = np.sort(distance[labels == 4])
    assert np.array_equal(labels[rows], [4, 4, 4])
    assert np.array_equal(distance[rows], inside[:3])
    assert nearest(results[1], store, NOISE, 3).tolist() == [5]


def test_classes_and_clusters_are_counted(page: str, dataset: Dataset) -> None:
    table = re.search(r"<table class=heat>.*?</table>", page, re.DOTALL)
    assert table is not None
    counts = [int(c) for c in re.findall(r"<td[^>]*>(\d+)</td>", table[0])]
    assert sum(counts) == N
    assert dataset.labels is not None
    rows = re.findall(r"<tr>.*?</tr>", table[0].split("<tbody>")[1], re.DOTALL)
    per_class = [sum(map(int, re.findall(r"<td[^>]*>(\d+)</td>", row))) for row in rows]
    assert per_class == np.bincount(dataset.labels).tolist()


def test_without_labels_the_silhouette_takes_the_place_of_ami(
    dataset: Dataset, results: list[RunResult], store: Store
) -> None:
    plain = dataclasses.replace(dataset, labels=None, class_names=())
    bare = [
        dataclasses.replace(
            r,
            metrics={
                n: v if n in ("coverage", "silhouette") else None for n, v in r.metrics.items()
            },
        )
        for r in results
    ]
    seen = _Seen(report.html_report(plain, bare, store))
    assert "silhouette" in seen.text and "AMI" not in seen.text
    assert "Classes and clusters" not in seen.text and "mostly" not in seen.text


def test_it_lives_in_a_browser(page: str, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    (tmp_path / "report.html").write_text(page, "utf-8")
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(
            viewport={"width": 390, "height": 800}, reduced_motion="reduce", color_scheme="dark"
        )
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda message: faults.append(message.text))
        tab.on("dialog", lambda dialog: faults.append("a dialog opened"))
        tab.on("request", lambda r: faults.append(r.url) if r.url.startswith("http") else None)
        tab.goto((tmp_path / "report.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") == 390
        pills = tab.locator("#pills button:visible")
        assert pills.count() == 12  # ten clusters, noise, outliers
        still = tab.locator("#map").screenshot()
        pills.nth(2).click()
        assert pills.nth(2).get_attribute("aria-pressed") == "true"
        tab.wait_for_timeout(100)
        assert tab.locator("#map").screenshot() != still
        pills.nth(2).click()
        tab.locator("#map").press("ArrowLeft")
        tab.wait_for_timeout(100)
        assert tab.locator("#map").screenshot() != still
        tab.select_option("#colour", "class")
        assert pills.count() == 10
        _hover_a_point(tab)
        assert tab.locator("#card").is_visible()
        assert "class" in tab.locator("#card-text").inner_text()
        browser.close()
    assert faults == []


def _hover_a_point(tab) -> None:
    box = tab.locator("#map").bounding_box()
    for y in range(60, 400, 20):
        for x in range(60, 330, 20):
            tab.mouse.move(box["x"] + x, box["y"] + y)
            if tab.locator("#card").is_visible():
                return
