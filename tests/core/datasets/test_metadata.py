"""Metadata as they come: nested JSON, category paths, wrong rows, hostile files; and the finder."""

from __future__ import annotations

import csv
import json
import os
import time

import pytest

from core.datasets import json_folder
from core.datasets.finder import Finder
from core.datasets.metadata import fields, read
from core.errors import Cancelled, InputError


def put(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def product(kind, **more):
    return {"data": {"id": 1, "subCategory": {"typeName": kind}, **more}}


def as_csv(path, *rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def told(records):
    return {r.where: (r.image, r.value, r.problem) for r in records}


# A folder of JSON files --------------------------------------------------------------------------


def test_a_dotted_path_reaches_into_every_file(tmp_path):
    put(tmp_path, "1.json", product("Topwear"))
    put(tmp_path, "2.json", product("  Shoes\n "))
    put(tmp_path, "more/3.JSON", product(7))
    put(tmp_path, "note.txt", "not one of them")
    assert told(read(tmp_path, "data.subCategory.typeName")) == {
        "1.json": ("1", "Topwear", ""),
        "2.json": ("2", "Shoes", ""),
        "more/3.JSON": ("more/3", "7", ""),
    }


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "the file is empty"),
        ("{", "the file is no JSON"),
        ("[" * 100_000, "the file is no JSON"),
        ("{}", "the entry has no such field"),
        ('{"data": {"subCategory": {"typeName": null}}}', "the field is empty"),
        ('{"data": {"subCategory": {"typeName": {"a": 1}}}}', "the field holds other fields"),
        ('{"data": {"subCategory": {"typeName": ["a", "b"]}}}', "the field holds other fields"),
        (json.dumps(product("x" * 201)), "more than 200 characters"),
        (json.dumps(product("x" * 1_000_001)), "more than the 1 MB allowed"),
    ],
)
def test_a_bad_file_has_its_reason_and_stops_nothing(tmp_path, content, problem):
    put(tmp_path, "good.json", product("Topwear"))
    put(tmp_path, "odd.json", content)
    records = told(read(tmp_path, "data.subCategory.typeName"))
    assert records["good.json"] == ("good", "Topwear", "")
    assert records["odd.json"][1] == "" and problem in records["odd.json"][2]


def test_no_link_leads_out_of_the_folder(tmp_path):
    secret = put(tmp_path / "elsewhere", "secret.json", product("Secret"))
    put(tmp_path / "styles", "1.json", product("Topwear"))
    (tmp_path / "styles" / "2.json").symlink_to(secret)
    (tmp_path / "styles" / "linked").symlink_to(secret.parent)
    os.mkfifo(tmp_path / "styles" / "3.json")  # opening it would wait for ever
    records = told(read(tmp_path / "styles", "data.subCategory.typeName"))
    assert [r[1] for r in records.values()] == ["Topwear", "", ""]
    assert records["2.json"][2] == "a link that leads out of the folder"
    assert records["3.json"][2] == "not a regular file"


def test_keys_with_dots_lists_and_an_image_field_of_its_own(tmp_path):
    put(tmp_path, "1.json", {"a.b": {"kinds": ["red", "blue"]}, "photo": "p/one.jpg"})
    put(tmp_path, "2.json", {"a.b": {"kinds": ["green"]}, "photo": "p/two.jpg"})
    records = told(read(tmp_path, "a.b.kinds.0", image_column="photo"))
    assert records == {"1.json": ("p/one.jpg", "red", ""), "2.json": ("p/two.jpg", "green", "")}


def test_fields_come_with_examples_from_a_sample(tmp_path):
    for i in range(600):
        kind = "Topwear" if i % 3 else "Shoes"
        put(tmp_path, f"{i:03}.json", product(kind, name=f"Product {i}", none=None))
    found = {field.path: field for field in fields(tmp_path)}
    assert list(found) == ["data.id", "data.subCategory.typeName", "data.name", "data.none"]
    kind = found["data.subCategory.typeName"]
    assert kind.examples == ("Topwear", "Shoes")
    assert (kind.distinct, kind.filled, kind.sorts) == (2, 500, True)
    assert found["data.name"].distinct == 500 and not found["data.name"].sorts
    assert (found["data.none"].filled, found["data.none"].examples) == (0, ())


def test_a_deep_or_wide_file_has_bounded_fields(tmp_path):
    deep = "1"
    for _ in range(200):
        deep = f'{{"a": {deep}}}'
    put(tmp_path, "deep.json", deep)
    put(tmp_path, "wide.json", {f"k{i}": i for i in range(5000)})
    assert len(fields(tmp_path)) <= json_folder.MAX_FIELDS


@pytest.mark.parametrize("given", ["nowhere", "empty", "image.jpg"])
def test_what_is_no_metadata_is_one_message(tmp_path, given):
    (tmp_path / "empty").mkdir()
    (tmp_path / "image.jpg").write_bytes(b"x")
    for look in (lambda: fields(tmp_path / given), lambda: read(tmp_path / given, "a")):
        with pytest.raises(InputError, match="metadata: got"):
            look()


