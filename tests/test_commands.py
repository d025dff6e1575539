"""The real commands, run as a person runs them: files, figures, repeats, errors, Ctrl-C."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openpyxl
import pytest

from tests.conftest import ROOT

RESULT_COLUMNS = (
    "run,dataset,descriptor,outliers,reducer,clusterer,n_images,n_clusters,coverage,"
    "ami,ari,rand,nmi,mutual_info,jaccard,fowlkes_mallows,homogeneity,completeness,v_measure,"
    "purity,entropy,accuracy,silhouette,davies_bouldin,calinski_harabasz,seconds"
).split(",")
RUN_FILES = {"config.json", "metrics.json", "clusters.csv", "features.npy"}
RUN_FILES |= {"reduced_features.npy", "labels.npy"}
HOG_36 = "hog:size=8,cell=4,block=2,orientations=9"
PIPELINE = ("--descriptor", "sift+hsv_histogram+lbp", "--outliers", "isolation_forest")
OTHERS = ("--cluster", "agglomerative", "--cluster", "dbscan", "--cluster", "gaussian_mixture")


class Done(NamedTuple):
    """What a command left: exit status, standard output, the lines of standard error."""

    status: int
    out: str
    lines: list[str]

    def stages(self, status: str) -> list[str]:
        """The stages that were computed, or cached, in order."""
        return [line.split()[1] for line in self.lines if line.split()[:1] == [status]]


def command(home: Path, *arguments: object) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "core", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "FACETTE_HOME": str(home)},
        capture_output=True,
        encoding="utf-8",
        timeout=400,
    )
    return Done(done.returncode, done.stdout, done.stderr.splitlines())


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store for this session."""
    return tmp_path_factory.mktemp("home")


# Digits ------------------------------------------------------------------------------------------


def test_the_published_ranking_on_digits(home: Path, tmp_path: Path) -> None:
    done = command(
        home, "run", "--data", "digits", "--descriptor", HOG_36, "--descriptor", "gray_histogram",
        "--reduce", "none", "--cluster", "kmeans_lloyd", "--out", tmp_path,
    )  # fmt: skip
    assert done.status == 0, done.lines
    hog, gray = rows(tmp_path / "results.csv")
    assert (hog["descriptor"], gray["descriptor"]) == (HOG_36, "gray_histogram")
    assert 0.57 <= float(hog["ami"]) <= 0.66
    assert float(gray["ami"]) < 0.16
    features = np.load(tmp_path / "runs" / hog["run"] / "features.npy")
    assert features.shape == (1797, 36) and features.dtype == np.float32
    reduced = np.load(tmp_path / "runs" / hog["run"] / "reduced_features.npy")
    assert np.array_equal(features, reduced)  # --reduce none clusters the full matrix
    assert hog["run"] in done.out and gray["run"] in done.out  # the metrics table


def clustered(home: Path, out: Path, data: object, *more: object) -> tuple[dict[str, str], bytes]:
    """The row, and the bytes of labels.npy, of HOG on 32 x 32 pixels, UMAP and a mixture."""
    done = command(
        home, "run", "--data", data, "--descriptor", "hog:size=32", "--reduce",
        "umap:n_components=10", "--cluster", "gaussian_mixture", *more, "--out", out,
    )  # fmt: skip
    assert done.status == 0, done.lines
    (row,) = rows(out / "results.csv")
    return row, (out / "runs" / row["run"] / "labels.npy").read_bytes()


def test_hog_umap_and_a_mixture_find_the_digits(home: Path, tmp_path: Path) -> None:
    row, _ = clustered(home, tmp_path, "digits")
    assert float(row["ami"]) >= 0.91


def test_the_same_bytes_from_two_empty_stores(tmp_path: Path) -> None:
    """With a seed that nothing is shipped for, so that both compute everything."""
    found = [
        clustered(
            tmp_path / f"home{i}", tmp_path / f"out{i}", "digits", "--seed", 1, "--map", "pca"
        )
        for i in range(2)
    ]
    assert found[0][1] == found[1][1]
    assert float(found[0][0]["ami"]) >= 0.9


def test_it_finds_the_digits_of_mnist(home: Path, tmp_path: Path, shared_data: Path) -> None:
    row, _ = clustered(home, tmp_path, shared_data / "mnist_t10k.npz", "--map", "pca")
    assert row["n_images"] == "10000"
    assert float(row["accuracy"]) >= 0.95


