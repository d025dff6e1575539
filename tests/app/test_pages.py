"""Every page on every kind of data, without a browser."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.types import NOISE, OUTLIER
from tests.app.support import HOSTILE_CLASSES, PAGES, charts, companions, opened, said, settled
from ui import cached, errors

COUNTS = {None: "1,797", "odd": "31 images", "flat": "28 images", "sample": "240 images"}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", COUNTS, ids=str)
def test_every_page_runs_and_says_what_is_open(store, name, page):
    at = opened(page, run=store.runs.get(name))
    assert COUNTS[name] in said(at)
    assert not at.error


def results_of(run_id):
    asked = cached.comparison(run_id)
    return cached.results(cached.dataset(asked.source), asked)


def test_without_labels_the_silhouette_takes_the_place_of_ami_and_the_page_says_so(store):
    at = opened("compare", run=store.runs["flat"])
    words = said(at)
    assert "no labels" in words
    assert "silhouette" in at.markdown[0].value
    assert "AMI" not in at.markdown[0].value
    assert not [t for t in at.toggle if "AMI" in t.label]
    best = max(r.metrics["silhouette"] for r in results_of(store.runs["flat"]))
    assert f"{best:.2f}" in at.markdown[0].value
    columns = list(at.dataframe[0].value.columns)
    assert "silhouette" in columns
    assert not {"ami", "purity", "accuracy"} & set(columns)
    at = opened(run=store.runs["flat"])
    assert "no labels" in said(at)
    assert at.selectbox(key="color").options == ["cluster"]


@pytest.mark.parametrize("method", ["hdbscan", "dbscan"])
def test_noise_is_called_noise_with_its_share(store, method):
    run = next(
        r for r in results_of(store.runs["flat"])
        if r.config.clusterer == method and r.config.descriptor == "hsv_histogram"
    )  # fmt: skip
    labels = np.asarray(cached.array(run.keys.labels, "labels"))
    share = (labels == NOISE).mean()
    assert share > 0
    at = opened(run=store.runs["flat"], query={"cluster": "-1"})
    at.selectbox(key="descriptor").set_value("hsv_histogram").run()
    at.selectbox(key="clusterer").set_value(method).run()
    (pills,) = companions(at, "facette_pills")
    assert pills["names"][-1] == "noise"
    assert f"Noise (-1): {share:.0%}" in said(at)
    (gallery,) = companions(at, "facette_gallery")
    assert len(gallery["items"]) == (labels == NOISE).sum()
    assert {item["caption"].split("\n")[0] for item in gallery["items"]} == {"cluster noise"}


def test_outliers_are_still_drawn_and_have_a_colouring(store):
    run = results_of(store.runs["odd"])[0]
    labels = np.asarray(cached.array(run.keys.labels, "labels"))
    at = opened(run=store.runs["odd"])
    assert f"Outliers: {(labels == OUTLIER).mean():.0%}" in said(at)
    (pills,) = companions(at, "facette_pills")
    assert pills["names"][-1] == "outliers"
    at.selectbox(key="color").set_value("outlier").run()
    assert not at.exception
    (map3d,) = companions(at, "facette_map")
    assert {g["name"] for g in map3d["groups"]} == {"kept", "outlier"}
    assert len(json.loads(at.get("plotly_chart")[0].proto.spec)["data"]) > 0


def test_a_run_of_the_command_line_has_thumbnails_in_the_app(store):
    at = settled(opened(run=store.runs["flat"]))
    at.run()
    (map3d,) = companions(at, "facette_map")
    assert map3d["atlas"].get("sheets"), "nothing makes the thumbnails of a run made elsewhere"


@pytest.mark.parametrize("page", PAGES)
def test_hostile_names_are_shown_as_they_are(store, page):
    at = opened(page, run=store.runs["odd"])
    if page == "clusters":
        at.selectbox(key="color").set_value("class").run()
    words, drawn = said(at), charts(at)
    for name in HOSTILE_CLASSES:
        assert name not in words  # as markdown it would be formatted
        assert errors.text(name).replace(" ", "") != name
    assert "<b onclick" not in words.replace("\\<b", "")
    assert "<b onclick" not in drawn  # plotly takes markup
    if page in ("descriptors", "clusters"):
        assert any(errors.text(name) in words for name in HOSTILE_CLASSES)
    if page in ("data", "compare"):
        assert "&lt;b onclick" in drawn


def test_every_run_is_offered_and_the_shipped_one_too(store):
    at = opened()
    offered = at.selectbox(key="run").options
    assert len(offered) == len(store.runs) + 1
    assert [text.split(" ")[0] for text in offered] == ["sample_data", "flat", "odd", "digits"]


def test_the_clicked_image_is_shown_with_its_neighbours(store):
    run = store.runs["sample"]
    at = opened(run=run)
    at.session_state["_picked"] = (run, 5)
    at.run()
    assert not at.exception
    dataset = cached.dataset(cached.comparison(run).source)
    assert f"**{errors.text(dataset.ids[5])}**" in said(at)
    first, near, *_ = companions(at, "facette_gallery")
    assert [item["row"] for item in first["items"]] == [5]
    result = results_of(run)[0 if at.selectbox(key="descriptor").value == "gray_histogram" else 1]
    X = np.asarray(cached.array(result.keys.reduced, "values"), np.float64)
    distance = np.linalg.norm(X - X[5], axis=1)
    farthest = max(distance[item["row"]] for item in near["items"])
    assert (np.delete(distance, 5) < farthest).sum() < 6
    at.button(key="unpick").click().run()
    assert f"**{errors.text(dataset.ids[5])}**" not in said(at)


def test_the_table_has_the_metrics_of_every_run(store):
    at = opened("compare", run=store.runs["sample"])
    table = at.dataframe[0].value
    stored = [result.metrics["ami"] for result in results_of(store.runs["sample"])]
    assert sorted(table["ami"]) == pytest.approx(sorted(stored))
