"""NumPy files: forms that are taken, forms that are not."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets import is_inspected, open_dataset, source_from
from core.errors import InputError
from core.events import Event
from core.store import Store
from core.types import UNLABELLED, Dataset

GREY = np.arange(12 * 5 * 4, dtype=np.uint8).reshape(12, 5, 4)


def opened(tmp_path: Path, store: Store, **arrays: Any) -> Dataset:
    path = tmp_path / "some.npz"
    np.savez(path, **arrays)
    return open_dataset(source_from(str(path)), store)


def test_bytes_stay_as_they_are(tmp_path: Path, store: Store) -> None:
    dataset = opened(tmp_path, store, images=GREY, labels=np.arange(12) % 11)
    assert dataset.name == "some" and dataset.ids[:2] == ("00", "01") and len(dataset) == 12
    assert dataset.class_names == tuple(map(str, range(11)))  # by number: 2 before 10
    assert (dataset.read(3, 2) == GREY[3]).all() and dataset.read(3, None).flags.writeable
    assert dataset.sizes.tolist() == [[4, 5]] * 12
    color = np.stack([GREY] * 3, axis=-1)
    assert opened(tmp_path, store, images=color).read(3, None).shape == (5, 4, 3)
    assert opened(tmp_path, store, images=GREY[..., None]).read(3, None).shape == (5, 4)


@pytest.mark.parametrize(
    "images",
    [GREY / 255, GREY.astype(np.float32), GREY.astype(np.int64), GREY.astype(">u2")],
)
def test_other_numbers_become_bytes(tmp_path: Path, store: Store, images: np.ndarray) -> None:
    dataset = opened(tmp_path, store, images=images)
    assert all((dataset.read(i, None) == GREY[i]).all() for i in range(12))


def test_labels(tmp_path: Path, store: Store) -> None:
    words = opened(tmp_path, store, images=GREY[:3], labels=np.array(["b", "", "a"]))
    assert words.labels is not None and words.labels.tolist() == [1, UNLABELLED, 0]
    numbers = opened(tmp_path, store, images=GREY[:3], labels=np.array([7, -1, 3]))
    assert numbers.labels is not None and numbers.labels.tolist() == [1, UNLABELLED, 0]
    assert numbers.class_names == ("3", "7")
    assert opened(tmp_path, store, images=GREY[:3]).labels is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": GREY}, "got pictures, allowed is an array named images"),
        ({"images": GREY[0]}, r"shape of images: got \(5, 4\)"),
        ({"images": GREY[:, :0]}, "at least one image"),
        ({"images": GREY[:0]}, "at least one image"),
        ({"images": GREY.astype(float) - 1}, "values of images: got -1.0 to 238"),
        ({"images": np.full((2, 2, 2), np.nan)}, "values of images"),
        ({"images": np.full((2, 2, 2), 256)}, "values of images"),
        ({"images": np.full((2, 2, 2), "a")}, "type of images"),
        ({"images": np.array([[[None]]])}, "Objects are not read"),
        ({"images": GREY, "labels": np.arange(5)}, r"labels: got \(5,\), allowed is \(12,\)"),
        ({"images": GREY, "labels": np.arange(12) / 2}, "type of labels"),
        ({"images": GREY, "labels": np.full(12, np.nan)}, "type of labels"),
        ({"images": GREY, "labels": np.frombuffer(b"\xff" * 48, "<U1")}, "labels: got damaged"),
        ({"images": GREY, "labels": np.zeros(12, [("a", "i4")])}, "type of labels"),
        ({"images": np.zeros((3, 2, 2), [("a", "u1")])}, "type of images"),
        ({"images": np.zeros((500_001, 1, 1), bool)}, "500,001 images, allowed is at most 500,000"),
    ],
)
def test_what_is_not_taken(
    tmp_path: Path, store: Store, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        opened(tmp_path, store, **arrays)


def test_files_that_are_none(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "no.npz"
    file = io.BytesIO()
    np.savez_compressed(file, images=GREY)
    for content in (b"", b"hello", file.getvalue()[:-40], file.getvalue()[40:]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="savez"):
            open_dataset(source_from(str(path)), store)


def test_a_huge_array_is_refused_by_its_header(tmp_path: Path, store: Store) -> None:
    header = io.BytesIO()
    about = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**3, 10**3)}
    np.lib.format.write_array_header_1_0(header, about)
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as file:
        file.writestr("images.npy", header.getvalue() + bytes(100))
    with pytest.raises(InputError, match="GB"):
        open_dataset(source_from(str(tmp_path / "huge.npz")), store)


def test_only_npy_members_are_arrays(tmp_path: Path, store: Store) -> None:
    path, file = tmp_path / "odd.npz", io.BytesIO()
    np.save(file, GREY)
    for name, content in (("images", file.getvalue()), ("images", b"x"), ("images.npy/", b"")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, content)
        with pytest.raises(InputError, match="got no array, allowed is an array named images"):
            open_dataset(source_from(str(path)), store)


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (10**30, 0, 1)}",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 0, 1)}" % 10**30,
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (-3, -5, 4)}",
        b"{1: 2, 'descr': 3, b'x': 1}",
        b"(" * 5000,
        b"-" * 5000 + b"1",
    ],
)
def test_hostile_headers(tmp_path: Path, store: Store, header: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        length = len(header).to_bytes(2, "little")
        archive.writestr("images.npy", b"\x93NUMPY\x01\x00" + length + header + bytes(60))
    with pytest.raises(InputError, match="savez|memory|at most 500,000"):
        open_dataset(source_from(str(tmp_path / "bad.npz")), store)


def test_mnist(shared_data: Path, store: Store) -> None:
    source = source_from(str(shared_data / "mnist_t10k.npz"))
    first = open_dataset(source, store)
    assert len(first) == 10_000 and first.class_names == tuple("0123456789")
    assert is_inspected(source, store)
    events: list[Event] = []
    again = open_dataset(source, store, events.append)
    assert [e.status for e in events] == ["cached"] and again.key == first.key
    with np.load(shared_data / "mnist_t10k.npz") as arrays:
        assert (again.read(77, None) == arrays["images"][77]).all()
        assert (again.labels == arrays["labels"]).all()
