"""What a newcomer meets: everything is there at once, and the serving process stays light."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from core import pipeline
from tests.app.support import PAGES, ROOT, companions, opened, said
from ui import cached, errors


def test_the_first_screen_of_an_empty_store_is_whole_and_starts_no_job(empty_store):
    at = opened()
    dataset = cached.dataset(cached.DEFAULT.source)
    configs = cached.DEFAULT.configs()
    results = [pipeline.stored(dataset, config, cached.store()) for config in configs]
    assert None not in results, "run python -m core.shipped.make"
    best = max(r.metrics["ami"] for r in results)
    words = said(at)
    assert "1,797 handwritten digits, 10 clusters" in words
    assert f"AMI {best:.2f}" in words
    assert best > 0.9
    (map3d,) = companions(at, "facette_map")
    assert len(map3d["groups"]) > 9
    assert map3d["atlas"]["sheets"]
    (pills,) = companions(at, "facette_pills")
    assert pills["names"] == [str(c) for c in range(10)]
    (gallery,) = companions(at, "facette_gallery")
    assert len(gallery["items"]) == 20
    assert not at.get("progress")
    assert cached.jobs()._jobs == {}


def test_the_highlighted_cluster_fills_the_gallery(empty_store):
    at = opened(query={"cluster": "3"})
    (gallery,) = companions(at, "facette_gallery")
    assert {item["caption"].split("\n")[0] for item in gallery["items"]} == {"cluster 3"}
    (map3d,) = companions(at, "facette_map")
    lit = [g["name"] for g in map3d["groups"] if g["opacity"] == 1]
    assert len(lit) == 1
    assert "Cluster 3" in said(at)


LIGHT = """
import json, sys
from tests.app.support import opened
for run in {runs}:
    for page in {pages}:
        opened(page, run=run)
heavy = ["tensorflow", "umap", "numba", "torch", "sklearn", "skimage"]
print("LOADED", json.dumps([name for name in heavy if name in sys.modules]))
"""


@pytest.mark.usefixtures("store")
def test_the_serving_process_imports_no_heavy_library(filled):
    script = LIGHT.format(runs=[None, *filled.runs.values()], pages=list(PAGES))
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = json.loads(done.stdout.split("LOADED")[1])
    assert not {"tensorflow", "umap", "numba", "torch"} & set(loaded), loaded


def test_errors_text_shows_every_character_as_it_is():
    for character in "\\`*_{}[]()#+-!|~<>$:^=":
        assert errors.text(character) == "\\" + character
    assert "\n" not in errors.text("a\nb")
