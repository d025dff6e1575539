"""Draw the teaching set: 240 small pictures in three pairs of classes.

The two classes of a pair differ in one thing alone, so that one glance tells which descriptor
sees it:

- red_balloon, blue_balloon: colour. Hue apart they are drawn alike, and every pixel's grey value
  (ITU-R BT.601, as OpenCV computes it) is set before the hue is.
- striped_egg, speckled_egg: texture. Both patterns are ranks mapped through one tone curve, so
  the colours inside the shell are the same ones, equally often.
- green_star, green_square: shape. Equal area, and the shades inside are ranks as well.

Run `python sample_data/draw.py [FOLDER]`; the same pictures come out every time.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

PER_CLASS = 40
SIZE = 96  # pixels
FINE = 4  # every shape is drawn this many times finer, then averaged: smooth edges
SEED = 7
LIGHT = 232  # the grey value of the paper

# Hues as differences from grey, (red, blue); green follows from the grey value wanted.
RED, BLUE, GREEN, SAND, PAPER = (112, -48), (-62, 118), (-70, -38), (26, -52), (5, -16)

Pose = tuple[np.ndarray, np.ndarray]  # x and y of every fine pixel in the object's own frame


def pose(rng: np.random.Generator, shift: float, turn: float, grow: float) -> Pose:
    """Coordinates in pixels around a centre that is shifted, turned (degrees) and scaled."""
    at = (np.arange(SIZE * FINE) + 0.5) / FINE - SIZE / 2
    x, y = np.meshgrid(at, at)
    dx, dy = rng.uniform(-shift, shift, 2)
    angle = np.deg2rad(rng.uniform(-turn, turn))
    scale = rng.uniform(1 - grow, 1 + grow)
    x, y = (x - dx) / scale, (y - dy) / scale
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def smooth(fine: np.ndarray) -> np.ndarray:
    """The average of FINE x FINE blocks: (SIZE, SIZE) float from a fine field."""
    return fine.reshape(SIZE, FINE, SIZE, FINE).mean(axis=(1, 3))


def ranks(field: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Values of 0 to 1, spread evenly over the pixels inside, in the order of `field`."""
    result = np.zeros(field.shape)
    order = np.argsort(np.round(field[inside], 6), kind="stable")
    spread = np.empty(len(order))
    spread[order] = (np.arange(len(order)) + 0.5) / len(order)
    result[inside] = spread
    return result


def tinted(gray: np.ndarray, hue: tuple[int, int]) -> np.ndarray:
    """(…, 3) uint8 of that hue whose grey value is exactly `gray`, rounded."""
    gray = np.round(gray)
    room = np.minimum(gray, 255 - gray) / 100  # pale towards black and white, so nothing clips
    red = np.round(gray + hue[0] * np.minimum(1, room))
    blue = np.round(gray + hue[1] * np.minimum(1, room))
    green = np.round((gray - 0.299 * red - 0.114 * blue) / 0.587)
    return np.stack([red, green, blue], axis=-1).clip(0, 255).astype(np.uint8)


