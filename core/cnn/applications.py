"""The networks of keras.applications, with the preprocessing that each of them expects."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.cnn.runtime import import_keras
from core.errors import InputError, input_error

PATIENCE = 10.0  # seconds that a download may wait for an answer
HOST = "https://storage.googleapis.com/"
# What Keras subtracts from blue, green and red: the means of ImageNet, from the Caffe models.
CAFFE_MEANS = (103.939, 116.779, 123.68)
IMAGENET_DEVIATIONS = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Application:
    """What Keras calls it, how it wants its images, and the file of its weights.

    `caffe`: blue, green, red with their means subtracted. `tf`: -1 .. 1. `own`: the network
    scales the images itself. `md5` is the sum that Keras checks, empty where it checks none.
    """

    function: str
    scaling: Literal["caffe", "tf", "own"]
    file: str
    path: str  # below HOST
    md5: str = ""


_TF = "tensorflow/keras-applications"
APPLICATIONS = {
    "vgg16": Application(
        "VGG16",
        "caffe",
        file := "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        f"{_TF}/vgg16/{file}",
        "6d6bbae143d832006294945121d1f1fc",
    ),
    "resnet50": Application(
        "ResNet50",
        "caffe",
        file := "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        f"{_TF}/resnet/{file}",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    "efficientnet_b0": Application(
        "EfficientNetB0",
        "own",
        file := "efficientnetb0_notop.h5",
        f"keras-applications/{file}",
        "50bc09e76180e00e4465e1a485ddc09d",
    ),
    "mobilenet_v2": Application(
        "MobileNetV2",
        "tf",
        file := "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        f"{_TF}/mobilenet_v2/{file}",
    ),
    "nasnet_mobile": Application(
        "NASNetMobile",
        "tf",
        "nasnet_mobile_no_top.h5",
        f"{_TF}/nasnet/NASNet-mobile-no-top.h5",
        "1ed92395b5b598bdda52abe5c0dbfd63",
    ),
}


def network(name: str, size: int, weights: str | None) -> Any:
    """A flat `keras.Model`: (size, size, 3) RGB 0 .. 255 -> the last feature map.

    `weights` is None for untrained ones, `imagenet` for Keras's own download (once a machine),
    or the path of the same file. Works without a network where the file is there.
    """
    keras = import_keras()
    about = APPLICATIONS[name]
    make = getattr(keras.applications, about.function)
    file = None if weights is None else _file(name, weights)
    inputs = keras.Input((size, size, 3), name="image")
    scaled = _scaled(keras.layers, inputs, about.scaling)
    model = make(include_top=False, weights=None, input_tensor=scaled, name=name)
    if about.scaling == "caffe":
        _exchange_colors(model.get_layer("blue_green_red"))
    if file is not None:
        plain = model
        if about.scaling == "caffe":  # its layer of ours has weights that no file knows
            plain = make(include_top=False, weights=None, input_shape=(size, size, 3))
        _load(plain, file, about)
        if plain is not model:
            for layer in plain.layers[1:]:
                model.get_layer(layer.name).set_weights(layer.get_weights())
        if name == "efficientnet_b0":
            _rescale(model)
    return model


def place_of(name: str) -> Path:
    """Where Keras keeps the weights of that network on this machine.

    >>> place_of("vgg16").parent.name
    'models'
    """
    home = os.environ.get("KERAS_HOME") or Path("~") / ".keras"
    return Path(home).expanduser() / "models" / APPLICATIONS[name].file


def _scaled(layers: Any, inputs: Any, scaling: str) -> Any:
    if scaling == "tf":
        return layers.Rescaling(1 / 127.5, -1.0, name="scaled")(inputs)
    if scaling == "caffe":
        return layers.Conv2D(3, 1, trainable=False, name="blue_green_red")(inputs)
    return inputs


def _exchange_colors(layer: Any) -> None:
    """Set a 1 x 1 convolution to give blue, green and red, each less its mean."""
    kernel = np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3)
    layer.set_weights([kernel, -np.asarray(CAFFE_MEANS, np.float32)])


def _rescale(model: Any) -> None:
    """Divide once more by the root of the deviation, as Keras does with ImageNet weights.

    Their file holds the deviation where the layer expects its square, so Keras adds a layer.
    Here the layer gets the right number instead.
    """
    layer = next(one for one in model.layers if type(one).__name__ == "Normalization")
    mean, variance, *rest = layer.get_weights()
    deviations = np.asarray(IMAGENET_DEVIATIONS, np.float32)
    layer.set_weights([mean, variance * deviations.reshape(variance.shape), *rest])
    layer.finalize_state()


def _file(name: str, weights: str) -> Path:
    """The file of the weights: the one given, the one that is there, or the one downloaded."""
    about = APPLICATIONS[name]
    if weights == "imagenet":
        place = place_of(name)
        return place if place.is_file() else _download(name, about)
    path = Path(weights).expanduser()
    if path.suffix != ".h5" or not path.is_file():
        raise input_error(
            f"{name}: weights",
            weights,
            "imagenet, random, or the path of an .h5 file",
            f"The file is {about.file}, from {HOST}{about.path}.",
        )
    return path


def _download(name: str, about: Application) -> Path:
    keras = import_keras()
    try:
        with _patience(), contextlib.redirect_stdout(sys.stderr):
            path = keras.utils.get_file(
                about.file,
                HOST + about.path,
                cache_subdir="models",
                cache_dir=str(place_of(name).parent.parent),
                file_hash=about.md5 or None,
            )
    except Exception as error:  # Keras raises a bare Exception where there is no network
        raise InputError(
            f"The weights of {name} cannot be downloaded. Get {HOST}{about.path}, "
            f"put it at {place_of(name)}, or give its path: {name}:weights=PATH."
        ) from error
    return Path(path)


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """Without a limit a download behind a silent firewall would wait for minutes."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _load(model: Any, file: Path, about: Application) -> None:
    """Read an .h5 file of weights: numbers by layer, nothing of it is ever called."""
    try:
        model.load_weights(file)
    except Exception as error:  # a foreign file makes h5py and Keras raise nearly anything
        raise input_error(
            "weights",
            file,
            f"a whole file of the network without its classes, as {about.file}",
            f"It is at {HOST}{about.path}.",
        ) from error
