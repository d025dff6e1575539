"""How fast images are described, against decoding the same JPEG files on one core."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import ROOT, Table, shallow, shared_data
from core import images, registry
from core.events import Context
from core.types import Dataset, Source

NAME = "extraction"
TITLE = "Speed: describing images"
TURNS = 5  # of which the quickest counts: whatever else the machine does only adds


@dataclass(frozen=True)
class Photos:
    """JPEG files in memory, and a sentence on what they are."""

    files: Sequence[bytes]
    about: str


def measure(large: bool) -> list[Table]:
    """Images a second of both decoders and of every descriptor."""
    photos = _photos(1000 if large else 300)
    with _one_core():
        pixels = [images.decode(file) for file in photos.files]
        dataset = _dataset(pixels)
        steps: dict[str, Callable[[], object]] = {
            "decode with OpenCV (the measure)": partial(_by_opencv, photos.files),
            "decode with Pillow (what Facette does)": partial(_by_pillow, photos.files),
        }
        for name in shallow():
            (descriptor,) = registry.parse_signature(name)
            descriptor.extract(_dataset(pixels[:20]), Context())  # loads its libraries
            work = descriptor.resolve(dataset)
            steps[f"`{work.spec()}`"] = partial(work.extract, dataset, Context())
        found = _quickest(steps)
    base = next(iter(found.values()))
    rows = [
        (name, f"{len(pixels) / seconds:,.0f}", f"{seconds / base:.2f}")
        for name, seconds in found.items()
    ]
    return [
        Table(
            f"{len(pixels):,} {photos.about}",
            ("step", "images a second", "time against decoding"),
            rows,
            "One process on one core. A descriptor's time is from decoded pixels to its block: "
            "shrinking to its working size is in it, decoding is not. The best of "
            f"{TURNS} turns. Facette decodes with Pillow, which reads more kinds of files, and "
            "lets it decode JPEGs at a reduced size where a descriptor asks for a small one.",
        )
    ]


def _photos(n: int) -> Photos:
    """Photos of the folder of real data, or the teaching set as large JPEGs where there is none."""
    data = shared_data()
    if data is not None:
        paths = sorted((data / "flipkart1050" / "images").glob("*.jpg"))[:n]
        return Photos([p.read_bytes() for p in paths], "product photos, longest side 320 pixels")
    paths = sorted((ROOT / "sample_data").rglob("*.png"))
    drawn = (images.resized(images.decode(path), 320, 240) for path in paths)
    return Photos([images.encode_jpeg(image) for image in drawn], "drawn pictures, 320 x 240")


def _dataset(pixels: Sequence[np.ndarray]) -> Dataset:
    return Dataset(
        name="photos",
        source=Source("folder"),
        ids=tuple(str(i) for i in range(len(pixels))),
        sizes=np.array([image.shape[1::-1] for image in pixels], np.int32),
        read=lambda index, at_least: pixels[index],
        images_key="0" * 32,
    )


def _by_opencv(files: Sequence[bytes]) -> None:
    import cv2

    cv2.setNumThreads(1)
    for file in files:
        cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)


def _by_pillow(files: Sequence[bytes]) -> None:
    for file in files:
        images.decode(file)


def _quickest(steps: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """The seconds of each step's quickest turn; turns alternate, so a busy spell hits all."""
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(TURNS):
        for name, work in steps.items():
            start = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this process, with all threads it starts, on one core where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