def on_paper(cover: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Lay an object on the paper, the same for all: (SIZE, SIZE, 3) uint8."""
    paper = tinted(np.full((SIZE, SIZE), LIGHT), PAPER)
    mixed = paper + cover[..., None] * (colour.astype(float) - paper)
    return np.round(mixed).astype(np.uint8)


def balloon(rng: np.random.Generator, hue: tuple[int, int]) -> np.ndarray:
    """A balloon on a string."""
    x, y = pose(rng, shift=6, turn=12, grow=0.05)
    y = y + 8
    body = (x / 25) ** 2 + (y / (29 + 3 * (y > 0))) ** 2 < 1
    knot = (np.abs(x) < (y - 29) * 0.6) & (y < 37)
    string = (np.abs(x - 2.5 * np.sin(y / 5)) < 0.6) & (y > 36) & (y < 60)
    glow = 46 * np.exp(-((x + 9) ** 2 + (y + 11) ** 2) / 260)
    shine = 70 * (((x + 10) / 4) ** 2 + ((y + 13) / 7) ** 2 < 1)
    gray = 100 + glow + shine - 22 * ((x / 25) ** 2 + (y / 30) ** 2)
    colour = tinted(smooth(gray.clip(70, 225)), hue)
    return on_paper(smooth(body | knot | string), colour)


def egg(rng: np.random.Generator, pattern: Callable[..., np.ndarray]) -> np.ndarray:
    """An egg in two tones of sand."""
    x, y = pose(rng, shift=5, turn=15, grow=0.03)
    cover = smooth((x / (28 + 0.16 * y)) ** 2 + (y / 36) ** 2 < 1)
    tone = ranks(pattern(rng), cover > 0)
    gray = 105 + 105 * (0.5 + 0.5 * np.tanh(5 * (tone - 0.5)) / np.tanh(2.5))
    return on_paper(cover, tinted(gray, SAND))


def stripes(rng: np.random.Generator) -> np.ndarray:
    """Parallel slanting stripes, about 7 pixels from one to the next: (SIZE, SIZE) float."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    angle = np.deg2rad(rng.uniform(10, 32))
    phase, period = rng.uniform(0, 7), rng.uniform(6.6, 7.2)
    wave = (x * np.sin(angle) + y * np.cos(angle) + phase) % period
    return np.abs(wave - period / 2)


def speckles(rng: np.random.Generator) -> np.ndarray:
    """Round spots at random places: noise, blurred a little, less the same blurred more."""
    little = rng.integers(0, 1000, (SIZE + 16, SIZE + 16))
    for _ in range(2):
        little = blurred(little)
    more = little
    for _ in range(4):
        more = blurred(more)
    return (little * 16**4 - more)[8:-8, 8:-8].astype(float)


def blurred(values: np.ndarray) -> np.ndarray:
    """Sixteen times the average over 3 x 3 pixels, weighted 1 2 1, in whole numbers."""
    for axis in (0, 1):
        values = np.roll(values, -1, axis) + 2 * values + np.roll(values, 1, axis)
    return values


def plate(
    rng: np.random.Generator, inside: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """A flat green shape, lighter towards the top."""
    cover = smooth(inside(*pose(rng, shift=5, turn=12, grow=0.12)))
    height = -np.arange(SIZE, dtype=float)[:, None].repeat(SIZE, axis=1)
    gray = 105 + 50 * ranks(height, cover > 0)
    return on_paper(cover, tinted(gray, GREEN))


AREA = 46.0**2  # square pixels of a star and of a square


def square(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where the square is."""
    return np.maximum(np.abs(x), np.abs(y)) < AREA**0.5 / 2


def star(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where the five-pointed star is; its inner corners lie at half the outer radius."""
    inner, step = 0.5, np.pi / 5
    outer = (AREA / (5 * inner * np.sin(step))) ** 0.5
    angle = np.abs((np.arctan2(x, -y) + step) % (2 * step) - step)  # 0 at a tip, `step` between
    along, across = np.hypot(x, y) * np.cos(angle), np.hypot(x, y) * np.sin(angle)
    corner_x, corner_y = outer * inner * np.cos(step), outer * inner * np.sin(step)
    return (along - outer) * corner_y + across * (outer - corner_x) < 0


CLASSES: dict[str, tuple[str, Callable[[np.random.Generator], np.ndarray]]] = {
    "red_balloon": ("a red balloon on a string", lambda rng: balloon(rng, RED)),
    "blue_balloon": ("a blue balloon on a string", lambda rng: balloon(rng, BLUE)),
    "striped_egg": ("an egg with stripes", lambda rng: egg(rng, stripes)),
    "speckled_egg": ("an egg with speckles", lambda rng: egg(rng, speckles)),
    "green_star": ("a green star with five points", lambda rng: plate(rng, star)),
    "green_square": ("a green square", lambda rng: plate(rng, square)),
}


def draw(folder: Path) -> None:
    """Write CLASS/CLASS_NN.png for every class, and captions.csv with a row a picture."""
    rows = []
    for number, (name, (caption, picture)) in enumerate(CLASSES.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(PER_CLASS):
            file = f"{name}/{name}_{i:02d}.png"
            pixels = picture(np.random.default_rng((SEED, number, i)))
            Image.fromarray(pixels).save(folder / file, optimize=True)
            rows.append((file, name, caption))
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows([("image", "label", "caption"), *rows])


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
