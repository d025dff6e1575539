"""What DATA of the command line may be, and the digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from core.datasets import is_inspected, open_dataset, source_from, sources
from core.datasets.digits import DIGITS_KEY
from core.errors import InputError
from core.events import Event
from core.keys import key_of
from core.store import Store
from core.types import Source


def test_every_source_keeps_the_contract() -> None:
    assert list(sources()) == ["archive", "arrays", "digits", "folder", "table"]
    for kind, module in sources().items():
        assert module.KIND == kind and module.LABEL and module.EXPECTS
        assert not module.matches("/nowhere/at/all")


def test_source_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.ZIP", "a.npz", "a.csv", "a.txt"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert source_from("digits") == Source("digits")
    assert source_from(".") == Source("folder", str(tmp_path))
    assert source_from("a.ZIP") == Source("archive", str(tmp_path / "a.ZIP"))
    assert source_from("a.npz").kind == "arrays"
    table = source_from("a.csv", "i", "l", ["t", "u"])
    assert table == Source("table", str(tmp_path / "a.csv"), "i", "l", ("t", "u"))
    assert Source.from_json(table.to_json()) == table
    with pytest.raises(InputError, match=r"got a\.txt, allowed .*a folder.*none of these"):
        source_from("a.txt")
    with pytest.raises(InputError, match=r"got gone\.zip, .*no such file"):
        source_from("gone.zip")
    with pytest.raises(InputError, match=r"columns: got l, allowed .* \.csv or \.tsv only"):
        source_from("digits", label_column="l")


def test_an_unknown_kind(store: Store) -> None:
    with pytest.raises(InputError, match="got tape, allowed is one of archive, "):
        open_dataset(Source("tape"), store)


def test_digits(store: Store) -> None:
    assert key_of("dataset", "digits", 1) == DIGITS_KEY
    assert not is_inspected(Source("digits"), store)
    dataset = open_dataset(Source("digits"), store)
    known = load_digits()
    assert len(dataset) == 1797 and dataset.ids[1796] == "digit-1796"
    assert (dataset.labels == known.target).all()
    assert dataset.class_names == tuple("0123456789") and not dataset.rejected
    pixels = np.stack([dataset.read(i, None) for i in range(1797)])
    assert pixels.dtype == np.uint8 and pixels.max() == 255
    assert (np.rint(pixels / 255 * 16) == known.images).all()  # nothing is lost
    events: list[Event] = []
    assert is_inspected(Source("digits"), store)
    assert open_dataset(Source("digits"), store, events.append).key == dataset.key
    assert [e.status for e in events] == ["cached"]
