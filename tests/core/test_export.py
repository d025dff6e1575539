"""What is written: tables, files of a run, workbooks, sorted images."""

from __future__ import annotations

import csv
import io
import json
import time
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from core import export, files, sorting, tables, workbook
from core.errors import InputError
from core.runs import Keys, RunConfig, RunResult
from core.store import Store
from core.types import NOISE, OUTLIER, Dataset, FeatureMatrix, Source

DESIGN_COLUMNS = (
    "run,dataset,descriptor,outliers,reducer,clusterer,n_images,n_clusters,coverage,"
    "ami,ari,rand,nmi,mutual_info,jaccard,fowlkes_mallows,homogeneity,completeness,v_measure,"
    "purity,entropy,accuracy,silhouette,davies_bouldin,calinski_harabasz,seconds"
)
HOSTILE = (
    "=cmd|' /C calc'!A0.png", "+1.png", "-2.png", "@x.png", "\tt.png", "\rr.png", "'quoted.png",
    'a,"b"\nc.png', "../../etc/passwd", "/abs/x.jpg", "CON.png", "con.PNG", "ends. ", "x\\y.png",
    "\N{SNOWMAN}\N{GRINNING FACE}.gif", "a/b.jpg", "a_b.jpg", "l\u202egnp.exe", "é" * 200 + ".webp",
    "bad\udcff.png",
)  # fmt: skip


def make_dataset(ids: tuple[str, ...], labelled: bool = True, original: bool = False) -> Dataset:
    """Small grey images, 8 x 8; image i is filled with i, its file is the text of its number."""
    n = len(ids)
    return Dataset(
        name="test",
        source=Source("digits"),
        ids=ids,
        sizes=np.full((n, 2), 8, np.int32),
        read=lambda i, size: np.full((8, 8), i % 256, np.uint8),
        images_key="0" * 32,
        labels=np.array([-1 if i == 1 else i % 2 for i in range(n)], np.int32)
        if labelled
        else None,
        class_names=("=even", "odd") if labelled else (),
        original=(lambda i: f"file {i}".encode()) if original else None,
    )


