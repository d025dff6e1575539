"""Small image files, and a store of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.images import encode_jpeg, encode_png
from core.store import Store

Draw = Callable[..., bytes]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", layers=())


@pytest.fixture
def draw() -> Draw:
    """A picture as a file: another number, another picture."""

    def drawn(number: int = 0, width: int = 12, height: int = 9, fmt: str = "png") -> bytes:
        rng = np.random.default_rng(number)
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        return encode_png(pixels) if fmt == "png" else encode_jpeg(pixels)

    return drawn


@pytest.fixture
def fill() -> Callable[[Path, dict[str, bytes]], Path]:
    """Write files below a folder and give the folder back."""

    def filled(root: Path, files: dict[str, bytes]) -> Path:
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return root

    return filled
