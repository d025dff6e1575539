"""Descriptors trained on ImageNet: the reference's logits, speed, and groups of real photos."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import Table, scratch_store, shared_data
from benchmarks.quality import table
from core import images, registry
from core.cnn import backbones, efficientnet_lite
from core.components import Descriptor
from core.datasets import open_dataset
from core.executor import n_workers
from core.runs import RunConfig
from core.store import Store
from core.types import Source

NAME = "pretrained"
TITLE = "Descriptors trained on ImageNet"
LITE = "efficientnet_lite0"
PIPELINE = RunConfig(LITE, reducer="none")
METRICS = {"ari": "ARI", "ami": "AMI"}
CLASSES, EACH = ("Topwear", "Bottomwear", "Shoes"), 231
REQUIREMENTS = ("torch==2.13.0", "numpy", "onnx", "efficientnet-lite-pytorch==0.1.0")
TURNS = 5  # of which the quickest counts: whatever else the machine does only adds

# Run in an environment of its own, which has torch: logits of images, and the network as ONNX.
REFERENCE = """
import sys
import numpy as np, torch
from efficientnet_lite_pytorch import EfficientNet
name, weights, folder = sys.argv[1:]
model = EfficientNet.from_name(name.replace("_", "-"))
model.load_state_dict(torch.load(weights, weights_only=True))
model.eval()
images = np.load(f"{folder}/{name}.npy").astype(np.float32)
x = torch.from_numpy(((images - 127) / 128).transpose(0, 3, 1, 2).copy())
with torch.no_grad():
    np.save(f"{folder}/{name}-logits.npy", model(x).numpy())

class Pooled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = model

    def forward(self, x):
        return self.inner.extract_features((x - 127) / 128).mean((2, 3))

axes = {"x": {0: "n"}, "y": {0: "n"}}
torch.onnx.export(Pooled(), torch.zeros(1, *x.shape[1:]), f"{folder}/{name}.onnx",
    input_names=["x"], output_names=["y"], dynamic_axes=axes, dynamo=False)
"""


def measure(large: bool) -> list[Table]:
    """Logits and speed against the reference; real photos in groups. Only where asked for more."""
    data = shared_data()
    if not large or data is None:
        return []
    with tempfile.TemporaryDirectory() as name, scratch_store() as store:
        folder = Path(name)
        try:
            python = _environment(folder / "env")
            tables = [logits(data, folder, python), speed(folder)]
        except (OSError, subprocess.CalledProcessError) as error:
            why = f"Skipped: an environment with torch cannot be made here ({error})."
            tables = [Table("Against the reference", ("network",), [], why)]
        return [*tables, *groups(data, store)]


def logits(data: Path, folder: Path, python: str) -> Table:
    """The largest difference to the reference's logits, on photos of all three sets."""
    files = [
        *sorted((data / "dogs5").glob("*/*"))[::120],
        *sorted((data / "myntra" / "images").glob("*.jpg"))[::400],
        *sorted((data / "flipkart1050" / "images").glob("*"))[::130],
    ]
    rows = []
    for name in efficientnet_lite.LITES:
        size = backbones.find(name).size
        photos = np.stack([images.fitted(images.decode(file), size) for file in files])
        np.save(folder / f"{name}.npy", photos)
        weights = str(efficientnet_lite.weights_file(name))
        words = [python, "-c", REFERENCE, name, weights, str(folder)]
        subprocess.run(words, check=True, capture_output=True)
        expected = np.load(folder / f"{name}-logits.npy")
        model = efficientnet_lite.network(name, size, classes=True)
        efficientnet_lite.load_weights(model, name)
        found = model.predict(photos.astype(np.float32), batch_size=16, verbose=0)
        same = int((found.argmax(1) == expected.argmax(1)).sum())
        largest = f"{np.abs(found - expected).max():.1e}"
        spread = f"{expected.min():.1f} to {expected.max():.1f}"
        rows.append((f"`{name}`", largest, spread, f"{same} of {len(files)}"))
    columns = ("network", "largest difference", "logits", "same first class")
    note = "Against the network of efficientnet-lite-pytorch 0.1.0 on torch 2.13."
    return Table(f"Logits of {len(files)} photos", columns, rows, note)


def speed(folder: Path) -> Table:
    """Images a second from the same arrays in memory, against an onnxruntime session."""
    rows = []
    for name in efficientnet_lite.LITES:
        size = backbones.find(name).size
        rng = np.random.default_rng(0)
        some = list(rng.integers(0, 256, (64, size, size, 3)).astype(np.uint8))
        descriptor = registry.create("descriptor", name)
        assert isinstance(descriptor, Descriptor)
        session = _session(folder / f"{name}.onnx")
        ours, theirs = _quickest([partial(descriptor.describe, some), partial(session, some)])
        rows.append((f"`{name}`", f"{64 / ours:.0f}", f"{64 / theirs:.0f}", f"{ours / theirs:.2f}"))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    note = f"{n_workers()} cores; the machine's load was {load:.1f}. Batches of 16 on both sides."
    columns = ("network", "Facette, images/s", "onnxruntime, images/s", "ratio of times")
    return Table("Speed against onnxruntime", columns, rows, note)


def groups(data: Path, store: Store) -> list[Table]:
    """EfficientNet-Lite0 and K-Means without a reducer, over five seeds."""
    flipkart = Source("table", str(data / "flipkart1050" / "products.csv"), "image", "label")
    with _three_classes(data / "myntra") as myntra:
        return [
            table(title, open_dataset(source, store), [PIPELINE], store, METRICS)
            for title, source in {
                "Myntra: three classes of 231 photos": Source("folder", str(myntra)),
                "Flipkart: product photos, 7 categories": flipkart,
            }.items()
        ]


@contextmanager
def _three_classes(myntra: Path) -> Iterator[Path]:
    """A folder a class, as many photos of each, drawn by seed 0."""
    with tempfile.TemporaryDirectory() as name, (myntra / "styles.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
        for label in CLASSES:
            known = sorted(row["image"] for row in rows if row["subCategory"] == label)
            (Path(name) / label).mkdir()
            for image in np.random.default_rng(0).choice(known, EACH, replace=False):
                shutil.copyfile(myntra / "images" / image, Path(name) / label / image)
        yield Path(name)


def _environment(folder: Path) -> str:
    """A Python with torch; FACETTE_TORCH_PYTHON where there is one already."""
    if given := os.environ.get("FACETTE_TORCH_PYTHON"):
        return given
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    pip = [python, "-m", "pip", "install", "-q", *REQUIREMENTS]
    subprocess.run(pip, check=True, capture_output=True)
    return python


def _session(path: Path) -> Callable[[list[np.ndarray]], np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_workers()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def describe(some: list[np.ndarray]) -> np.ndarray:
        parts = []
        for start in range(0, len(some), 16):
            x = np.stack(some[start : start + 16]).astype(np.float32).transpose(0, 3, 1, 2)
            parts.append(session.run(None, {"x": np.ascontiguousarray(x)})[0])
        return np.concatenate(parts)

    return describe


def _quickest(steps: list[Callable[[], object]]) -> list[float]:
    """Seconds of each step, taken in turns after one for warming up."""
    times: list[list[float]] = [[] for _ in steps]
    for turn in range(TURNS + 1):
        for seconds, step in zip(times, steps, strict=True):
            start = time.perf_counter()
            step()
            if turn:
                seconds.append(time.perf_counter() - start)
    return [min(seconds) for seconds in times]
