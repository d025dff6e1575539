"""ZIPs: the same as folders, and hostile ones."""

from __future__ import annotations

import resource
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import decoding
from core.datasets import archive, is_inspected, open_dataset, source_from
from core.errors import InputError
from core.events import Event
from core.store import Store
from core.types import Dataset

Draw = Callable[..., bytes]


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def opened(path: Path, store: Store) -> Dataset:
    return open_dataset(source_from(str(path)), store)


def reasons(dataset: Dataset) -> dict[str, str]:
    return {r.id: r.reason for r in dataset.rejected}


def test_a_zip_is_read_as_the_folder_it_holds(tmp_path: Path, store: Store, draw: Draw) -> None:
    members = {"data/": b"", "data/b/2.png": draw(2), "data/a/1.png": draw(1)}
    members |= {"__MACOSX/data/a/._1.png": b"x", "data/.DS_Store": b"x", "data/read.me": b"x"}
    path = zipped(tmp_path / "My pets.zip", members)
    events: list[Event] = []
    dataset = open_dataset(source_from(str(path)), store, events.append)
    assert dataset.name == "My pets" and dataset.class_names == ("a", "b")
    assert dataset.ids == ("data/a/1.png", "data/b/2.png")
    assert reasons(dataset) == {"data/read.me": "not an image file (.me)"}
    assert dataset.original is not None and dataset.original(1) == draw(2)
    for name, content in members.items():
        if name.endswith(".png") and not name.startswith("__"):
            place = tmp_path / "folder" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    folder = opened(tmp_path / "folder", store)
    assert folder.images_key == dataset.images_key and folder.key == dataset.key
    assert events[-1].status == "computed"


def test_a_second_opening_unpacks_nothing(tmp_path: Path, store: Store, draw: Draw) -> None:
    path = zipped(tmp_path / "a.zip", {f"{i}.png": draw(i) for i in range(20)})
    source = source_from(str(path))
    assert not is_inspected(source, store)
    before = open_dataset(source, store)
    assert is_inspected(source, store)
    events: list[Event] = []
    after = open_dataset(source, store, events.append)
    assert [e.status for e in events] == ["cached"] and before.key == after.key
    copy = tmp_path / "copy.zip"
    copy.write_bytes(path.read_bytes())
    events.clear()
    assert open_dataset(source_from(str(copy)), store, events.append).key == before.key
    assert not [e for e in events if e.status == "progress"]
    zipped(path, {"other.png": draw(50)})
    assert not is_inspected(source, store) and opened(path, store).ids == ("other.png",)


def test_hostile_members_are_rejected_and_the_rest_is_used(
    tmp_path: Path, store: Store, draw: Draw
) -> None:
    path = tmp_path / "bad.zip"
    bad = {
        "../up.png": "leads out",
        "a/../../up.png": "leads out",
        "/etc/abs.png": "absolute",
        "C:\\windows\\w.png": "absolute",
        "..\\back.png": "leads out",
    }
    with zipfile.ZipFile(path, "w") as file:
        for name in bad:
            file.writestr(name, draw())
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
        file.writestr("good.png", draw(1))
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("good.png", draw(2))
        file.writestr("text.png", "hello")
        file.writestr("\U0001f600 =cmd() 'q'\n.png", draw(3))
    dataset = opened(path, store)
    assert dataset.ids == ("good.png", "\U0001f600 =cmd() 'q'\n.png")
    assert dataset.original is not None and dataset.original(0) == draw(1)
    found = reasons(dataset)
    for name, reason in bad.items():
        assert reason in found.pop(name.replace("\\", "/"))
    assert "symbolic link" in found.pop("link.png")
    assert "same name" in found.pop("good.png")
    assert "not a JPEG" in found.pop("text.png")
    assert not found
    assert not list(tmp_path.rglob("*up.png")) and not Path("/etc/abs.png").exists()


def test_names_are_made_plain_before_they_are_judged(
    tmp_path: Path, store: Store, draw: Draw
) -> None:
    names = [".//abs/1.png", "b/./2.png", "b//3.png", "./C:/4.png", "x.png/", "./b/3.png"]
    path = zipped(tmp_path / "odd.zip", {name: draw(i) for i, name in enumerate(names)})
    dataset = opened(path, store)
    assert dataset.ids == ("abs/1.png", "b/2.png", "b/3.png")
    assert dataset.class_names == ("abs", "b")
    assert reasons(dataset) == {
        "C:/4.png": "an absolute path",
        "b/3.png": "a second file of the same name",
    }