# Photos ------------------------------------------------------------------------------------------


class Photos(NamedTuple):
    """Sixty pictures in classes, and what the command made of them."""

    data: Path
    home: Path
    out: Path
    done: Done


def pipeline_of(photos: Photos, out: Path, *first: str) -> Done:
    asked = ("run", "--data", photos.data, *PIPELINE, *first, *OTHERS)
    return command(photos.home, *asked, "--out", out)


@pytest.fixture(scope="module")
def photos(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Photos:
    """Real photos where there are some, pictures of the teaching set where not."""
    folder = tmp_path_factory.mktemp("photos")
    given = os.environ.get("FACETTE_TEST_DATA")
    dogs = (Path(given) if given else ROOT.parent / "shared" / "data") / "dogs5"
    source = dogs if dogs.is_dir() else ROOT / "sample_data"
    classes = [path for path in sorted(source.iterdir()) if path.is_dir()]
    for path in classes:
        (folder / path.name).mkdir()
        for image in sorted(path.iterdir())[: 60 // len(classes)]:
            shutil.copy(image, folder / path.name)
    empty = Photos(folder, home, tmp_path_factory.mktemp("out"), Done(0, "", []))
    done = command(
        home, "run", "--data", folder, *PIPELINE, "--cluster", "kmeans", *OTHERS,
        "--out", empty.out, "--excel", "--sort-images", empty.out / "sorted",
        "--report", empty.out / "report.html",
    )  # fmt: skip
    assert done.status == 0, done.lines
    return empty._replace(done=done)


def test_results_have_a_row_a_run_in_the_order_of_the_command(photos: Photos) -> None:
    found = rows(photos.out / "results.csv")
    assert list(found[0]) == RESULT_COLUMNS
    names = ["kmeans", "agglomerative", "dbscan", "gaussian_mixture"]
    assert [row["clusterer"] for row in found] == names
    for row in found:
        assert row["descriptor"] == "sift+hsv_histogram+lbp"
        assert row["reducer"] == "umap:n_components=10,n_neighbors=15,min_dist=0"
        assert (row["outliers"], row["n_images"]) == ("isolation_forest", "60")
        assert -0.5 < float(row["ami"]) < 1
    assert [row["run"] for row in found] == sorted(p.name for p in (photos.out / "runs").iterdir())


def test_every_run_has_its_files_with_a_row_an_image(photos: Photos) -> None:
    order = sorted(path.relative_to(photos.data).as_posix() for path in photos.data.rglob("*.*"))
    for row in rows(photos.out / "results.csv"):
        folder = photos.out / "runs" / row["run"]
        assert {path.name for path in folder.iterdir()} == RUN_FILES
        features = np.load(folder / "features.npy", allow_pickle=False)
        reduced = np.load(folder / "reduced_features.npy", allow_pickle=False)
        labels = np.load(folder / "labels.npy", allow_pickle=False)
        assert features.shape == (60, 256 + 512 + 10) and reduced.shape == (60, 10)
        assert labels.shape == (60,) and labels.dtype == np.int32
        table = rows(folder / "clusters.csv")
        assert list(table[0]) == "id label cluster outlier x y z distance".split()
        assert [line["id"] for line in table] == order
        assert [line["label"] for line in table] == [name.split("/")[0] for name in order]
        assert [int(line["cluster"]) for line in table] == labels.tolist()
        assert [line["outlier"] == "1" for line in table] == (labels == -2).tolist()
        assert [line["distance"] == "" for line in table] == (labels < 0).tolist()
        assert (labels == -2).sum() == 3  # isolation_forest: 0.05 of 60
        assert float(row["coverage"]) == pytest.approx((labels >= 0).mean())
        assert int(row["n_clusters"]) == len(set(labels.tolist()) - {-1, -2})


def test_metrics_and_configuration_of_a_run(photos: Photos) -> None:
    row = rows(photos.out / "results.csv")[0]
    folder = photos.out / "runs" / row["run"]
    measured = json.loads((folder / "metrics.json").read_text("utf-8"))
    for name in RESULT_COLUMNS[8:-1]:
        assert measured[name] == pytest.approx(float(row[name]), rel=1e-9)
    assert measured["about"]["k_chosen_by"] == "the number of classes"
    asked = json.loads((folder / "config.json").read_text("utf-8"))
    assert (asked["descriptor"], asked["clusterer"]) == (row["descriptor"], "kmeans")
    assert (asked["seed"], asked["source"]["path"]) == (0, str(photos.data))


def test_workbooks_sorted_images_and_report(photos: Photos) -> None:
    metrics = openpyxl.load_workbook(photos.out / "metrics.xlsx")["Metrics"]
    assert [cell.value for cell in metrics[1]] == RESULT_COLUMNS
    assert metrics.max_row == 1 + 4
    clusters = openpyxl.load_workbook(photos.out / "clusters.xlsx")
    assert [sheet.max_row for sheet in clusters] == [61] * 4
    given = sorted(path.read_bytes() for path in photos.data.rglob("*.*"))
    assert sorted(p.read_bytes() for p in (photos.out / "sorted").glob("*/*.*")) == given
    page = (photos.out / "report.html").read_text("utf-8")
    assert not re.search(r"""(src|href)=["']?https?:""", page)  # needs nothing else


def test_a_second_run_computes_nothing_and_writes_the_same(photos: Photos, tmp_path: Path) -> None:
    again = pipeline_of(photos, tmp_path, "--cluster", "kmeans")
    assert again.status == 0
    assert again.stages("computed") == [] and len(again.stages("cached")) >= 5
    before = files(photos.out)
    assert files(tmp_path) == {name: before[name] for name in files(tmp_path)}
    assert len(files(tmp_path)) == 1 + 4 * 6


def test_another_k_computes_clusters_and_metrics_alone(photos: Photos, tmp_path: Path) -> None:
    moved = pipeline_of(photos, tmp_path, "--cluster", "kmeans:n_clusters=8")
    assert moved.status == 0
    assert moved.stages("computed") == ["labels", "metrics"]
    assert rows(tmp_path / "results.csv")[0]["n_clusters"] == "8"


def test_unlabelled_images_say_how_k_was_chosen(home: Path, photos: Photos, tmp_path: Path) -> None:
    archive = tmp_path / "flat.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(photos.data.rglob("*.*")):
            file.write(path, path.name)
    done = command(
        home, "run", "--data", archive, "--descriptor", "hsv_histogram", "--reduce", "none",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.status == 0, done.lines
    (row,) = rows(tmp_path / "out" / "results.csv")
    assert row["run"] == f"01-hsv_histogram-kmeans-k{row['n_clusters']}-by-silhouette"
    assert [row[name] for name in RESULT_COLUMNS[9:22]] == [""] * 13  # what needs labels
    about = json.loads((tmp_path / "out" / "runs" / row["run"] / "metrics.json").read_text())
    tried = about["about"]["silhouette_by_k"]
    assert sorted(map(int, tried)) == list(range(2, 21))
    assert max(tried, key=lambda k: tried[k]) == row["n_clusters"]


def test_a_csv_with_formulas_for_names(home: Path, photos: Photos, tmp_path: Path) -> None:
    images = sorted(photos.data.rglob("*.*"))[:6]
    for i, path in enumerate(images):
        shutil.copy(path, tmp_path / f"=cmd({i}){path.suffix}")
    lines = [f"=cmd({i}){p.suffix},{'+a' if i % 2 else 'b'}" for i, p in enumerate(images)]
    (tmp_path / "table.csv").write_text("\n".join(["file,kind", *lines, "gone.jpg,b"]), "utf-8")
    done = command(
        home, "run", "--data", tmp_path / "table.csv", "--image-column", "file", "--label-column",
        "kind", "--descriptor", "gray_histogram", "--reduce", "none", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.status == 0, done.lines
    assert any("gone.jpg" in line for line in done.lines)
    (row,) = rows(tmp_path / "out" / "results.csv")
    table = rows(tmp_path / "out" / "runs" / row["run"] / "clusters.csv")
    assert [line["id"] for line in table] == [f"'{line.split(',')[0]}" for line in lines]
    assert [line["label"] for line in table] == ["b", "'+a"] * 3


# What the user can mend --------------------------------------------------------------------------

GREEN = ("--data", "sample_data/green_star")
SIMPLE = ("--descriptor", "gray_histogram", "--reduce", "none")
WRONG = {
    "unknown option": (("--data", "digits", "--bogus", "1"), "--bogus"),
    "unknown component": (("--data", "digits", "--descriptor", "hogg"), "Did you mean hog?"),
    "wrong parameter": (
        ("--data", "digits", "--descriptor", "hog:orientations=0"),
        "hog: orientations: got 0, allowed is a whole number from 1 to 36.",
    ),
    "unknown parameter": (("--data", "digits", "--cluster", "kmeans:k=3"), "n_clusters"),
    "missing data": (("--data", "nowhere"), "got nowhere"),
    "no data": ((), "--data"),
    "empty folder": (("--data", "{tmp}/empty"), "empty"),
    "one image": (("--data", "{tmp}/one"), "at least 2"),
    "k larger than n": (
        (*GREEN, *SIMPLE, "--cluster", "kmeans:n_clusters=41"),
        "n_clusters: got 41, allowed is at most 40",
    ),
    "weights that are no numbers": ((*GREEN, "--weights", "1,a"), "weights: got 1,a"),
    "weights below 0": (
        (*GREEN, "--descriptor", "hog+lbp", "--weights", "1,-1"),
        "numbers of at least 0",
    ),
    "too few weights": ((*GREEN, "--descriptor", "hog+lbp", "--weights", "1"), "weights: got 1"),
    "columns of what has none": (("--data", "digits", "--label-column", "a"), ".csv"),
    "out is a file": ((*GREEN, *SIMPLE, "--out", "{tmp}/file"), "not a folder"),
}


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with bad input."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "empty").mkdir()
    (folder / "one").mkdir()
    (folder / "file").touch()
    shutil.copy(ROOT / "sample_data" / "green_star" / "green_star_00.png", folder / "one")
    return folder


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_one_line_and_exit_status_2(what: str, home: Path, bad: Path) -> None:
    arguments, said = WRONG[what]
    given = [argument.format(tmp=bad) for argument in arguments]
    if "--out" not in given:
        given += ["--out", str(bad / "out")]
    done = command(home, "run", *given)
    assert done.status == 2, done.lines
    assert len(done.lines) == 1, done.lines
    assert done.lines[0].startswith("error: ")
    assert said in done.lines[0]
    assert not (bad / "out").exists()  # nothing was written
    assert done.out == ""


def test_one_failure_does_not_stop_the_others(home: Path, tmp_path: Path) -> None:
    """Plain white images have no keypoints, which sift cannot do without."""
    import cv2

    (tmp_path / "plain").mkdir()
    for i in range(6):
        cv2.imwrite(str(tmp_path / "plain" / f"{i}.png"), np.full((80, 80), 40 * i, np.uint8))
    done = command(
        home, "run", "--data", tmp_path / "plain", "--descriptor", "sift", "--descriptor",
        "gray_histogram", "--reduce", "none", "--cluster", "kmeans:n_clusters=2",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.status == 2
    assert done.lines[-1].startswith("error: sift: no image has a single keypoint")
    assert [row["descriptor"] for row in rows(tmp_path / "out" / "results.csv")] == [
        "gray_histogram"
    ]


# Ctrl-C ------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_ctrl_c_keeps_what_was_finished(tmp_path: Path) -> None:
    home = tmp_path / "home"
    asked = ["run", "--data", "digits", "--descriptor", "gray_histogram:bins=200", "--reduce"]
    asked += ["none", "--cluster", "kmeans_lloyd:n_init=100", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "core", *asked],
        cwd=ROOT,
        env={**os.environ, "FACETTE_HOME": str(home)},
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("computed outliers"):
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(60) == 130
    assert rest.startswith("error: stopped") and len(rest.splitlines()) == 1
    assert not (tmp_path / "out" / "results.csv").exists()
    assert list((home / "tmp").iterdir()) == []
    entries = [path for path in (home / "entries").glob("*/*")]
    assert len(entries) >= 2 and all((path / "meta.json").exists() for path in entries)

    asked[asked.index("kmeans_lloyd:n_init=100")] = "kmeans_lloyd:n_init=1"
    again = command(home, *asked)
    assert again.status == 0
    assert again.stages("computed") == ["labels", "metrics", "map"]
    assert again.stages("cached")[:3] == ["open", "block", "outliers"]


# components --------------------------------------------------------------------------------------


def test_components_lists_everything(home: Path) -> None:
    done = command(home, "components")
    assert done.status == 0
    assert done.lines == []
    for text in ("DESCRIPTOR", "  hog: ", "OUTLIERS", "REDUCER", "  umap: ", "CLUSTERER"):
        assert text in done.out
    assert "orientations=9  Directions told apart. (a whole number from 1 to 36)" in done.out
