"""CSV files as people write them, and as they should not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.datasets import is_inspected, open_dataset, source_from
from core.datasets.table import columns_of, guess_columns, matches
from core.errors import InputError
from core.events import Event
from core.store import Store
from core.types import UNLABELLED, Dataset

Draw = Callable[..., bytes]
Fill = Callable[[Path, dict[str, bytes]], Path]


@pytest.fixture
def root(tmp_path: Path, draw: Draw, fill: Fill) -> Path:
    return fill(tmp_path / "r", {"i/a.png": draw(1), "i/b.png": draw(2), "c,d.png": draw(3)})


def opened(
    root: Path, store: Store, text: str | bytes, label: str = "", *texts: str, image: str = "image"
) -> Dataset:
    path = root / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_dataset(source_from(str(path), image, label, texts), store)


def test_rows_keep_their_order_labels_and_texts(root: Path, store: Store) -> None:
    text = (
        'image,label,title,more\ni/b.png,y,"two\nlines, quoted",1\n'
        '"c,d.png", ,,\ni/a.png,x,=cmd(),"a ""b"""\n\n'
    )
    dataset = opened(root, store, text, "label", "title", "more")
    assert dataset.ids == ("i/b.png", "c,d.png", "i/a.png") and dataset.name == "t"
    assert dataset.labels is not None and dataset.labels.tolist() == [1, UNLABELLED, 0]
    assert dataset.class_names == ("x", "y")
    assert dataset.texts == ("two\nlines, quoted\n1", "", '=cmd()\na "b"')
    plain = opened(root, store, text)
    assert plain.labels is None and plain.texts is None
    assert plain.images_key == dataset.images_key


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_delimiters(
    root: Path, store: Store, encoding: str, delimiter: str, end: str
) -> None:
    rows = (("image", "étiquette"), ("i/a.png", "été"), ("i/b.png", "hiver"))
    text = end.join(delimiter.join(row) for row in rows)
    dataset = opened(root, store, text.encode(encoding), "étiquette")
    assert dataset.class_names == ("hiver", "été")


def test_bad_rows_are_listed_and_the_rest_is_used(
    root: Path, store: Store, draw: Draw, fill: Fill
) -> None:
    fill(root.parent, {"outside.png": draw(9)})
    (root / "link").symlink_to(root.parent)
    (root / "i" / "text.png").write_text("hello")
    outside = ("../outside.png", f"{root.parent}/outside.png", "link/outside.png", "/etc/passwd")
    bad = (*outside, "gone.png", "i", "i/text.png", "a\0.png")
    lines = ["image,n", *(f"{name},1" for name in bad), "i/a.png,1,2,3", ",1", "i/a.png,1"]
    dataset = opened(root, store, "\n".join(lines))
    assert dataset.ids == ("i/a.png",)
    reasons = {r.id: r.reason for r in dataset.rejected}
    assert set(reasons) == {*bad, "row 10", "row 11"}
    assert all("outside" in reasons[name] for name in outside)
    assert "not exist" in reasons["gone.png"] and "not a JPEG" in reasons["i/text.png"]
    assert "4 fields" in reasons["row 10"] and "no image is named" in reasons["row 11"]


def test_one_file_in_several_rows(root: Path, store: Store) -> None:
    absolute = root / "i" / "a.png"
    text = f"image,label\ni/a.png,x\n./i//a.png,y\ni\\a.png,x\n{absolute},z\ni/b.png,x\n"
    events: list[Event] = []
    (root / "t.csv").write_text(text)
    dataset = open_dataset(source_from(str(root / "t.csv"), "image", "label"), store, events.append)
    assert dataset.ids == ("i/a.png", "i/a.png#2", "i/a.png#3", "i/a.png#4", "i/b.png")
    assert events[-1].total == 2  # files that were read
    assert dataset.labels is not None and dataset.labels.tolist() == [0, 1, 0, 2, 0]