def make_result(
    store: Store,
    labels: np.ndarray,
    metrics: dict[str, float | None],
    number: int = 0,
    **config: str,
) -> RunResult:
    """A finished run as the pipeline leaves it: coordinates 0.1 i, distances i / 3."""
    n = len(labels)
    keys = [f"{number:016x}{i:016x}" for i in range(6)]
    distance = np.where(labels < 0, np.nan, np.arange(n) / 3).astype(np.float32)
    coords = (np.arange(3 * n).reshape(n, 3) / 10).astype(np.float32)
    store.put(keys[2], {"values": coords[:, :2]})
    store.put(keys[3], {"values": coords})
    store.put(keys[4], {"labels": labels.astype(np.int32), "distance": distance})
    return RunResult(
        config=RunConfig(**{"descriptor": "hog", "reducer": "pca:n_components=2", **config}),
        keys=Keys({"hog": keys[0]}, keys[0], keys[1], keys[2], keys[3], keys[4], keys[5]),
        n_images=n,
        n_clusters=len(np.unique(labels[labels >= 0])),
        metrics=metrics,
        seconds=1.23456,
        about={"k_chosen_by": "the user"},
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", layers=())


@pytest.fixture
def hostile(store: Store) -> tuple[Dataset, RunResult]:
    labels = np.array([i % 3 for i in range(len(HOSTILE))])
    labels[3], labels[4] = NOISE, OUTLIER
    result = make_result(store, labels, {"coverage": 0.9, "ami": 1 / 3, "silhouette": 0.25})
    return make_dataset(HOSTILE), result


def test_results_columns_stand_as_designed(store: Store) -> None:
    result = make_result(store, np.array([0, 1, 0]), {"ami": 1 / 3, "coverage": 1.0})
    text = export.results_csv(export.results_rows(make_dataset(("a", "b", "c")), [result]))
    header, row = text.splitlines()
    assert header == DESIGN_COLUMNS
    read = dict(zip(header.split(","), row.split(","), strict=True))
    assert read["run"] == "01-hog-pca-kmeans"
    assert read["reducer"] == "pca:n_components=2"
    assert read["outliers"] == "none"
    assert read["ami"] == "0.3333333333"
    assert read["coverage"] == "1"
    assert read["ari"] == ""
    assert read["seconds"] == "1.235"


def test_run_names_are_unique_plain_and_say_who_chose_k(store: Store) -> None:
    labels = np.array([0, 1, 2])
    asked = make_result(store, labels, {}, descriptor="sift:k=5+lbp", outliers="isolation_forest")
    chosen = make_result(store, labels, {}, descriptor="hog:size=32", reducer="none")
    object.__setattr__(chosen, "about", {"k_chosen_by": "silhouette"})
    long = make_result(store, labels, {}, descriptor="+".join(["gray_histogram"] * 20))
    names = export.run_names([asked, chosen, chosen, long])
    assert names[0] == "01-sift+lbp-isolation_forest-pca-kmeans"
    assert names[1] == "02-hog-kmeans-k3-by-silhouette"
    assert len(set(names)) == 4
    assert all(len(name) <= 90 for name in names)
    hundred = export.run_names([chosen] * 100)
    assert hundred[0].startswith("001-") and hundred == sorted(hundred)


@pytest.mark.filterwarnings("error")
def test_clusters_csv_is_harmless_and_joins_back(
    hostile: tuple[Dataset, RunResult], store: Store
) -> None:
    text = export.clusters_csv(*hostile, store)
    frame = pd.read_csv(
        io.StringIO(text, newline=""), dtype={"id": str, "label": str}, keep_default_na=False,
        na_values={"distance": [""]},
    )  # fmt: skip
    assert list(frame.columns) == ["id", "label", "cluster", "outlier", "x", "y", "z", "distance"]
    assert not frame["id"].str.match(r"[=+\-@\t\r\n]").any()
    assert not frame["label"].str.startswith("=").any()
    written = [*HOSTILE[:-1], "bad\\udcff.png"]  # no UTF-8 text can hold the last name itself
    assert [files.original_text(cell) for cell in frame["id"]] == written
    assert frame["label"][0] == "'=even"
    assert frame["label"][1] == ""  # this image has no label
    assert frame["cluster"].tolist()[:6] == [0, 1, 2, -1, -2, 2]
    assert frame["outlier"].tolist()[:6] == [0, 0, 0, 0, 1, 0]
    assert frame["distance"].isna().tolist()[:6] == [False, False, False, True, True, False]
    assert np.array_equal(
        frame["y"].to_numpy(np.float32), (np.arange(20) * 3 + 1).astype("f4") / 10
    )


def test_csv_reads_the_same_with_the_csv_module() -> None:
    cells = ["\r", "a\rb", 'q"q', "1,2", "\n", "", "-", "'", "nul\0"]
    text = files.csv_text(["a"], [[c] for c in cells])
    read = [row[0] if row else "" for row in csv.reader(io.StringIO(text, newline=""))][1:]
    assert [files.original_text(c) for c in read] == [*cells[:-1], "nul\N{REPLACEMENT CHARACTER}"]


def test_files_of_a_run(hostile: tuple[Dataset, RunResult], store: Store, tmp_path: Path) -> None:
    dataset, result = hostile
    values = np.random.default_rng(0).random((20, 7)).astype(np.float32)
    entry = store.put("f" * 32, {"values": values})
    matrix = FeatureMatrix(entry.array("values"), {"hog": (0, 7)})
    folder = export.write_run(tmp_path / "out", "01-hog", dataset, result, store, matrix)
    assert folder == tmp_path / "out" / "runs" / "01-hog"
    assert sorted(p.name for p in folder.iterdir()) == [
        "clusters.csv", "config.json", "features.npy", "labels.npy", "metrics.json",
        "reduced_features.npy",
    ]  # fmt: skip
    assert np.array_equal(np.load(folder / "features.npy"), values)
    assert np.load(folder / "reduced_features.npy").shape == (20, 2)
    labels = np.load(folder / "labels.npy")
    assert labels.dtype == np.int32 and labels[3] == NOISE and labels[4] == OUTLIER
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert metrics["ami"] == 1 / 3 and metrics["ari"] is None and metrics["n_clusters"] == 3
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert config["facette"] and config["dataset_key"] == dataset.key
    assert Source.from_json(config["source"]) == dataset.source
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    (folder / "mine.txt").write_text("kept")
    export.write_run(tmp_path / "out", "01-hog", dataset, result, store, matrix)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before | {"mine.txt": b"kept"}


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("important")
    for target in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="output folder"):
            export.check_target(target)
        with pytest.raises(InputError, match="output folder"):
            files.output_folder(target)
    assert (tmp_path / "file").read_text() == "important"
    export.check_target(tmp_path / "new" / "deeper")
    assert not (tmp_path / "new").exists()
    (tmp_path / "results.csv").mkdir()
    with pytest.raises(InputError, match=r"results\.csv"):
        files.write_text(tmp_path / "results.csv", "x")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_metrics_workbook_opens_and_marks_the_best(store: Store) -> None:
    labels = np.array([0, 1, 0])
    results = [
        make_result(store, labels, {"ami": 0.5, "davies_bouldin": 0.7, "coverage": 1.0}, 1),
        make_result(store, labels, {"ami": 0.9, "davies_bouldin": 1.5, "coverage": 1.0}, 2),
    ]
    rows = export.results_rows(make_dataset(("a", "b", "c")), results)
    content = export.metrics_workbook(rows)
    time.sleep(1.1)  # a clock inside would show
    assert export.metrics_workbook(rows) == content
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book["Metrics"]
    heads = [cell.value for cell in sheet[1]]
    assert ",".join(heads) == DESIGN_COLUMNS
    ami, davies = heads.index("ami") + 1, heads.index("davies_bouldin") + 1
    assert sheet.cell(3, ami).value == 0.9
    bold = [[sheet.cell(row, column).font.b for column in (ami, davies)] for row in (2, 3)]
    assert bold == [[False, True], [True, False]]  # high AMI is good, low Davies-Bouldin is good
    assert "*" in sheet.cell(3, ami).number_format
    assert not sheet.cell(2, heads.index("coverage") + 1).font.b  # equal everywhere
    assert book["About"].max_row >= 17


