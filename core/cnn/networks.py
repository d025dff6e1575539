"""The networks: one from scratch, and pretrained backbones with a new head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.cnn import backbones
from core.cnn.config import TrainConfig
from core.cnn.runtime import import_keras

FEATURE_MAP = "feature_map"  # what Grad-CAM looks at
EMBEDDING = "embedding"  # the penultimate layer
OUTPUT = "probabilities"
FILTERS = (32, 64, 128, 128, 256)
HIDDEN = 128


@dataclass(frozen=True)
class Network:
    """A classifier, and the part of it that learns; they share their layers.

    `whole` goes from images (n, size, size, 3) float32 0..255 to probabilities (n, C);
    `learning` from what the frozen layers make of them, or from the images where none is frozen.
    """

    whole: Any
    learning: Any


def build(config: TrainConfig, n_classes: int, pretrained: bool = True) -> Network:
    """The network of a settled configuration, its weights drawn by the seed.

    `pretrained=False` leaves out reading the backbone's weights, for a model whose own weights
    are loaded next.
    """
    keras = import_keras()
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.seed)
    if config.model == "scratch":
        whole = _scratch(keras, config, n_classes)
        # What is compiled keeps its optimizer, which does not belong into the saved model.
        return Network(whole, keras.Model(whole.input, whole.output, name="learning"))
    weights = config.weights if pretrained else "random"
    backbone = backbones.build(config.backbone, config.size, weights, config.seed)
    pooled = keras.layers.GlobalAveragePooling2D(name=EMBEDDING)(backbone.output)
    output = _head(keras, config, n_classes, pooled)
    whole = keras.Model(backbone.input, output, name="classifier")
    learning = keras.Model(cut(config, whole), output, name="learning")
    whole.trainable = False
    for layer in (
        learning.layers
    ):  # statistics of batches stay: their statistics are of millions of photos, ours of a few
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    return Network(whole, learning)


def cut(config: TrainConfig, whole: Any) -> Any:
    """The tensor of a classifier up to which it is frozen: its pooled features, or a map."""
    if config.model == "transfer":
        return whole.get_layer(EMBEDDING).output
    return whole.get_layer(backbones.find(config.backbone).splits[-1]).output


def feature_map(whole: Any) -> Any:
    """The tensor of a classifier's last feature map (n, h, w, c), for Grad-CAM."""
    names = [layer.name for layer in whole.layers]
    if FEATURE_MAP in names:
        return whole.get_layer(FEATURE_MAP).output
    return whole.get_layer(EMBEDDING).input


def _scratch(keras: Any, config: TrainConfig, n_classes: int) -> Any:
    """Convolutions and max-pooling until the map is about 4 pixels wide, then two dense layers."""
    assert config.size is not None  # the configuration is settled
    layers = keras.layers
    inputs = keras.Input((config.size, config.size, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scaling")(inputs)
    side, depth = config.size, 0
    while side > 4 and depth < len(FILTERS):
        x = layers.Conv2D(
            FILTERS[depth], 3, padding="same", use_bias=False, name=f"convolution_{depth + 1}"
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"normalisation_{depth + 1}")(x)
        last = side // 2 <= 4 or depth + 1 == len(FILTERS)
        x = layers.ReLU(name=FEATURE_MAP if last else f"relu_{depth + 1}")(x)
        x = layers.MaxPooling2D(name=f"pooling_{depth + 1}")(x)
        side, depth = side // 2, depth + 1
    x = layers.Flatten(name="flat")(x)
    x = layers.Dropout(config.dropout, seed=config.seed, name="dropout_before")(x)
    x = layers.Dense(HIDDEN, activation="relu", name=EMBEDDING)(x)
    return keras.Model(inputs, _head(keras, config, n_classes, x), name="classifier")


def _head(keras: Any, config: TrainConfig, n_classes: int, x: Any) -> Any:
    seed = (config.seed + 1) % 2**32
    x = keras.layers.Dropout(config.dropout, seed=seed, name="dropout")(x)
    return keras.layers.Dense(n_classes, activation="softmax", name=OUTPUT)(x)
