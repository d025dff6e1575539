"""Figures: the right points in the right groups, and JSON that plotly takes."""

import json

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

from core import plots
from core.errors import FacetteError
from core.maps import map_2d, map_3d, marker_size
from core.palette import FADED, NOISE_COLOR, OUTLIER_COLOR, colors

N = 60


@pytest.fixture
def cloud():
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, 3)), np.arange(N) % 3


def test_map_keeps_every_row_once_with_its_own_coordinates(cloud):
    coords, groups = cloud
    figure = map_3d(coords, groups, "abc", colors(3))
    rows = np.concatenate([t["customdata"] for t in figure["data"]])
    assert sorted(rows) == list(range(N))
    for trace in figure["data"]:
        drawn = np.column_stack([trace["x"], trace["y"], trace["z"]])
        np.testing.assert_allclose(drawn, coords[trace["customdata"]], rtol=1e-6)
    assert [t["name"] for t in figure["data"]] == ["a", "b", "c"]


def test_map_greys_noise_and_outliers_and_fades_what_is_not_lit(cloud):
    coords, groups = cloud
    groups = groups - 2
    lit = np.zeros(N, bool)
    lit[:10] = True
    figure = map_3d(coords, groups, ["only"], colors(1), lit)
    full = [t for t in figure["data"] if t["marker"]["opacity"] == 1]
    wanted = {NOISE_COLOR, OUTLIER_COLOR, colors(1)[0]}
    assert {t["marker"]["color"] for t in full} == wanted
    assert sorted(np.concatenate([t["customdata"] for t in full])) == list(range(10))
    assert {t["marker"]["opacity"] for t in figure["data"]} == {FADED, 1}


def test_map_is_compact_on_the_wire(cloud):
    coords, groups = cloud
    n = 10_000
    coords, groups = np.tile(coords, (n // N + 1, 1))[:n], np.resize(groups, n)
    sent = go.Figure(map_3d(coords, groups, "abc", colors(3))).to_json()
    assert len(sent) < 30 * n  # base64 of three float32 and a row number: about 22 bytes a point


def test_map_rejects_what_cannot_be_drawn(cloud):
    coords, groups = cloud
    with pytest.raises(FacetteError, match="shape"):
        map_2d(coords, groups, "abc", colors(3))
    coords[3, 1] = np.nan
    with pytest.raises(FacetteError, match="not numbers"):
        map_3d(coords, groups, "abc", colors(3))


def test_points_shrink_with_their_number():
    sizes = [marker_size(n) for n in (1, 300, 1797, 10_000, 10**6)]
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-1]) == (8, 2)


def test_bars_stand_best_on_top_and_lowest_on_top_where_low_is_good():
    rows = [("a", "k", 0.2), ("b", "k", 0.9), ("c", "k", 0.5), ("c", "w", 0.95)]
    figure = plots.bars(rows, "AMI")
    assert figure["layout"]["yaxis"]["categoryarray"] == ["a", "b", "c"]  # plotly fills upwards
    low = plots.bars(rows, "Davies-Bouldin", higher_is_better=False)
    assert low["layout"]["yaxis"]["categoryarray"] == ["b", "c", "a"]
    texts = {t["name"]: t["text"] for t in figure["data"]}
    assert texts["w"] == ["0.95"]


def test_names_are_never_read_as_markup():
    figure = plots.bars([("<b>x</b>", "<a href='javascript:x'>", 1.0)], "AMI")
    trace = figure["data"][0]
    assert trace["y"] == ["&lt;b&gt;x&lt;/b&gt;"]
    assert "<a" not in trace["name"] + trace["hovertemplate"]


def test_composition_leaves_out_absent_classes_and_sorts_by_size():
    figure = plots.composition(np.array([2, 0, 8]), ["x", "y", "z"], colors(3))
    assert [(t["name"], t["x"]) for t in figure["data"]] == [("z", [8]), ("x", [2])]
    assert "80%" in figure["data"][0]["text"][0]


def test_contingency_cells_carry_class_and_cluster():
    table = np.array([[5, 0, 1], [0, 7, 2]])
    heat, cells = plots.contingency(table, ["a", "b"], ["0", "1", "noise"])["data"]
    np.testing.assert_allclose(heat["z"][0], [5 / 6, 0, 1 / 6])
    counts = {tuple(c): t for c, t in zip(cells["customdata"], cells["hovertext"], strict=True)}
    assert counts[(1, 2)] == "2 of class b in cluster noise"


def test_silhouettes_are_sorted_within_clusters_and_leave_noise_out():
    values = np.array([0.1, 0.9, -0.2, 0.5, 0.3])
    labels = np.array([0, 0, 1, -1, 1])
    first, second = plots.silhouettes(values, labels, ["a", "b"], colors(2))["data"]
    assert list(first["x"]) == [0, 0.9, 0.1, 0]
    assert list(second["x"]) == [0, 0.3, -0.2, 0]
    assert first["y"].max() < second["y"].min()


def test_dendrogram_draws_the_height_of_the_last_merge():
    from scipy.cluster.hierarchy import linkage

    merges = linkage(np.random.default_rng(0).random((50, 2)), "ward")
    figure = plots.dendrogram(merges, leaves=8)
    heights = [y for y in figure["data"][0]["y"] if y is not None]
    assert max(heights) == pytest.approx(merges[-1, 2])
    assert sum(map(int, figure["layout"]["xaxis"]["ticktext"])) == 50


@pytest.mark.parametrize(
    "figure",
    [
        plots.bars([("a", "k", 0.2)], "AMI"),
        plots.counts([("cats", 3), ("<i>", 0)], "images"),
        plots.composition(np.array([1, 2]), ["a", "b"], colors(2)),
        plots.contingency(np.eye(3, dtype=int), "abc", "012"),
        plots.silhouettes(np.array([0.5, 0.1]), np.array([0, 1]), "ab", colors(2)),
        plots.time_quality([("a", "k", 0.0, 0.5)], "AMI"),
        plots.k_curve([2, 3, 4], [0.1, 0.4, 0.2], "silhouette", 3),
        plots.curves({"red": np.arange(4.0), "x": np.arange(3.0)}),
        map_2d(np.zeros((2, 2)), np.zeros(2, int), "a", colors(1)),
    ],
)
def test_figures_pass_plotlys_own_validation(figure):
    sent = json.loads(plotly.io.to_json(go.Figure(figure)))
    assert sent["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"


def _seen(hexes, matrix):
    """CIELAB colours as a person with one kind of cone missing sees them (Machado 2009)."""
    from skimage.color import rgb2lab

    rgb = np.array([[int(h[i : i + 2], 16) / 255 for i in (1, 3, 5)] for h in hexes])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(matrix).T, 0, 1)
    back = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rgb2lab(back.reshape(1, -1, 3))[0]


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(3),
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]],
    ],
    ids=["normal", "deuteranopia", "protanopia"],
)  # fmt: skip
def test_ten_colours_can_be_told_apart(matrix):
    lab = _seen(colors(10), matrix)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 999 * np.eye(10)
    assert apart.min() > 16


def test_colours_are_many_stable_and_repeat_late():
    assert len(set(colors(40))) == 40
    assert colors(50)[:10] == colors(10)
    assert not {NOISE_COLOR, OUTLIER_COLOR} & set(colors(40))