def test_a_full_disk_is_no_fault_of_the_zip(tmp_path: Path, store: Store) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 400_000, dtype=np.uint8).tobytes()
    path = zipped(tmp_path / "big.zip", {"a.png": noise})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(InputError, match=r"^The store in .* cannot be written: File too large"):
            opened(path, store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((store.root / "tmp").glob("*"))


def test_a_disk_that_fails_is_no_fault_of_the_member(
    tmp_path: Path, store: Store, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": draw(1)})

    def broken(*_: Any) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipExtFile, "read", broken)
        with pytest.raises(InputError, match=r"ZIP: got .*a\.zip.*Input/output error"):
            opened(path, store)
    assert opened(path, store).ids == ("a.png",)


def test_what_had_no_memory_is_tried_again(
    tmp_path: Path, store: Store, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": draw(1), "b.png": draw(2, 30, 30)})
    pixels = decoding._pixels

    def short(image: Any) -> np.ndarray:
        if image.size == (30, 30):
            raise MemoryError
        return pixels(image)

    with monkeypatch.context() as patch:
        patch.setattr(decoding, "_pixels", short)
        for _ in range(2):
            dataset = opened(path, store)
            assert dataset.ids == ("a.png",) and "memory" in reasons(dataset)["b.png"]
            assert is_inspected(dataset.source, store)
    dataset = opened(path, store)
    assert dataset.ids == ("a.png", "b.png") and not dataset.rejected
    assert dataset.sizes.tolist() == [[12, 9], [30, 30]] and len(set(dataset.digests)) == 2


def test_a_damaged_directory(tmp_path: Path, store: Store, draw: Draw) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": draw(1), "b.png": draw(2)})
    data, rng = path.read_bytes(), np.random.default_rng(0)
    start = data.index(b"PK\x01\x02")
    for _ in range(300):
        bad = bytearray(data)
        for at in rng.integers(start, len(data), 3):
            bad[at] = rng.choice([0, 1, 127, 255])
        path.write_bytes(bad)
        try:
            opened(path, store)
        except InputError as error:
            assert "a.zip" in str(error) or "no readable image" in str(error)


def test_bombs(tmp_path: Path, store: Store, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {"bomb.png": bytes(30_000_000), "a.png": draw()}
    dataset = opened(zipped(tmp_path / "ratio.zip", members), store)
    assert dataset.ids == ("a.png",) and reasons(dataset) == {"bomb.png": "a compression bomb"}
    blobs = [f for f in store.root.rglob("bytes.npy") if f.stat().st_size > 100_000]
    assert not blobs and not list((store.root / "tmp").glob("*"))
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 1500)
    noise = {f"{i}.png": draw(i, 15, 15) for i in range(4)}  # about 750 bytes each
    dataset = opened(zipped(tmp_path / "total.zip", noise), store)
    assert len(dataset) + len(dataset.rejected) == 4 and 0 < len(dataset) < 4
    assert "whole archive" in dataset.rejected[0].reason
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 1000)
    monkeypatch.setattr("core.datasets.folder.MAX_FILE_BYTES", 1000)
    noise = {"small.png": draw(9, 8, 8), "large.png": draw(8, 60, 60)}
    dataset = opened(zipped(tmp_path / "member.zip", noise), store)
    assert dataset.ids == ("small.png",) and "MB" in reasons(dataset)["large.png"]


def test_the_size_in_a_header_is_not_believed(tmp_path: Path, store: Store, draw: Draw) -> None:
    path = zipped(tmp_path / "lie.zip", {"a.png": bytes(1_000_000), "b.png": draw()})
    data = bytearray(path.read_bytes())
    true = (1_000_000).to_bytes(4, "little")
    assert data.count(true) == 2
    path.write_bytes(bytes(data).replace(true, (10).to_bytes(4, "little")))
    dataset = opened(path, store)
    assert dataset.ids == ("b.png",) and set(reasons(dataset)) == {"a.png"}


def test_encrypted_and_damaged_members(tmp_path: Path, store: Store, draw: Draw) -> None:
    path = zipped(tmp_path / "e.zip", {"a.png": draw(1), "b.png": draw(2)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag of the first member in the directory
    data[data.index(b"PK\x03\x04") + 6] |= 1
    path.write_bytes(data)
    dataset = opened(path, store)
    assert dataset.ids == ("b.png",) and "encrypted" in reasons(dataset)["a.png"]
    at = data.rindex(b"IDAT") + 20
    data[at] ^= 255
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged in the archive"):
        opened(path, store)


def test_nothing_left(tmp_path: Path, store: Store) -> None:
    (tmp_path / "no.zip").write_bytes(b"this is no archive")
    with pytest.raises(InputError, match=r"no\.zip.*ZIP archive"):
        opened(tmp_path / "no.zip", store)
    with pytest.raises(InputError, match="no readable image"):
        opened(zipped(tmp_path / "empty.zip", {}), store)
    with pytest.raises(InputError, match=r"no readable image.*leads out"):
        opened(zipped(tmp_path / "up.zip", {"../a.png": b"x"}), store)
    for _ in range(2):
        with pytest.raises(InputError, match=r"no readable image.*not a JPEG"):
            opened(zipped(tmp_path / "text.zip", {"a.png": b"hello"}), store)
