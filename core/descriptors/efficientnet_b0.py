"""EfficientNet-B0, a network of keras.applications."""

from __future__ import annotations

from dataclasses import dataclass

from core.cnn.pretrained import Pretrained, layer_param, size_param, weights_param


@dataclass(frozen=True)
class EfficientNetB0(Pretrained):
    """The pooled output of a layer of EfficientNet-B0, (n, channels) float32.

    The last feature map has 1,280 channels. The weights, trained on ImageNet, are
    downloaded once by Keras, or `weights` is the path of the same file.

    References
    ----------
    M. Tan and Q. Le, "EfficientNet: rethinking model scaling for convolutional neural networks",
    ICML 2019.
    """

    name = "efficientnet_b0"
    label = "EfficientNet-B0"
    summary = "Describes a photo by a network whose depth and width were balanced by search."
    sees = "What things are: their parts and materials, learnt from a million photos."
    blind_to = "Small details, text, and kinds of things that are in no photo it learnt from."

    layer: str = layer_param(
        (
            "stem_activation",
            "block2b_add",
            "block3b_add",
            "block4c_add",
            "block5c_add",
            "block6d_add",
            "block7a_project_bn",
        )
    )
    size: int | None = size_param(224)
    weights: str = weights_param()