def test_columns_that_are_not_there(root: Path, store: Store) -> None:
    text = "picture,kind\ni/a.png,x\n"
    with pytest.raises(InputError, match=r"image column: got image, .*picture, kind"):
        opened(root, store, text)
    with pytest.raises(InputError, match=r"label column: got label, .*picture, kind"):
        opened(root, store, text, "label", image="picture")
    with pytest.raises(InputError, match="text column: got words"):
        opened(root, store, text, "kind", "words", image="picture")
    assert opened(root, store, text, image="").ids == ("i/a.png",)  # found by its values
    with pytest.raises(InputError, match=r"none was given.*size, kind"):
        opened(root, store, "size,kind\n1,2\n", image="")


def test_files_that_are_no_table(root: Path, store: Store) -> None:
    for text in (b"", b"\n\n", b"image,label\n", bytes(range(128, 256)) * 9):
        with pytest.raises(InputError):
            opened(root, store, text)
    with pytest.raises(InputError, match="no readable image"):
        opened(root, store, "image\nnowhere.png\n")


def test_a_second_opening_reads_no_image(root: Path, store: Store) -> None:
    opened(root, store, "image\ni/a.png\ni/b.png\n")
    source = source_from(str(root / "t.csv"), "image")
    events: list[Event] = []
    assert is_inspected(source, store)
    open_dataset(source, store, events.append)
    assert [e.status for e in events] == ["cached"]


def test_guessed_columns(root: Path) -> None:
    path = root / "g.csv"
    rows = "".join(f"{i},{'ab'[i % 2]},x{i}.jpg,a fairly long text number {i}\n" for i in range(9))
    path.write_text("id,kind,file,words\n" + rows)
    assert guess_columns(path) == ("file", "kind", ("words",))
    path.write_text("a,b\n1,2\n")
    assert guess_columns(path) == ("", "", ())


def test_flipkart(shared_data: Path, store: Store) -> None:
    path = shared_data / "flipkart1050" / "products.csv"
    assert guess_columns(path) == ("image", "label", ("title", "description"))
    source = source_from(str(path), "image", "label", ("title", "description"))
    dataset = open_dataset(source, store)
    assert len(dataset) == 1047 and len(dataset.class_names) == 7
    assert [r.reason for r in dataset.rejected] == ["the file does not exist"] * 3
    assert len(dataset.digests) - len(set(dataset.digests)) == 16
    assert dataset.texts is not None and dataset.texts[0].startswith("Elegance Polyester")


def test_columns_of_a_tsv(root: Path, store: Store) -> None:
    path = root / "t.TSV"
    path.write_text("file\tkind\n" + "i/a.png\tx\ni/b.png\ty\n" * 6)
    assert matches(str(path)) and columns_of(path) == ["file", "kind"]
    assert guess_columns(path) == ("file", "kind", ())
    dataset = open_dataset(source_from(str(path), "file", "kind"), store)
    assert dataset.class_names == ("x", "y")
    with pytest.raises(InputError, match=r"a \.csv or \.tsv"):
        source_from(str(root), "file")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("a," * 100_000, "100,001 columns, more than 1,000"),
        ('"' + "x" * 10_000_001, "ield larger"),
        ("image\n" + "x" * 10_000_001, "ield larger"),
    ],
)
def test_hostile_columns(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as raised:
        columns_of(path)
        guess_columns(path)
    assert len(str(raised.value)) < 1000


def test_a_zero_byte_names_no_file(root: Path, store: Store) -> None:
    dataset = opened(root, store, "image,label\0\ni/a.png\0,x\ni/b.png,y\n", "label\0")
    assert dataset.ids == ("i/b.png",) and "zero byte" in dataset.rejected[0].reason


def test_there_is_a_limit_to_rows(
    root: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.datasets.table.MAX_FILES", 3)
    assert len(opened(root, store, "image\n" + "i/a.png\n" * 3)) == 3
    for name in ("i/a.png", "gone.png"):  # rows that are left out count as well
        with pytest.raises(InputError, match="at most 3 rows"):
            opened(root, store, "image\n" + f"{name}\n" * 4)
