"""What the descriptors that are networks trained on ImageNet share."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from core.cnn import backbones
from core.cnn.heat import overlaid
from core.components import Descriptor
from core.errors import FacetteError
from core.images import fitted
from core.keys import key_of_file
from core.params import param
from core.types import Dataset, Explanation

LAST = "last"  # the last feature map, after its activation
BATCH = 16  # images that the network always gets at once, filled up with black ones
SHOWN = 256  # an explanation is enlarged to at least this many pixels
LOADED = 8  # networks that a process keeps: one of each, so that comparing them loads each once


class Extractor:
    """One loaded network up to one of its layers; calls from several threads wait in turn.

    It always gets batches of `BATCH` images: a single compiled graph, and a row that does not
    depend on how many other images were asked for.
    """

    def __init__(self, backbone: str, size: int, weights: str, layer: str, content: str) -> None:
        from core.cnn.runtime import import_keras, import_tensorflow

        keras, tf = import_keras(), import_tensorflow()
        whole = _backbone(backbone, size, weights, content)
        output = whole.output if layer == LAST else whole.get_layer(layer).output
        network = keras.Model(whole.input, output)
        self.size = size
        self._lock = threading.Lock()

        def run(images: Any) -> tuple[Any, Any]:
            features = network(tf.cast(images, tf.float32), training=False)
            return tf.reduce_mean(features, (1, 2)), tf.reduce_mean(features, 3)

        images = tf.TensorSpec((BATCH, size, size, 3), tf.uint8)
        self._run = tf.function(run, input_signature=[images], autograph=False)
        self.pooled([np.zeros((size, size, 3), np.uint8)])  # traces and warms it up

    def pooled(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """(n, c) float32: each channel's mean over the places, of images (size, size, 3) uint8."""
        return self._batched(images, 0)

    def seen(self, image: np.ndarray) -> np.ndarray:
        """(h, w) float32: each place's mean over the channels."""
        return self._batched([image], 1)[0]

    def _batched(self, images: Sequence[np.ndarray], which: int) -> np.ndarray:
        rows = []
        for start in range(0, len(images), BATCH):
            some = images[start : start + BATCH]
            batch = np.zeros((BATCH, self.size, self.size, 3), np.uint8)
            batch[: len(some)] = some
            with self._lock:  # all cores work on one batch, while other threads decode the next
                rows.append(self._run(batch)[which].numpy()[: len(some)])
        return np.concatenate(rows)


@lru_cache(LOADED)
def _backbone(name: str, size: int, weights: str, _content: str) -> Any:
    return backbones.build(name, size, weights)


@lru_cache(LOADED)
def extractor(backbone: str, size: int, weights: str, layer: str, content: str) -> Extractor:
    """The loaded network; the process keeps a few. `content` tells files of one path apart."""
    return Extractor(backbone, size, weights, layer, content)


def layer_param(layers: Sequence[str]) -> Any:
    """The parameter `layer` of a network with these layers, early to late."""
    return param(
        LAST,
        "Layer",
        "Where the network is read, its channels averaged over the image: early layers see edges "
        "and colours, late ones things; last is the last feature map.",
        choices=(*layers, LAST),
        advanced=True,
    )


def size_param(own: int) -> Any:
    """The parameter `size` of a network trained on images of `own` pixels."""
    return param(
        None,
        "Size",
        f"Side in pixels of the images that it gets. Auto: {own}, as it was trained.",
        low=32,
        high=640,
        type=int,
        advanced=True,
    )


def weights_param() -> Any:
    """The parameter `weights` of a network whose weights have to be downloaded."""
    return param(
        backbones.IMAGENET,
        "Weights",
        "Write imagenet to have them downloaded once, the path of the same file, or random.",
        path=True,
        advanced=True,
    )


@dataclass(frozen=True)
class Pretrained(Descriptor):
    """Base of one file a network: the pooled output of one of its layers, (n, channels) float32.

    Subclasses declare `layer` and `size` anew by the functions above, and `weights` where they
    are not installed with Facette.
    """

    reads = "rgb"
    deep = True
    aspect = "things"

    layer: str = layer_param(())
    size: int | None = size_param(224)

    @property
    def backbone(self) -> backbones.Backbone:
        """The network, which goes by the same name."""
        return backbones.find(self.name)

    def resolve(self, dataset: Dataset) -> Self:
        """Settle an automatic size: it is the network's own for any dataset."""
        return dataclasses.replace(self, size=self.size or self.backbone.size)

    def load(self) -> None:
        """Import TensorFlow, build the network, read its weights and run it once."""
        self._extractor()

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Describe images (size, size, 3) uint8 RGB as (n, channels) float32."""
        network = self._extractor()
        return network.pooled([fitted(image, network.size) for image in images])

    def explain(self, image: np.ndarray) -> Explanation:
        """Colour the image by how strongly the layer answers at each place."""
        network = self._extractor()
        image = fitted(image, network.size)
        places, values = network.seen(image), network.pooled([image])[0]
        height, width = places.shape
        return Explanation(
            caption=f"{len(values):,} values, each the mean of one channel over {height} x "
            f"{width} places. Bright places are where the channels answer most on average.",
            image=_under_heat(image, places),
            curves={"value": values},
        )

    def identity(self, seed: int) -> dict[str, Any]:
        """The name of a weights file does not count, its content does."""
        about = super().identity(seed)
        if self._is_file:
            path = Path(self._weights).expanduser()
            content = key_of_file(path) if path.is_file() else f"no file {path}"
            about["params"] = about["params"] | {"weights": content}
        return about

    @property
    def _weights(self) -> str:
        return str(getattr(self, "weights", backbones.IMAGENET))

    @property
    def _is_file(self) -> bool:
        return self._weights not in (backbones.IMAGENET, backbones.RANDOM)

    def _extractor(self) -> Extractor:
        size = self.size or self.backbone.size
        path = Path(self._weights).expanduser()
        content = key_of_file(path) if self._is_file and path.is_file() else ""
        try:
            return extractor(self.name, size, self._weights, self.layer, content)
        except (MemoryError, ValueError) as error:
            raise FacetteError(f"{self.name} cannot be built at {size} pixels: {error}") from error


def _under_heat(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The image (h, w, 3) uint8, enlarged to `SHOWN`, with (a, b) float values in colour."""
    import cv2

    side = max(SHOWN, image.shape[0])
    low, high = float(places.min()), float(places.max())
    heat = ((places - low) / max(high - low, 1e-12)).astype(np.float32)
    smooth = cv2.resize(heat, (side, side), interpolation=cv2.INTER_CUBIC)
    return overlaid(fitted(image, side), smooth)
