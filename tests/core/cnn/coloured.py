"""Tiny pictures whose class is their colour, for trainings that take seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

INKS = {"blue": (40, 60, 200), "green": (40, 190, 60), "red": (200, 50, 40)}


def picture(name: str, number: int, side: int = 20) -> np.ndarray:
    """Noise around an ink with a darker square somewhere, (side, side, 3) uint8."""
    rng = np.random.default_rng([sum(name.encode()), number])
    image = np.array(INKS[name]) + rng.integers(-35, 36, (side, side, 3))
    top, left = rng.integers(2, side - 8, 2)
    image[top : top + 6, left : left + 6] //= 2
    return image.clip(0, 255).astype(np.uint8)


def write(folder: Path, count: int, names: tuple[str, ...] = tuple(INKS)) -> Path:
    """A folder a colour with that many pictures each."""
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.fromarray(picture(name, number)).save(folder / name / f"{number:02}.png")
    return folder
