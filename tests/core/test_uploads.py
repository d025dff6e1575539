"""Uploaded bytes are kept once, whole, and never outside the store."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets import open_dataset
from core.errors import InputError
from core.store import Store
from core.uploads import keep


def png(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((9, 9), level, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_images_are_kept_once_under_safe_unique_names(tmp_path: Path) -> None:
    store = Store(tmp_path / "home", layers=())
    files = [("../../up.png", png(1)), ("a.png", png(2)), ("A.PNG", png(3)), ("a\n=1.png", png(4))]
    source = keep(files, store)
    assert keep(files, store) == source
    dataset = open_dataset(source, store)
    assert len(dataset) == 4 and dataset.labels is None
    outside = [p for p in tmp_path.rglob("*.png") if not p.is_relative_to(store.root)]
    assert outside == [] and not (tmp_path / "up.png").exists()


def test_a_zip_is_opened_with_its_classes(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("dark/1.png", "dark/2.png", "light/1.png"):
            archive.writestr(name, png(len(name) * 7))
    store = Store(tmp_path, layers=())
    dataset = open_dataset(keep([("my photos.zip", buffer.getvalue())], store), store)
    assert dataset.class_names == ("dark", "light") and dataset.name == "my photos"


@pytest.mark.parametrize(
    ("files", "said"),
    [([], "Nothing was uploaded"), ([("a.zip", b"x"), ("b.png", b"y")], "one ZIP alone")],
)
def test_what_cannot_be_kept_is_one_message(
    tmp_path: Path, files: list[tuple[str, bytes]], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        keep(files, Store(tmp_path, layers=()))


def test_a_zip_that_is_none_is_one_message(tmp_path: Path) -> None:
    store = Store(tmp_path, layers=())
    with pytest.raises(InputError):
        open_dataset(keep([("a.zip", b"not a zip")], store), store)
