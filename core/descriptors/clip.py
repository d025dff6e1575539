"""CLIP: the image half of a network that learnt from pictures and their captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.cnn.onnx_encoder import USUAL_SIDE, Encoder, encoder
from core.components import Descriptor
from core.errors import InputError, printable
from core.images import rgb
from core.keys import key_of_file
from core.params import param
from core.store import home
from core.types import Dataset, Explanation

FILE = "clip-vit-b-32-visual.onnx"
WHERE = "model.onnx of https://huggingface.co/Qdrant/clip-ViT-B-32-vision"
MEAN = np.array((0.48145466, 0.4578275, 0.40821073), np.float32)  # of red, green, blue in 0 .. 1
DEVIATION = np.array((0.26862954, 0.26130258, 0.27577711), np.float32)


@dataclass(frozen=True)
class Clip(Descriptor):
    """The embedding of a CLIP image encoder, (n, d) float32, rows of length 1.

    The encoder is an ONNX file that you provide. Preprocessing is CLIP's: the shorter side
    resized by bicubic interpolation, the middle cut out, its means and deviations.

    References
    ----------
    A. Radford et al., "Learning transferable visual models from natural language supervision",
    ICML 2021.
    """

    name = "clip"
    label = "CLIP"
    reads = "rgb"
    deep = True
    aspect = "things"
    summary = "Describes a photo as a network does that learnt from pictures and their captions."
    sees = "What people would write about the picture: things, scenes, styles, printed words."
    blind_to = "Exact counts and positions, and the margins, which are cut off."

    model: str | None = param(
        None,
        "Model file",
        f"The path of an ONNX file. Auto: models/{FILE} in Facette's folder.",
        type=str,
        path=True,
    )

    def load(self) -> None:
        """Import onnxruntime, read the file and run it once."""
        self._encoder()

    def prepare(self, dataset: Dataset, index: int) -> np.ndarray:
        """The middle square of the image, (side, side, 3) uint8."""
        side = self._encoder().side
        return centre(rgb(dataset.read(index, side)), side)

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Describe RGB images (h, w, 3) uint8 as (n, d) float32, rows of length 1."""
        network = self._encoder()
        stack = np.stack([centre(image, network.side) for image in images])
        scaled = (stack.astype(np.float32) / 255 - MEAN) / DEVIATION
        values = network.encode(scaled.transpose(0, 3, 1, 2))
        return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)

    def explain(self, image: np.ndarray) -> Explanation:
        """Show the part of the image that is looked at, and its values."""
        values = self.describe([image])[0]
        return Explanation(
            caption=f"{len(values)} values describe the middle {image.shape[1]} x "
            f"{image.shape[0]} pixels; two images are alike where their curves run together.",
            image=image,
            curves={"value": values},
        )

    def identity(self, seed: int) -> dict[str, Any]:
        """The path of the file does not count, its content does."""
        file = self._file()
        content = key_of_file(file) if file.is_file() else f"no file {file}"
        return super().identity(seed) | {"params": {"model": content}}

    def _file(self) -> Path:
        return Path(self.model).expanduser() if self.model else home() / "models" / FILE

    def _encoder(self) -> Encoder:
        file = self._file()
        if not file.is_file():
            raise InputError(
                f"clip: model: got {printable(file)}, where there is no file. Get {WHERE}, "
                f"save it as {home() / 'models' / FILE}, or give its path: clip:model=PATH."
            )
        return encoder(file.resolve(), key_of_file(file))


def centre(image: np.ndarray, side: int = USUAL_SIDE) -> np.ndarray:
    """The middle (side, side, 3) uint8 of an image (h, w, 3) whose shorter side becomes `side`.

    Pillow's bicubic interpolation, as CLIP was trained with.

    >>> centre(np.zeros((30, 40, 3), np.uint8), 15).shape
    (15, 15, 3)
    """
    from PIL import Image

    shorter = min(image.shape[:2])
    if shorter != side:
        image = _cut(image, 4 * shorter)  # the ends of 2 x 3000 pixels would only take memory
        scale = side / shorter
        height, width = (max(side, int(n * scale)) for n in image.shape[:2])
        resized = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
        image = np.asarray(resized)
    return np.ascontiguousarray(_cut(image, side))


def _cut(image: np.ndarray, most: int) -> np.ndarray:
    """The middle of an image, each side at most so long."""
    top, left = (max(0, (n - most) // 2) for n in image.shape[:2])
    return image[top : top + most, left : left + most]
