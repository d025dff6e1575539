"""NASNet-A Mobile, a network of keras.applications."""

from __future__ import annotations

from dataclasses import dataclass

from core.cnn.pretrained import Pretrained, layer_param, size_param, weights_param


@dataclass(frozen=True)
class NasNetMobile(Pretrained):
    """The pooled output of a layer of NASNet-A Mobile, (n, channels) float32.

    The last feature map has 1,056 channels, none below 0. The weights, trained on ImageNet, are
    downloaded once by Keras, or `weights` is the path of the same file.

    References
    ----------
    B. Zoph et al., "Learning transferable architectures for scalable image recognition", CVPR
    2018.
    """

    name = "nasnet_mobile"
    label = "NASNet-A Mobile"
    summary = "Describes a photo by a network whose cells were found by a search, not by people."
    sees = "What things are: their parts and materials, learnt from a million photos."
    blind_to = "Small details, text, and kinds of things that are in no photo it learnt from."

    layer: str = layer_param(("stem_bn1", "normal_concat_3", "normal_concat_8", "normal_concat_12"))
    size: int | None = size_param(224)
    weights: str = weights_param()
