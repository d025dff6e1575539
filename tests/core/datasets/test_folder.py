"""Folders: classes, order, what is left out, what happens when files change."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from errno import EMFILE
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets import inspection, is_inspected, open_dataset, source_from
from core.errors import Cancelled, FacetteError, InputError
from core.events import Event
from core.store import Store
from core.types import UNLABELLED, Dataset, Source

Draw = Callable[..., bytes]
Fill = Callable[[Path, dict[str, bytes]], Path]
ROOT = Path(__file__).parents[3]


def opened(root: Path, store: Store) -> Dataset:
    return open_dataset(source_from(str(root)), store)


def labelled(dataset: Dataset) -> dict[str, str]:
    assert dataset.labels is not None
    return {
        id: dataset.class_names[label] if label != UNLABELLED else ""
        for id, label in zip(dataset.ids, dataset.labels, strict=True)
    }


def test_a_sub_folder_is_a_class(tmp_path: Path, store: Store, draw: Draw, fill: Fill) -> None:
    root = fill(tmp_path / "pets", {"dogs/b.png": draw(1), "cats/a.jpg": draw(2, fmt="jpeg")})
    dataset = opened(root, store)
    assert labelled(dataset) == {"cats/a.jpg": "cats", "dogs/b.png": "dogs"}
    assert dataset.name == "pets" and dataset.class_names == ("cats", "dogs")
    assert dataset.labels is not None and dataset.labels.dtype == np.int32
    assert dataset.sizes.tolist() == [[12, 9]] * 2 and dataset.sizes.dtype == np.int32
    assert dataset.image(1, 6, "gray").shape == (6, 6)
    assert dataset.original is not None and dataset.original(1) == draw(1)


def test_nested_root_and_wrapper(tmp_path: Path, store: Store, draw: Draw, fill: Fill) -> None:
    one = draw()
    nested = fill(tmp_path / "a", {"x/big/1.png": one, "x/small/1.png": one, "y/1.png": one})
    assert set(opened(nested, store).class_names) == {"x/big", "x/small", "y"}
    mixed = fill(tmp_path / "b", {"1.png": one, "y/1.png": one})
    assert labelled(opened(mixed, store)) == {"1.png": "", "y/1.png": "y"}
    wrapped = fill(tmp_path / "c", {"all/x/1.png": one, "all/y/1.png": one})
    assert labelled(opened(wrapped, store)) == {"all/x/1.png": "x", "all/y/1.png": "y"}
    for i, flat in enumerate(({"2.png": one, "1.png": one}, {"only/1.png": one})):
        dataset = opened(fill(tmp_path / f"flat{i}", flat), store)
        assert dataset.labels is None and dataset.class_names == ()
        assert dataset.ids == tuple(sorted(flat))


def test_a_class_without_a_usable_image_is_none(
    tmp_path: Path, store: Store, draw: Draw, fill: Fill
) -> None:
    root = fill(tmp_path / "r", {"a/1.png": draw(), "b/1.png": draw(1), "c/1.png": b"no"})
    assert opened(root, store).class_names == ("a", "b")


def test_order_is_by_code_point(tmp_path: Path, store: Store, draw: Draw, fill: Fill) -> None:
    names = ["B.png", "a.png", "a/1.png", "a-b.png", "ä.png", "10.png", "9.png"]
    dataset = opened(fill(tmp_path / "r", {n: draw() for n in names}), store)
    assert list(dataset.ids) == sorted(names)


def test_broken_files_are_listed_and_the_rest_is_used(
    tmp_path: Path, store: Store, draw: Draw, fill: Fill
) -> None:
    whole = draw(1, 80, 80, "jpeg")
    files = {"cut.jpg": whole[:-500], "text.png": b"hello", "empty.png": b"", "notes.txt": b"x"}
    ignored = {".hidden.png": whole, "__MACOSX/a.png": whole, "sub/Thumbs.db": b"x"}
    dataset = opened(fill(tmp_path / "r", {**files, **ignored, "good.jpg": whole}), store)
    assert dataset.ids == ("good.jpg",)
    reasons = {r.id: r.reason for r in dataset.rejected}
    assert set(reasons) == set(files)
    assert "cut short" in reasons["cut.jpg"]
    assert "not a JPEG" in reasons["text.png"]
    assert "empty" in reasons["empty.png"]
    assert "not an image file (.txt)" in reasons["notes.txt"]


def test_odd_names_stay_as_they_are(tmp_path: Path, store: Store, draw: Draw, fill: Fill) -> None:
    raw = os.fsdecode(b"latin-\xe9.png")  # no UTF-8: a surrogate in Python
    names = ['it\'s "q".png', "two\nlines.png", "\U0001f600.png", "=cmd('x').png", raw]
    root = fill(
        tmp_path / "r", {f"{os.fsdecode(b'cl-' + bytes([255]))}/{n}": draw() for n in names}
    )
    fill(root, {"b/1.png": draw()})
    for _ in range(2):
        dataset = opened(root, store)
        assert {id.partition("/")[2] for id in dataset.ids[1:]} == set(names)
        assert dataset.read(3, None).shape == (9, 12, 3) and len(dataset.key) == 32


def test_links(tmp_path: Path, store: Store, draw: Draw, fill: Fill) -> None:
    root = fill(tmp_path / "r", {"a.png": draw()})
    outside = fill(tmp_path / "o", {"secret.png": draw(1)})
    (root / "in.png").symlink_to(root / "a.png")
    (root / "out.png").symlink_to(outside / "secret.png")
    (root / "dir").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "gone.png").symlink_to(root / "nothing.png")
    os.mkfifo(root / "pipe.png")
    dataset = opened(root, store)
    assert dataset.ids == ("a.png", "in.png")
    reasons = {r.id: r.reason for r in dataset.rejected}
    assert set(reasons) == {"out.png", "dir", "loop", "gone.png", "pipe.png"}
    assert "out of the folder" in reasons["out.png"] and "out of the folder" in reasons["dir"]


def test_nothing_to_read(tmp_path: Path, store: Store, fill: Fill) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        opened(tmp_path / "empty", store)
    root = fill(tmp_path / "r", {f"{i}.png": b"hello" for i in range(9)})
    for _ in range(2):
        with pytest.raises(InputError, match=r"no readable image.*0\.png.*not a JPEG.*6 more"):
            opened(root, store)
    with pytest.raises(InputError, match="no such folder"):
        open_dataset(Source("folder", str(tmp_path / "nowhere")), store)


def test_equal_bytes_equal_key(tmp_path: Path, store: Store, draw: Draw, fill: Fill) -> None:
    one = opened(fill(tmp_path / "a", {"x/1.png": draw(1), "y/2.png": draw(2)}), store)
    moved = opened(fill(tmp_path / "b", {"k/1.png": draw(1), "m/2.png": draw(2)}), store)
    other = opened(fill(tmp_path / "c", {"x/1.png": draw(1), "y/2.png": draw(3)}), store)
    assert one.images_key == moved.images_key and one.key != moved.key
    assert one.images_key != other.images_key


def test_a_second_opening_reads_no_image(
    tmp_path: Path, store: Store, draw: Draw, fill: Fill
) -> None:
    root = fill(tmp_path / "r", {f"{i:02}.png": draw(i) for i in range(40)} | {"b.png": b"no"})
    source = source_from(str(root))
    first: list[Event] = []
    second: list[Event] = []
    assert not is_inspected(source, store)
    before = open_dataset(source, store, first.append)
    assert is_inspected(source, store)
    after = open_dataset(source, store, second.append)
    assert [e.done for e in first if e.status == "progress"] == [16, 32, 41]
    assert first[-1].status == "computed"
    assert [e.status for e in second] == ["cached"]
    assert before.key == after.key and before.rejected == after.rejected
    assert before.digests == after.digests and (before.fingerprints == after.fingerprints).all()
    for name in ("mode", "constant", "look"):
        assert (before.measured[name] == after.measured[name]).all()


def test_only_what_changed_is_read_again(
    tmp_path: Path, store: Store, draw: Draw, fill: Fill
) -> None:
    root = fill(tmp_path / "r", {f"{i:02}.png": draw(i) for i in range(40)})
    before = opened(root, store)
    fill(root, {"07.png": draw(100, 20, 20), "new.png": draw(101)})
    (root / "08.png").unlink()
    events: list[Event] = []
    after = open_dataset(source_from(str(root)), store, events.append)
    assert [(e.done, e.total) for e in events if e.status == "progress"] == [(40, 40)]
    assert len(set(after.digests) - set(before.digests)) == 2
    assert after.sizes[7].tolist() == [20, 20]


def test_a_file_that_changed_or_went_says_so(
    tmp_path: Path, store: Store, draw: Draw, fill: Fill
) -> None:
    root = fill(tmp_path / "r", {"a.png": draw(1), "b.png": draw(2)})
    dataset = opened(root, store)
    fill(root, {"a.png": draw(3, 30, 30)})
    (root / "b.png").unlink()
    with pytest.raises(FacetteError, match=r"a\.png has changed since"):
        dataset.read(0, None)
    with pytest.raises(FacetteError, match=r"b\.png cannot be read \(No such file"):
        dataset.read(1, None)


def _no_more_files(path: str, *rest: Any) -> Any:
    if path.endswith("b.png"):
        raise OSError(EMFILE, "Too many open files")
    return open(path, *rest)


def _no_more_memory(data: bytes, at_least: int | None = None) -> Any:
    raise MemoryError


@pytest.mark.parametrize(
    ("place", "fails", "reason"),
    [
        ("open", _no_more_files, "Too many open files"),
        ("images.decoded", _no_more_memory, "memory"),
    ],
)
def test_what_cannot_be_read_now_is_tried_again(
    tmp_path: Path,
    store: Store,
    draw: Draw,
    fill: Fill,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    fails: Callable[..., Any],
    reason: str,
) -> None:
    root = fill(tmp_path / "r", {"a.png": draw(1), "c.png": b"no"})
    source = source_from(str(root))
    opened(root, store)
    fill(root, {"b.png": draw(2)})
    with monkeypatch.context() as patch:
        patch.setattr(f"{inspection.__name__}.{place}", fails, raising=False)
        for _ in range(2):
            short = open_dataset(source, store)
            assert short.ids == ("a.png",)
            assert [r.id for r in short.rejected] == ["b.png", "c.png"]
            assert reason in short.rejected[0].reason
            assert is_inspected(source, store)  # but for what is tried again
    events: list[Event] = []
    whole = open_dataset(source, store, events.append)
    assert whole.ids == ("a.png", "b.png") and [r.id for r in whole.rejected] == ["c.png"]
    assert [(e.done, e.total) for e in events if e.status == "progress"] == [(3, 3)]
    events.clear()
    assert open_dataset(source, store, events.append).key == whole.key
    assert [e.status for e in events] == ["cached"]


def test_where_no_file_can_be_read_now(
    tmp_path: Path, store: Store, draw: Draw, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fill(tmp_path / "r", {"b.png": draw(2)})
    with monkeypatch.context() as patch:
        patch.setattr(inspection, "open", _no_more_files, raising=False)
        for _ in range(2):
            with pytest.raises(InputError, match="Too many open files"):
                opened(root, store)
    assert opened(root, store).ids == ("b.png",)


def test_a_change_of_permissions_is_noticed(
    tmp_path: Path, store: Store, draw: Draw, fill: Fill
) -> None:
    root = fill(tmp_path / "r", {"a.png": draw(1)})
    dataset = opened(root, store)
    (root / "a.png").chmod(0o600)
    assert not is_inspected(source_from(str(root)), store)
    assert dataset.read(0, None).shape == (9, 12, 3)  # the content is the same


def test_cancel(tmp_path: Path, store: Store, draw: Draw, fill: Fill) -> None:
    root = fill(tmp_path / "r", {f"{i:03}.png": draw(i) for i in range(100)})

    def stop(event: Event) -> None:
        if event.done >= 32:
            raise Cancelled

    with pytest.raises(Cancelled):
        open_dataset(source_from(str(root)), store, stop)
    assert not is_inspected(source_from(str(root)), store)
    assert not list((store.root / "tmp").glob("*")) and len(opened(root, store)) == 100


def test_opening_again_imports_nothing_heavy(
    tmp_path: Path, store: Store, draw: Draw, fill: Fill
) -> None:
    root = fill(tmp_path / "r", {"a.png": draw()})
    opened(root, store)
    open_dataset(source_from("digits"), store)
    code = f"""
