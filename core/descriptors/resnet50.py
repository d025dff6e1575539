"""ResNet-50, a network of keras.applications."""

from __future__ import annotations

from dataclasses import dataclass

from core.cnn.pretrained import Pretrained, layer_param, size_param, weights_param


@dataclass(frozen=True)
class ResNet50(Pretrained):
    """The pooled output of a layer of ResNet-50, (n, channels) float32.

    The last feature map has 2,048 channels, none below 0. The weights, trained on ImageNet, are
    downloaded once by Keras, or `weights` is the path of the same file.

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", CVPR 2016.
    """

    name = "resnet50"
    label = "ResNet-50"
    summary = "Describes a photo by fifty layers, each of which adds a little to the one before."
    sees = "What things are: their parts and materials, learnt from a million photos."
    blind_to = "Small details, text, and kinds of things that are in no photo it learnt from."

    layer: str = layer_param(
        ("conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out")
    )
    size: int | None = size_param(224)
    weights: str = weights_param()
