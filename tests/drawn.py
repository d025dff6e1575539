"""Small drawn pictures for tests: two kinds that colour or shape tells apart, and some strays."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 32
INK = {"disc": (210, 60, 40), "square": (40, 90, 200)}


def picture(kind: str, number: int) -> Image.Image:
    """A disc or a square, a little different for each number; a stray is coloured noise."""
    rng = np.random.default_rng([sum(kind.encode()), number])
    if kind == "stray":
        return Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))
    ground = Image.new("RGB", (SIDE, SIDE), (240, 240, int(rng.integers(215, 245))))
    left, top = (int(v) for v in rng.integers(3, 8, 2))
    size = int(rng.integers(16, 21))
    ink = tuple(int(v) for v in np.clip(np.add(INK[kind], rng.integers(-12, 13, 3)), 0, 255))
    draw = ImageDraw.Draw(ground)
    shape = draw.ellipse if kind == "disc" else draw.rectangle
    shape((left, top, left + size, top + size), fill=ink)
    return ground


def save(folder: Path, kind: str, count: int, names: str = "{kind}_{number:02}.png") -> None:
    """Write that many pictures of a kind into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture(kind, number).save(folder / names.format(kind=kind, number=number))


def zipped(count: int, names: dict[str, str] | None = None) -> bytes:
    """A ZIP with a folder of discs and one of squares, so many pictures in each."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for kind in INK:
            for number in range(count):
                png = io.BytesIO()
                picture(kind, number).save(png, "PNG")
                folder = (names or {}).get(kind, kind)
                archive.writestr(f"{folder}/{kind}_{number:02}.png", png.getvalue())
    return buffer.getvalue()
