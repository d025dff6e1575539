"""Scikit-learn's 1,797 handwritten digits, 8 x 8 pixels."""

from __future__ import annotations

import numpy as np

from core.datasets.assembly import Row, assembled
from core.datasets.inspection import Facts
from core.events import Event, Listener, Status
from core.images import inspect_pixels
from core.keys import key_of
from core.store import Entry, Store
from core.types import Dataset, Source

KIND = "digits"
LABEL = "Handwritten digits"
EXPECTS = "digits"
DIGITS_KEY = key_of("dataset", "digits", 1)


def matches(data: str) -> bool:
    """Whether DATA of the command line names this source."""
    return data == "digits"


def is_inspected(source: Source, store: Store) -> bool:
    """Whether the store, or what ships with Facette, holds the digits."""
    return store.has(DIGITS_KEY)


def open(source: Source, store: Store, emit: Listener) -> Dataset:
    """The 1,797 digits of E. Alpaydin and C. Kaynak (UCI, 1998), as scikit-learn ships them."""
    entry = store.get(DIGITS_KEY)
    status: Status = "cached" if entry else "computed"
    entry = entry or _stored(store)
    emit(Event("open", status, key=DIGITS_KEY))
    facts, pixels, digit = Facts.stored(entry), entry.array("images"), entry.array("labels")
    rows = [Row(f"digit-{i:04d}", i, str(label)) for i, label in enumerate(digit)]
    return assembled(KIND, source, rows, facts, lambda index, _: np.array(pixels[index]))


def _stored(store: Store) -> Entry:
    """Put "images" (1797, 8, 8) uint8, "labels" (1797,) int32 and the facts into the store."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    pixels = np.rint(loaded.images * (255 / 16)).astype(np.uint8)  # 0..16 as it comes
    facts = Facts.of([inspect_pixels(image) for image in pixels])
    arrays = {"images": pixels, "labels": loaded.target.astype(np.int32), **facts.arrays()}
    return store.put(DIGITS_KEY, arrays, {"reasons": {}})
