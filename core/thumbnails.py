"""Thumbnails of all images on a few sheets, which a browser loads in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from core.keys import key_of
from core.store import Entry, Store
from core.types import Dataset

VERSION = 1
TILE = 96
SMALL = 64  # images up to this many pixels are kept pixel for pixel, as PNG
PER_SHEET = 256
MANY = 20_000  # more images than this get small tiles, or the sheets would fill the memory
MANY_TILE = 48
MANY_PER_SHEET = 2048


@dataclass(frozen=True)
class Atlas:
    """Sheets of equal square tiles; row i is on sheet `i // per_sheet`, left to right.

    Attributes
    ----------
    n : how many images
    tile : side of a tile in pixels
    columns : tiles in a line of a sheet
    per_sheet : tiles on a sheet
    mime : "image/png" or "image/jpeg"
    sizes : (n, 2) uint8, width and height of the picture in the upper left of its tile
    """

    n: int
    tile: int
    columns: int
    per_sheet: int
    mime: str
    sizes: np.ndarray
    entry: Entry

    def sheets(self) -> Iterator[bytes]:
        """The encoded sheets, one after the other."""
        for index in range(-(-self.n // self.per_sheet)):
            yield self.sheet(index)

    def sheet(self, index: int) -> bytes:
        """One encoded sheet."""
        return self.entry.array(f"sheet_{index}").tobytes()

    def place(self, row: int) -> tuple[int, int, int]:
        """The sheet of a row, and the left and top of its tile there in pixels."""
        sheet, position = divmod(row, self.per_sheet)
        line, column = divmod(position, self.columns)
        return sheet, column * self.tile, line * self.tile


def atlas_key(dataset: Dataset, tile: int | None = None) -> str:
    """The key under which the atlas of a dataset is stored."""
    tile = tile or (MANY_TILE if len(dataset) > MANY else TILE)
    return key_of("atlas", VERSION, dataset.images_key, tile)


def make_atlas(
    dataset: Dataset,
    store: Store,
    tile: int | None = None,
    per_sheet: int | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> str:
    """Write the atlas of a dataset, if it is not there yet, and return its key.

    Images of at most 64 pixels keep their own size and stay exact (PNG); larger ones are shrunk
    to `tile` pixels on the longest side (JPEG), by default 96. Of more than 20,000 images all
    are JPEG, by default of at most 48 pixels. `report(done, total)` is called at each sheet.
    """
    key = atlas_key(dataset, tile)
    if store.has(key):
        return key
    many = len(dataset) > MANY
    tile = tile or (MANY_TILE if many else TILE)
    per_sheet = per_sheet or (MANY_PER_SHEET if many else PER_SHEET)
    native = int(np.max(dataset.sizes)) if len(dataset) else tile
    small = native <= SMALL and not many
    side = native if small or (many and native < tile) else tile
    columns = int(np.ceil(np.sqrt(min(per_sheet, max(len(dataset), 1)))))
    per_sheet = columns * columns
    arrays: dict[str, np.ndarray] = {}
    sizes = np.zeros((len(dataset), 2), np.uint8)
    for index, start in enumerate(range(0, len(dataset), per_sheet)):
        rows = range(start, min(start + per_sheet, len(dataset)))
        sheet = _sheet(dataset, rows, side, columns, small, sizes)
        arrays[f"sheet_{index}"] = np.frombuffer(_encoded(sheet, small), np.uint8)
        report(rows.stop, len(dataset))
    meta = {
        "n": len(dataset), "tile": side, "columns": columns, "per_sheet": per_sheet,
        "mime": "image/png" if small else "image/jpeg",
    }  # fmt: skip
    store.put(key, arrays | {"sizes": sizes}, meta)
    return key


def read_atlas(store: Store, key: str) -> Atlas | None:
    """The atlas that `make_atlas` wrote, or None where it is not there (yet)."""
    entry = store.get(key)
    if entry is None:
        return None
    return Atlas(**entry.meta, sizes=np.array(entry.array("sizes")), entry=entry)


def _sheet(
    dataset: Dataset, rows: range, side: int, columns: int, small: bool, sizes: np.ndarray
) -> np.ndarray:
    lines = -(-len(rows) // columns)
    sheet = np.full((lines * side, columns * side, 3), 128, np.uint8)
    for position, row in enumerate(rows):
        size = None if small else side
        picture = dataset.image(row, size, mode="rgb", fit="longest")[:side, :side]
        line, column = divmod(position, columns)
        height, width = picture.shape[:2]
        top, left = line * side, column * side
        sheet[top : top + height, left : left + width] = picture
        sizes[row] = width, height
    return sheet


def _encoded(sheet: np.ndarray, small: bool) -> bytes:
    from core.images import encode_jpeg, encode_png

    return encode_png(sheet) if small else encode_jpeg(sheet, 80)
