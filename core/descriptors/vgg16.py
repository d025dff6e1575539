"""VGG16, a network of keras.applications."""

from __future__ import annotations

from dataclasses import dataclass

from core.cnn.pretrained import Pretrained, layer_param, size_param, weights_param


@dataclass(frozen=True)
class Vgg16(Pretrained):
    """The pooled output of a layer of VGG16, (n, channels) float32.

    The last feature map has 512 channels, none below 0. The weights, trained on ImageNet, are
    downloaded once by Keras, or `weights` is the path of the same file.

    References
    ----------
    K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image
    recognition", ICLR 2015.
    """

    name = "vgg16"
    label = "VGG16"
    summary = (
        "Describes a photo by sixteen layers of small filters: large and slow, long a standard."
    )
    sees = "What things are: their parts and materials, learnt from a million photos."
    blind_to = "Small details, text, and kinds of things that are in no photo it learnt from."

    layer: str = layer_param(("block1_pool", "block2_pool", "block3_pool", "block4_pool"))
    size: int | None = size_param(224)
    weights: str = weights_param()
