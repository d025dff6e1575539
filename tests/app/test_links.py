"""What a link carries is what its receiver sees."""

from __future__ import annotations

import pytest

from tests.app.support import companions, opened, said


def label(at, key, start):
    """The option that begins so, as the URL carries it."""
    return next(text for text in at.selectbox(key=key).options if text.startswith(start))


def test_a_link_restores_run_descriptor_clusterer_and_cluster(store):
    sender = opened(run=store.runs["flat"])
    query = {
        "run": label(sender, "run", "flat"),
        "descriptor": label(sender, "descriptor", "HSV"),
        "clusterer": label(sender, "clusterer", "HDBSCAN"),
        "cluster": "0",
        "color": "cluster",
    }
    at = opened(query=query)
    assert at.selectbox(key="run").value == store.runs["flat"]
    assert at.selectbox(key="descriptor").value == "hsv_histogram"
    assert at.selectbox(key="clusterer").value == "hdbscan"
    assert "Cluster 0" in said(at)
    assert at.query_params["cluster"] == "0"
    (pills,) = companions(at, "facette_pills")
    assert pills["selected"] == 0


@pytest.mark.parametrize(
    "query",
    [
        {"cluster": "99"},
        {"cluster": "-7"},
        {"cluster": "<script>"},
        {"cluster": "9" * 40},
        {"cluster": "\N{SUPERSCRIPT TWO}"},
        {"descriptor": "nothing"},
        {"run": "deadbeef"},
        {"run": "../../etc"},
        {"color": "outlier"},
        {"view": "4d"},
    ],
    ids=str,
)
def test_a_link_that_is_wrong_shows_the_first_screen(store, query):
    at = opened(query=query)
    assert "1,797 handwritten digits" in said(at)
    assert len(companions(at, "facette_gallery")[0]["items"]) == 20


def test_all_clusters_in_full_colour(store):
    at = opened(query={"cluster": "all"})
    (map3d,) = companions(at, "facette_map")
    assert {g["opacity"] for g in map3d["groups"]} == {1}
    assert not companions(at, "facette_gallery")


def test_a_deep_link_to_a_cluster_survives_another_page(store):
    at = opened(query={"cluster": "3"})
    at.switch_page("screens/explore/compare.py").run()
    assert not at.exception
    at.switch_page("screens/explore/clusters.py").run()
    assert not at.exception
