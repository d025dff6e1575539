"""The networks trained on ImageNet: what there is, and each of them built and loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError, input_error, printable

GAINS = {"efficientnet_b0": 1.4}
IMAGENET, RANDOM = "imagenet", "random"


@dataclass(frozen=True)
class Backbone:
    """One network without its classes.

    Attributes
    ----------
    name : as commands and forms write it
    label : as people call it
    size : side of the images that it was trained on, in pixels, which is the default
    least_size : the smallest side for which its layers are defined
    splits : layers after which it may be cut for fine-tuning, early to late. All that flows
        from the images to the last feature map goes through each of them. After the last one
        comes the last stage or two, up to a third of the whole work (see docs); the output of
        NASNet's cells goes to the next two cells, so it can be cut only at its stem.
    """

    name: str
    label: str
    size: int
    least_size: int
    splits: tuple[str, ...]


BACKBONES = (
    Backbone(
        "efficientnet_lite0",
        "EfficientNet-Lite0",
        224,
        32,
        ("block_3_2", "block_4_3", "block_5_3", "block_6_1"),
    ),
    Backbone(
        "efficientnet_lite1",
        "EfficientNet-Lite1",
        240,
        32,
        ("block_3_3", "block_4_4", "block_5_4", "block_6_2"),
    ),
    Backbone(
        "efficientnet_lite2",
        "EfficientNet-Lite2",
        260,
        32,
        ("block_3_3", "block_4_4", "block_5_4", "block_6_2"),
    ),
    Backbone(
        "efficientnet_b0",
        "EfficientNet-B0",
        224,
        32,
        ("block3b_add", "block4c_add", "block5c_add", "block6a_project_bn"),
    ),
    Backbone(
        "mobilenet_v2",
        "MobileNetV2",
        224,
        32,
        ("block_5_add", "block_9_add", "block_12_add", "block_13_project_BN"),
    ),
    Backbone("nasnet_mobile", "NASNet-A Mobile", 224, 32, ("stem_bn1",)),
    Backbone("resnet50", "ResNet-50", 224, 32, ("conv3_block4_out", "conv4_block6_out")),
    Backbone("vgg16", "VGG16", 224, 32, ("block3_pool", "block4_pool")),
)


def names() -> tuple[str, ...]:
    """The names of all backbones.

    >>> names()[0]
    'efficientnet_lite0'
    """
    return tuple(backbone.name for backbone in BACKBONES)


def find(name: str) -> Backbone:
    """The backbone of that name, or an `InputError` that lists the names."""
    for backbone in BACKBONES:
        if backbone.name == name:
            return backbone
    raise InputError(f"backbone: got {printable(name)}, allowed is one of {', '.join(names())}.")


def build(name: str, size: int | None = None, weights: str = IMAGENET, seed: int = 0) -> Any:
    """A flat functional `keras.Model` of standard layers, preprocessing included.

    Input (size, size, 3) float32 RGB, 0 .. 255; output the last feature map (h, w, c) after its
    activation, before pooling. Takes some seconds; TensorFlow is imported.

    Parameters
    ----------
    name : one of `names()`
    size : side of the images in pixels; the one it was trained on where None
    weights : `imagenet`, `random`, or the path of a file of weights
    seed : of random weights

    Raises
    ------
    InputError
        An unknown name, a size that is too small, weights that are not there or do not fit.
    FacetteError
        TensorFlow or the package that holds the weights is not installed.
    """
    from core.cnn import applications, efficientnet_lite

    backbone = find(name)
    size = backbone.size if size is None else size
    if size < backbone.least_size:
        raise input_error(f"{name}: size", size, f"at least {backbone.least_size} pixels")
    if name in efficientnet_lite.LITES:
        model = efficientnet_lite.network(name, size)
        if weights != RANDOM:
            path = None if weights == IMAGENET else Path(weights).expanduser()
            efficientnet_lite.load_weights(model, name, path)
    else:
        model = applications.network(name, size, None if weights == RANDOM else weights)
    if weights == RANDOM:
        _randomise(model, seed)
    return model


def _randomise(model: Any, seed: int) -> None:
    """Give every kernel values by K. He et al. ("Delving deep into rectifiers", 2015).

    Their factor is right for ReLU; `GAINS` makes up for activations and gates that let less
    through, so that the last feature map does not vanish.
    """
    rng = np.random.default_rng(seed)
    gain = GAINS.get(model.name, 1.0)
    for layer in model.layers:
        if not layer.trainable:  # the fixed exchange of colours
            continue
        for variable in layer.trainable_weights:
            if "kernel" not in variable.name:
                continue
            shape = tuple(variable.shape)  # the last is 1 where each channel is filtered alone
            fan_in = shape[0] * shape[1] * (1 if shape[3] == 1 else shape[2])
            values = rng.normal(0, gain * np.sqrt(2 / fan_in), shape)
            variable.assign(values.astype(np.float32))