import sys
from pathlib import Path
from core.datasets import open_dataset, source_from
from core.store import Store
for data in ({str(root)!r}, "digits"):
    open_dataset(source_from(data), Store(Path({str(store.root)!r}), ()))
print([m for m in ("sklearn", "skimage", "cv2", "PIL", "pandas", "scipy") if m in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_real_folders(shared_data: Path, store: Store) -> None:
    dogs = opened(shared_data / "dogs5", store)
    assert len(dogs.class_names) == 5 and not dogs.rejected
    assert dogs.image(0, 64).shape == (64, 64, 3)
    flat = opened(shared_data / "myntra" / "images", store)
    assert len(flat) == 3011 and flat.labels is None


def test_train_validation_and_test_are_parts_and_no_classes(
    tmp_path: Path, store: Store, draw: Draw, fill: Fill
) -> None:
    names = ["train/cat/a.png", "train/dog/b.png", "Test/cat/c.png", "rest/dog/d.png"]
    files = {name: draw(i) for i, name in enumerate(names)}
    ours = {"prepared.json": b"{}", "report.csv": b"file"}
    dataset = opened(fill(tmp_path / "set", files | ours), store)
    assert labelled(dataset) == {
        "train/cat/a.png": "cat", "train/dog/b.png": "dog", "Test/cat/c.png": "cat",
        "rest/dog/d.png": "dog",
    }  # fmt: skip
    assert dataset.parts is not None and dataset.rejected == ()
    assert dict(zip(dataset.ids, dataset.parts.tolist(), strict=True)) == {
        "train/cat/a.png": 0, "train/dog/b.png": 0, "Test/cat/c.png": 2, "rest/dog/d.png": -1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "names",
    [
        ("train/cat/a.png", "other/cat/b.png"),
        ("train/a.png", "test/b.png"),
        ("x/train/a.png", "y/b.png"),
    ],
)
def test_folders_that_only_sound_like_parts_stay_classes(
    tmp_path: Path, store: Store, draw: Draw, fill: Fill, names: tuple[str, str]
) -> None:
    files = {name: draw(i) for i, name in enumerate(names)}
    dataset = opened(fill(tmp_path / "set", files), store)
    assert dataset.parts is None
    assert set(labelled(dataset).values()) == {name.rpartition("/")[0] for name in names}