def test_a_wrong_field_is_told_with_those_there_are(tmp_path):
    put(tmp_path, "1.json", product("Topwear"))
    with pytest.raises(InputError, match=r"data\.subCategory\.typeName"):
        read(tmp_path, "data.subCategory")
    table = as_csv(tmp_path / "a.csv", ["image", "kind"], ["1.jpg", "x"])
    with pytest.raises(InputError, match="field: got sort, allowed is one of image, kind"):
        read(table, "sort")
    with pytest.raises(InputError, match="image column: got photo"):
        read(table, "kind", image_column="photo")
    with pytest.raises(InputError, match="level"):
        read(table, "kind", level=0)


def test_reading_can_be_cancelled(tmp_path):
    put(tmp_path, "1.json", product("Topwear"))

    def stop(event):
        raise Cancelled

    with pytest.raises(Cancelled):
        read(tmp_path, "data.subCategory.typeName", emit=stop)


# A CSV -------------------------------------------------------------------------------------------


def test_rows_have_their_image_and_value_or_a_reason(tmp_path):
    table = as_csv(
        tmp_path / "a.csv", ["id", "image", "kind"],
        ["1", "x/1.jpg", "Shoes"], ["2", "2.jpg", "  "], ["3", "3.jpg"],
    )  # fmt: skip
    assert told(read(table, "kind")) == {
        "row 2": ("x/1.jpg", "Shoes", ""),
        "row 3": ("2.jpg", "", "the field is empty"),
        "row 4": ("", "", "the row has 2 fields where the header has 3"),
    }


@pytest.mark.parametrize(
    ("header", "cells", "column"),
    [
        (["id", "Filename", "kind"], ["1", "a", "x"], 1),
        (["id", "path", "kind"], ["1", "a", "x"], 1),
        (["id", "photo", "kind"], ["1", "a.jpg", "x"], 1),  # by what it holds
        (["kind", "name", "id"], ["x", "n", "15970"], 2),
    ],
)
def test_the_image_column_is_found(tmp_path, header, cells, column):
    (record,) = read(as_csv(tmp_path / "a.csv", header, cells), "kind")
    assert record.image == cells[column]


def test_no_image_column_is_one_message(tmp_path):
    with pytest.raises(InputError, match="image column"):
        read(as_csv(tmp_path / "a.csv", ["kind", "words"], ["x", "y"]), "kind")


def test_a_category_path_is_cut(tmp_path):
    paths = ['["Watches >> Wrist Watches >> Titan"]', "Watches", '["broken', '["A >> B"]', " >> B"]
    table = as_csv(tmp_path / "a.csv", ["image", "tree"], *([f"{p}.jpg", p] for p in paths))
    one = [r.value for r in read(table, "tree", level=1)]
    assert one == ["Watches", "Watches", '["broken', "A", ""]
    two = [(r.value, r.problem) for r in read(table, "tree", level=2)]
    assert two[0] == ("Watches - Wrist Watches", "")
    assert two[1] == ("", "the path has fewer than 2 levels")
    assert two[3] == ("A - B", "")


# The image that an entry means -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("images/1.jpg", 0),  # relative to the CSV
        ("1.jpg", 0),
        ("1", 0),
        ("/data/images/1.jpg", 0),
        ("http://shop.example/pictures/1.jpg", 0),
        ("images\\1.jpg", 0),
        ("sub/2.png", 1),
        ("2.png", 1),  # the only one of that name
        ("sub/2", 1),
        ("3", "several"),  # 3.jpg and 3.png
        ("4.jpg", "several"),
        ("other/2.png", "no such"),  # the one that there is lies elsewhere
        ("", "no image"),
        ("../../etc/passwd", "no such"),
        ("a\0b", "no such"),
        ("/" * 100_000, "no such"),
    ],
)
def test_the_finder(written, found):
    paths = ["1.jpg", "sub/2.png", "3.jpg", "3.png", "a/4.jpg", "b/4.jpg"]
    answer = Finder(paths, "/data/images", "/data").find(written)
    assert answer == found if isinstance(found, int) else found in answer


def test_finding_many_takes_no_square():
    paths = [f"{i % 100}/{i}.jpg" for i in range(50_000)]
    begin = time.process_time()
    finder = Finder(paths, "/data/images", "/data")
    assert [finder.find(f"{i}") for i in range(0, 50_000, 10)] == list(range(0, 50_000, 10))
    assert time.process_time() - begin < 10


def test_the_real_metadata_agree(shared_data):
    myntra = shared_data / "myntra"
    nested = {r.image: r.value for r in read(myntra / "styles", "data.subCategory.typeName")}
    flat = {
        r.image.removesuffix(".jpg"): r.value for r in read(myntra / "styles.csv", "subCategory")
    }
    assert nested == flat and len(flat) == 3011
    assert list(nested.values()).count("Topwear") == 1477
    shop = shared_data / "flipkart1050"
    original = shop / "flipkart_com-ecommerce_sample_1050.csv"
    top = {r.image: r.value for r in read(original, "product_category_tree", level=1)}
    ours = {r.image.removeprefix("images/"): r.value for r in read(shop / "products.csv", "label")}
    assert top == ours and len(set(top.values())) == 7
