"""Training sets prepared from hand-made photos and metadata, and from the real ones."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from core import prepare as preparing
from core.errors import Cancelled, FacetteError, InputError
from core.prepare import Preparation, classes, prepare
from core.prepare_report import read_prepared, summary
from core.prepared_folder import UniqueNames, replacing_folder
from core.store import Store
from tests import drawn

SPLITS = ("train", "validation", "test")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store", layers=())


@pytest.fixture
def shop(tmp_path):
    """Discs and squares with a CSV, and one of every file that cannot be used."""
    images = tmp_path / "shop" / "images"
    drawn.save(images, "disc", 20)
    drawn.save(images, "square", 9)
    rows = [
        [f"{kind}_{i:02}.png", kind] for kind, n in (("disc", 20), ("square", 9)) for i in range(n)
    ]
    shutil.copy(images / "disc_00.png", images / "twin.png")  # the same content, the same class
    shutil.copy(images / "square_00.png", images / "torn.png")  # the same content, another class
    rows += [["twin.png", "disc"], ["torn.png", "disc"]]
    for name in ("unlisted", "both", "empty_class", "other"):
        drawn.picture("stray", len(name)).save(images / f"{name}.png")
    rows += [["both.png", "disc"], ["both.png", "square"], ["empty_class.png", ""]]
    rows += [["other.png", "hat"], ["gone.png", "disc"]]
    (images / "empty.png").touch()
    (images / "broken.jpg").write_bytes(b"no picture")
    (images / "notes.txt").write_text("words")
    rows += [["empty.png", "disc"], ["broken.jpg", "square"]]
    secret = tmp_path / "secret.png"
    drawn.picture("stray", 99).save(secret)
    (images / "link.png").symlink_to(secret)
    rows.append(["link.png", "disc"])
    table(images.parent / "products.csv", rows)
    return images.parent


def table(path, rows, header=("image", "kind")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def asked(shop, out, **more):
    given = {"images": shop / "images", "metadata": shop / "products.csv"} | more
    given = {k: str(v) if isinstance(v, Path) else v for k, v in given.items()}
    return Preparation(**{"field": "kind", "classes": ("disc", "square"), "out": str(out)} | given)


def contents(folder):
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def lines(folder):
    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        return {line["file"]: line for line in csv.DictReader(file)}


def test_every_file_is_in_the_report_with_what_became_of_it(shop, tmp_path, store):
    before = contents(shop)
    out = tmp_path / "out"
    prepared = prepare(asked(shop, out), store)
    assert contents(shop) == before
    report = lines(out)
    on_disk = {p.name for p in (shop / "images").iterdir()}
    assert set(report) == on_disk | {"gone.png"}
    reasons = {name: report[name]["reason"] for name in report}
    assert reasons["unlisted.png"] == "not listed in the metadata"
    assert reasons["both.png"] == "listed with different classes: disc, square"
    assert reasons["empty_class.png"] == "no class: the field is empty"
    assert reasons["other.png"] == "class not asked for"
    assert reasons["gone.png"] == "no image for the entry: there is no such image (row 37)"
    assert reasons["empty.png"] == "cannot be used: the file is empty"
    assert "not a JPEG" in reasons["broken.jpg"]
    assert reasons["notes.txt"] == "cannot be used: not an image file (.txt)"
    assert reasons["link.png"] == "cannot be used: a link that leads out of the folder"
    out_names = {name for name, line in report.items() if line["decision"] == "left out"}
    assert out_names == on_disk - set(drawn_names()) - {"twin.png", "torn.png"} | {"gone.png"}
    written = {line["written"] for line in report.values() if line["written"]}
    assert written == set(contents(out)) - {"report.csv", "prepared.json"}
    for name, line in report.items():
        if line["written"]:
            assert (out / line["written"]).read_bytes() == before[f"images/{name}"]
            assert line["written"].startswith(f"{line['decision']}/{line['class']}/")
    assert prepared.counts["disc"]["images"] == 22 and prepared.counts["disc"]["different"] == 21
    assert sum(prepared.left_out.values()) == len(out_names)


def drawn_names():
    return [f"{k}_{i:02}.png" for k, n in (("disc", 20), ("square", 9)) for i in range(n)]


def test_the_same_content_is_in_one_split_whatever_its_class(shop, tmp_path, store):
    for seed in range(6):
        out = tmp_path / f"out{seed}"
        prepared = prepare(asked(shop, out, seed=seed), store)
        report = lines(out)
        for one, two in (("disc_00.png", "twin.png"), ("square_00.png", "torn.png")):
            assert report[one]["decision"] == report[two]["decision"] in SPLITS
        assert report["twin.png"]["reason"] == "same content as disc_00.png"
        assert (
            report["torn.png"]["reason"]
            == "same content as square_00.png, which has the class square"
        )
        assert any("2 images are exact copies" in note for note in prepared.notes)
        assert any("1 image is there with different classes" in note for note in prepared.notes)


def test_balancing_takes_as_many_of_each_class(shop, tmp_path, store):
    prepared = prepare(asked(shop, tmp_path / "out", balance=True), store)
    assert {n: c["images"] for n, c in prepared.counts.items()} == {"disc": 9, "square": 9}
    assert prepared.left_out["removed, to balance the classes"] == 13
    for row in prepared.counts.values():
        assert [row[s] for s in SPLITS] in ([5, 2, 2], [6, 2, 1], [6, 1, 2])
    assert not (tmp_path / "out" / "rest").exists()
    few = prepare(asked(shop, tmp_path / "few", most=5), store)
    assert {n: c["images"] for n, c in few.counts.items()} == {"disc": 5, "square": 5}
    assert few.left_out["removed, at most 5 a class"] == 21


def test_the_rest_holds_what_balancing_removes_but_no_copies(shop, tmp_path, store):
    for seed in range(4):
        out = tmp_path / f"out{seed}"
        prepare(asked(shop, out, balance=True, rest=True, seed=seed), store)
        used = {c for n, c in contents(out).items() if n.startswith(SPLITS)}
        rest = {c for n, c in contents(out).items() if n.startswith("rest/")}
        assert len(rest) >= 10 and not used & rest


def test_the_same_request_gives_the_same_bytes_and_another_seed_others(shop, tmp_path, store):
    request = asked(shop, tmp_path / "one", balance=True)
    prepare(request, store)
    prepare(dataclasses.replace(request, out=str(tmp_path / "two")), store)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    prepare(dataclasses.replace(request, out=str(tmp_path / "two"), seed=1), store)
    assert set(contents(tmp_path / "one")) != set(contents(tmp_path / "two"))


def test_a_folder_of_ours_is_replaced_whole(shop, tmp_path, store):
    out = tmp_path / "out"
    first = prepare(asked(shop, out, classes=()), store)
    assert set(first.counts) == {"disc", "square", "hat"}
    assert any("too few for three splits: hat" in note for note in first.notes)
    prepare(asked(shop, out), store)
    assert not list(out.glob("*/hat"))
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    assert read_prepared(out).counts["square"]["images"] == 9


@pytest.mark.parametrize("where", ["prepared/train/disc/mine.txt", "prepared/model/model.keras"])
def test_a_file_of_a_person_in_our_folder_is_not_deleted(shop, tmp_path, store, where):
    prepare(asked(shop, tmp_path / "prepared"), store)
    (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / where).write_text("mine")
    with pytest.raises(InputError, match="which is not ours"):
        prepare(asked(shop, tmp_path / "prepared"), store)
    assert (tmp_path / where).read_text() == "mine"


def test_no_folder_but_our_own_is_written(shop, tmp_path, store):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "prepared.json").write_text('{"written_by": "somebody"}')
    (tmp_path / "file").touch()
    (tmp_path / "way").symlink_to(shop / "images")
    inside = shop / "images" / "deep" / "out"
    for out in (
        foreign,
        tmp_path / "file",
        shop / "images",
        inside,
        shop,
        tmp_path,
        tmp_path / "way",
    ):
        before = contents(tmp_path)
        with pytest.raises(InputError, match="output folder"):
            prepare(asked(shop, out), store)
        assert contents(tmp_path) == before
    styles = shop / "styles"
    styles.mkdir()
    (styles / "disc_00.json").write_text('{"kind": "disc"}')
    with pytest.raises(InputError, match="output folder"):
        prepare(asked(shop, styles / "out", metadata=styles), store)
    assert prepare(asked(shop, shop / "out"), store).counts  # beside the images is fine


def test_cancelling_leaves_what_was_there(shop, tmp_path, store):
    out = tmp_path / "out"
    prepare(asked(shop, out), store)
    before = contents(out)

    def stop(event):
        if event.stage == "prepare":
            raise Cancelled

    with pytest.raises(Cancelled):
        prepare(asked(shop, out, seed=1), store, stop)
    assert contents(out) == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_what_a_killed_preparation_left_is_removed(tmp_path):
    left = tmp_path / ".out.999999999.preparing"  # no process has that number
    (left / "train").mkdir(parents=True)
    other = tmp_path / ".out.999999998.preparing"
    (other / "photos").mkdir(parents=True)  # not of ours
    with replacing_folder(tmp_path / "out") as place:
        (place / "report.csv").write_text("x")
    assert not left.exists() and other.exists()
    assert contents(tmp_path / "out") == {"report.csv": b"x"}


def test_hostile_names_stay_inside_and_apart(tmp_path, store):
    images = tmp_path / "images"
    names = [
        "../../up",
        "CON",
        "con",
        "=cmd()",
        ".hidden",
        "a\nb",
        "Thumbs.db",
        "\ud800",
        "A/B",
        "A_B",
    ]
    for i in range(len(names)):
        for part in ("x", "y", "z"):
            (images / part).mkdir(parents=True, exist_ok=True)
            drawn.picture("stray", 3 * i + ord(part)).save(images / part / f"{i}.png")
    styles = tmp_path / "styles"
    for i, name in enumerate(names):
        for part in ("x", "y", "z"):
            (styles / part).mkdir(parents=True, exist_ok=True)
            (styles / part / f"{i}.json").write_text(json.dumps({"kind": name}))
    request = Preparation(str(images), str(styles), "kind", str(tmp_path / "out"))
    prepared = prepare(request, store)
    assert len(prepared.folders) == len(names)
    folders = {name.casefold() for name in prepared.folders.values()}
    assert len(folders) == len(names)
    assert {p.name.casefold() for p in (tmp_path / "out" / "train").iterdir()} == folders
    assert not {"con", "thumbs.db", ".hidden"} & folders
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images", "out", "store", "styles"]
    assert len(contents(tmp_path / "out")) == 3 * len(names) + 2
    summary(prepared).encode()  # can be printed
    one = prepared.folders["con"]
    found = sorted(p.name for p in (tmp_path / "out").glob(f"*/{one}/*"))
    assert found == ["x_2.png", "y_2.png", "z_2.png"]  # equal names told apart by their folders


def test_a_million_equal_names_would_be_no_square():
    names = UniqueNames()
    given = [names.of("front.jpg") for _ in range(50_000)]
    assert len(set(given)) == 50_000 and given[-1] == "front-50000.jpg"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"classes": ("disc", "cap")}, r"classes: got cap, allowed is some of disc \(23\)"),
        ({"field": "sort"}, "field: got sort"),
        ({"images": "nowhere"}, "folder: got"),
        ({"metadata": "nowhere"}, "metadata: got"),
        ({"shares": (0, 1, 1)}, "shares: got"),
        ({"seed": -1}, "seed"),
        ({"most": 0}, "most"),
    ],
)
def test_what_can_be_mended_is_one_message(shop, tmp_path, store, more, said):
    with pytest.raises(InputError, match=said):
        prepare(asked(shop, tmp_path / "out", **more), store)
    assert not (tmp_path / "out").exists()


def test_too_many_classes_and_unusable_ones_are_told(shop, tmp_path, store, monkeypatch):
    with pytest.raises(InputError, match="Not one image of the chosen classes can be used"):
        table(shop / "products.csv", [["broken.jpg", "hat"], ["disc_00.png", "disc"]])
        prepare(asked(shop, tmp_path / "out", classes=("hat",)), store)
    monkeypatch.setattr(preparing, "MAX_CLASSES", 1)
    with pytest.raises(InputError, match="Choose another field"):
        prepare(asked(shop, tmp_path / "out", classes=()), store)


def test_metadata_of_other_images_is_one_message(shop, tmp_path, store):
    table(shop / "products.csv", [["else.png", "hat"]])
    with pytest.raises(InputError, match="No image has a class"):
        prepare(asked(shop, tmp_path / "out", classes=()), store)


def test_a_request_goes_to_json_and_back(shop, tmp_path):
    request = asked(shop, tmp_path, shares=(70, 15, 15), most=3)
    assert Preparation.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_a_folder_of_somebody_else_is_not_read(tmp_path):
    for text in ("[]", "{}", "{", '{"written_by": "Facette prepare", "format": 99}'):
        (tmp_path / "prepared.json").write_text(text)
        with pytest.raises(FacetteError, match="Prepare it again"):
            read_prepared(tmp_path)


def test_the_real_clothes_are_balanced_to_231(shared_data, tmp_path, store):
    myntra = shared_data / "myntra"
    wanted = ("Topwear", "Bottomwear", "Shoes")
    request = Preparation(
        str(myntra / "images"), str(myntra / "styles"), "data.subCategory.typeName",
        str(tmp_path / "nested"), classes=wanted, balance=True, rest=True,
    )  # fmt: skip
    nested = prepare(request, store)
    assert {n: c["images"] for n, c in nested.counts.items()} == dict.fromkeys(wanted, 231)
    assert [nested.counts["Shoes"][s] for s in SPLITS] == [139, 46, 46]
    assert sum(c["rest"] for c in nested.counts.values()) == 1568
    assert nested.left_out == {"class not asked for": 750}
    placed: dict[bytes, set[str]] = {}
    for name, content in contents(tmp_path / "nested").items():
        if "/" in name:
            placed.setdefault(content, set()).add(name.split("/")[0])
    assert max(map(len, placed.values())) == 1
    flat = dataclasses.replace(
        request,
        metadata=str(myntra / "styles.csv"),
        field="subCategory",
        out=str(tmp_path / "flat"),
    )
    prepare(flat, store)
    same = [set(contents(tmp_path / name / "train")) for name in ("nested", "flat")]
    assert same[0] == same[1]


def test_the_real_products_come_from_either_table(shared_data, tmp_path, store):
    shop = shared_data / "flipkart1050"
    original = shop / "flipkart_com-ecommerce_sample_1050.csv"
    counts = classes(str(original), "product_category_tree", 1)
    assert set(counts.values()) == {150} and len(counts) == 7
    one = Preparation(
        str(shop / "images"), str(shop / "products.csv"), "label", str(tmp_path / "1")
    )
    two = Preparation(
        str(shop / "images"), str(original), "product_category_tree", str(tmp_path / "2"), level=1
    )
    prepared = [prepare(one, store), prepare(two, store)]
    assert prepared[0].counts == prepared[1].counts
    assert prepared[0].left_out == {"no image for the entry: there is no such image": 3}
    assert Counter(c["images"] for c in prepared[0].counts.values())[150] == 5
    assert prepared[0].counts["Computers"]["different"] == 134
