"""MobileNetV2, a network of keras.applications."""

from __future__ import annotations

from dataclasses import dataclass

from core.cnn.pretrained import Pretrained, layer_param, size_param, weights_param


@dataclass(frozen=True)
class MobileNetV2(Pretrained):
    """The pooled output of a layer of MobileNetV2, (n, channels) float32.

    The last feature map has 1,280 channels, each from 0 to 6. The weights, trained on ImageNet, are
    downloaded once by Keras, or `weights` is the path of the same file.

    References
    ----------
    M. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018.
    """

    name = "mobilenet_v2"
    label = "MobileNetV2"
    summary = "Describes a photo by a small network made for telephones: quick."
    sees = "What things are: their parts and materials, learnt from a million photos."
    blind_to = "Small details, text, and kinds of things that are in no photo it learnt from."

    layer: str = layer_param(
        ("Conv1_relu", "block_2_add", "block_5_add", "block_9_add", "block_12_add", "block_15_add")
    )
    size: int | None = size_param(224)
    weights: str = weights_param()
