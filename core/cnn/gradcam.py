"""Where a network looks: Grad-CAM."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.cnn.networks import OUTPUT, feature_map
from core.cnn.runtime import import_keras, import_tensorflow


def grad_cam(
    whole: Any, inputs: np.ndarray, class_index: int, shape: tuple[int, int]
) -> np.ndarray:
    """How much each place of one image speaks for a class: (h, w) float32 from 0 to 1.

    Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based
    localization", ICCV 2017. The gradient is that of the class's value before the softmax, as
    in the paper: the probability of a network that is sure has none.

    Parameters
    ----------
    whole : the classifier
    inputs : (1, size, size, 3) float32 0..255
    class_index : the class asked for
    shape : height and width of the heat map

    Notes
    -----
    All zeros where nothing in the image speaks for the class.
    """
    keras, tf = import_keras(), import_tensorflow()
    cut, output = feature_map(whole), whole.get_layer(OUTPUT)
    maps = keras.Model(whole.input, cut)(tf.constant(inputs), training=False)
    above = keras.Model(cut, output.input)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        value = tf.linalg.matvec(
            above(maps, training=False), tf.convert_to_tensor(output.kernel)[:, class_index]
        )
    gradient = tape.gradient(value, maps)
    return _heat(maps.numpy()[0], gradient.numpy()[0].mean(axis=(0, 1)), shape)


def _heat(maps: np.ndarray, weights: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    import cv2

    heat = np.maximum(maps @ weights, 0)
    if heat.max() <= 0:
        return np.zeros(shape, np.float32)
    enlarged = cv2.resize(heat, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip(enlarged / enlarged.max(), 0, 1).astype(np.float32)