def test_clusters_workbook_keeps_hostile_text_as_text(
    hostile: tuple[Dataset, RunResult], store: Store
) -> None:
    dataset, result = hostile
    content = export.clusters_workbook(dataset, [result, result], store)
    assert content == export.clusters_workbook(dataset, [result, result], store)
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["01-hog-pca-kmeans", "02-hog-pca-kmeans"]
    sheet = book.worksheets[0]
    assert sheet.max_row == 1 + len(HOSTILE)
    assert sheet["A2"].value == HOSTILE[0] and sheet["A2"].data_type == "s"
    assert sheet["B2"].value == "=even" and sheet["B2"].data_type == "s"
    assert [cell.value for cell in sheet[5]][2:4] == [-1, 0]
    assert sheet["H5"].value is None  # noise has no centre
    assert pd.read_excel(io.BytesIO(content))["x"].iloc[-1] == pytest.approx(5.7)


def test_a_run_with_too_many_rows_goes_on_on_the_next_sheet(
    hostile: tuple[Dataset, RunResult], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MAX_ROWS", 12)
    content = export.clusters_workbook(hostile[0], [hostile[1]], store)
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["01-hog-pca-kmeans", "01-hog-pca-kmeans (2)"]
    assert [sheet.max_row for sheet in book.worksheets] == [12, 10]


def test_sheet_names_are_what_excel_allows() -> None:
    taken: set[str] = set()
    names = [
        workbook.sheet_name(n, taken) for n in ("a" * 40, "A" * 40, "[]:*?/\\", "History", "''")
    ]
    assert names == ["a" * 31, "A" * 27 + " (2)", "_______", "History_", "sheet"]


def test_zip_members_are_safe_unique_and_the_files_themselves(
    hostile: tuple[Dataset, RunResult], store: Store, tmp_path: Path
) -> None:
    _, result = hostile
    dataset = make_dataset(HOSTILE, original=True)
    export.sort_images_zip(dataset, result, store, tmp_path / "a.zip")
    buffer = io.BytesIO()
    export.sort_images_zip(dataset, result, store, buffer)
    assert buffer.getvalue() == (tmp_path / "a.zip").read_bytes()
    with zipfile.ZipFile(buffer) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        table = archive.read("clusters.csv").decode()
        contents = [archive.read(name) for name in names[:-1]]
    assert contents == [f"file {i}".encode() for i in range(len(HOSTILE))]
    assert len({name.casefold() for name in names}) == len(HOSTILE) + 1
    assert {name.split("/")[0] for name in names[:-1]} == {
        "cluster-00", "cluster-01", "cluster-02", "noise", "outliers",
    }  # fmt: skip
    for name in names[:-1]:
        _, file = name.split("/")
        assert not set(file) & set('<>:"\\|?*\n\r\t\u202e') and len(file.encode()) <= 160
        assert not file.startswith((".", "-", "con.", "CON.")) and not file.endswith((".", " "))
    frame = pd.read_csv(io.StringIO(table, newline=""), dtype=str, keep_default_na=False)
    ids = [files.original_text(cell) for cell in frame["id"]]
    assert dict(zip(ids[:-1], frame["file"], strict=False)) == dict(
        zip(HOSTILE[:-1], names, strict=False)
    )


def test_images_without_files_are_written_as_png(store: Store, tmp_path: Path) -> None:
    import cv2

    dataset = make_dataset(("digit-0", "digit-1", "digit-2.png"))
    result = make_result(store, np.array([0, 0, 1]), {})
    folder = export.sort_images(dataset, result, store, tmp_path / "sorted")
    assert sorted(p.name for p in (folder / "cluster-00").iterdir()) == [
        "digit-0.png",
        "digit-1.png",
    ]
    picture = cv2.imread(str(folder / "cluster-01" / "digit-2.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(picture, dataset.read(2, None))


def test_sorting_again_moves_images_and_keeps_what_is_not_ours(
    store: Store, tmp_path: Path
) -> None:
    dataset = make_dataset(("a.jpg", "b.jpg"), original=True)
    folder = tmp_path / "sorted"
    export.sort_images(dataset, make_result(store, np.array([0, 1]), {}, 1), store, folder)
    (folder / "cluster-01" / "note.txt").write_text("mine")
    export.sort_images(dataset, make_result(store, np.array([0, 0]), {}, 2), store, folder)
    there = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert there == [
        sorting.MARKER, "cluster-00/a.jpg", "cluster-00/b.jpg", "cluster-01/note.txt",
        "clusters.csv",
    ]  # fmt: skip
    (folder / "cluster-01" / "note.txt").unlink()
    marker = json.loads((folder / sorting.MARKER).read_text())
    marker["files"] += ["../outside.txt", "cluster-00/../../outside.txt", 3]
    (tmp_path / "outside.txt").write_text("safe")
    (folder / sorting.MARKER).write_text(json.dumps(marker))
    export.sort_images(dataset, make_result(store, np.array([0, 0]), {}, 3), store, folder)
    assert (tmp_path / "outside.txt").read_text() == "safe"


def test_sorting_refuses_folders_that_are_not_ours(store: Store, tmp_path: Path) -> None:
    dataset = make_dataset(("a.jpg", "b.jpg"), original=True)
    result = make_result(store, np.array([0, 1]), {})
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("full", "file"):
        with pytest.raises(InputError, match="folder for sorted images"):
            export.sort_images(dataset, result, store, tmp_path / name)
    object.__setattr__(dataset, "source", Source("folder", str(tmp_path / "photos")))
    (tmp_path / "photos").mkdir()
    for target in (tmp_path / "photos", tmp_path / "photos" / "sorted"):
        with pytest.raises(InputError, match="outside"):
            export.sort_images(dataset, result, store, target)
    assert not list((tmp_path / "photos").iterdir())


def test_metrics_text_is_aligned_marked_and_fits(store: Store) -> None:
    labels = np.array([0, 1, 0])
    good = {"coverage": 1.0, "ami": 0.9, "ari": 0.8, "nmi": 0.9, "v_measure": 0.9,
            "accuracy": 0.95, "silhouette": 0.5}  # fmt: skip
    weak = {name: value / 2 for name, value in good.items()} | {"coverage": 1.0}
    results = [
        make_result(store, labels, weak, 1, descriptor="gray_histogram"),
        make_result(store, labels, good, 2, descriptor="hog:size=32"),
    ]
    dataset = make_dataset(("a", "b", "c"))
    text = export.metrics_text(dataset, results)
    lines = text.splitlines()
    assert lines[0] == "3 images of test; reducer pca:n_components=2; clusterer kmeans"
    head, first, second = lines[2], lines[4], lines[5]
    assert head.split()[:4] == ["run", "descriptor", "k", "ami"]
    assert "hog:size=32" in second and "0.900*" in second and "0.450 " in first
    assert head.index("ami") + 3 == second.index("0.900*") + 6
    narrow = export.metrics_text(dataset, results, width=70).splitlines()
    assert max(map(len, narrow[2:])) <= 70 and "ami" in narrow[2]
    unlabelled = [make_result(store, labels, {"coverage": 0.5, "silhouette": 0.3}, 3)]
    text = export.metrics_text(make_dataset(("a", "b", "c"), labelled=False), unlabelled)
    assert "silhouette" in text and "ami" not in text and "coverage" in text and "*" not in text


def test_a_part_that_the_store_lost_is_said(
    hostile: tuple[Dataset, RunResult], tmp_path: Path
) -> None:
    with pytest.raises(tables.FacetteError, match="no longer in the store"):
        export.clusters_csv(*hostile, Store(tmp_path / "empty", layers=()))


def test_a_whole_comparison_is_written_twice_the_same(store: Store, tmp_path: Path) -> None:
    from core import pipeline
    from core.datasets import open_dataset
    from core.runs import Comparison

    comparison = Comparison(
        Source("digits"), ("gray_histogram", "raw_pixels"), ("kmeans:n_init=1",), reducer="none"
    )
    digits = open_dataset(comparison.source, store)
    finished, failed = pipeline.compare(digits, comparison, store)
    assert not failed
    for name in ("a", "b"):
        export.write_results(tmp_path / name, digits, finished, store, excel=True)
    written = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert len(written) == 3 + 2 * 6
    for path in written:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
    table = pd.read_csv(tmp_path / "a" / "results.csv")
    assert ",".join(table.columns) == DESIGN_COLUMNS
    assert table["ami"][1] > table["ami"][0] + 0.3  # digits differ in shape, not in brightness
    run = tmp_path / "a" / "runs" / table["run"][1]
    assert np.load(run / "features.npy").shape == (1797, 64)
    clusters = pd.read_csv(run / "clusters.csv")
    assert np.array_equal(clusters["cluster"], np.load(run / "labels.npy"))
    assert clusters["distance"].notna().all()
