"""The network behind the autoencoder descriptor: built, trained with early stopping, applied.

A network squeezes an image to a few numbers and rebuilds it from them. Every random choice
(first weights, held-out images, order, shifts) is drawn from the seed, and operations are
deterministic, so the same images and seed give the same bytes on the same machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.cnn.runtime import import_keras, import_tensorflow

FILTERS = (16, 32, 64, 128, 128)  # of each halving; a side of 128 pixels is halved five times
SMALLEST = 4  # pixels of the last feature map's side: halving ends there
HELD_OUT = 0.1  # share of the images that early stopping judges by
FEWEST = 10  # with fewer images none can be spared: it is judged by those it learns from
PATIENCE = 6  # epochs without a better held-out error until training ends
BETTER = 0.999  # an error counts as better when it is below this share of the best
APPLIED = 256  # images a batch when a trained network is applied

Report = Callable[[int], None]  # told how many images have passed through training so far


@dataclass(frozen=True)
class Training:
    """How a network is trained: the most epochs, images a step, first step size, shift in pixels.

    The step size falls to 0 along a cosine over `epochs` (Loshchilov and Hutter, 2017,
    https://arxiv.org/abs/1608.03983). `shift` moves every image anew each time it is seen, by up
    to so many pixels each way, its edge repeated.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 2e-3
    shift: int = 0


@dataclass(frozen=True)
class History:
    """What training went through: the mean squared error of each epoch, of values 0 to 1.

    `loss` and `validation_loss` (epochs,) float32; `best` is the epoch whose weights were kept.
    """

    loss: np.ndarray
    validation_loss: np.ndarray
    best: int


class Autoencoder:
    """A convolutional autoencoder for images (size, size, channels) of any size from 5.

    Strided convolutions of 3 x 3 halve the side until it is at most 4 pixels, one dense layer
    makes the `latent` numbers, linear and without batch normalisation, and transposed
    convolutions go the way back. The idea is that of Masci et al., "Stacked convolutional
    auto-encoders for hierarchical feature extraction", ICANN 2011; the layout is close to that
    of Guo et al., "Deep clustering with convolutional autoencoders", ICONIP 2017, but narrower.

    Parameters
    ----------
    size : side of the images in pixels
    channels : 1 for grey, 3 for RGB
    latent : how many numbers describe an image
    seed : decides the first weights
    """

    def __init__(self, size: int, channels: int, latent: int, seed: int) -> None:
        self.seed = seed
        self.encoder, self.whole = _models(size, channels, latent, seed)
        tf = import_tensorflow()
        self._encode = tf.function(lambda x: self.encoder(x, training=False), reduce_retracing=True)
        self._rebuild = tf.function(lambda x: self.whole(x, training=False), reduce_retracing=True)

    def fit(
        self, images: np.ndarray, how: Training, report: Report = lambda images_seen: None
    ) -> History:
        """Train on images (n, size, size, channels) uint8; the best epoch's weights are kept.

        A tenth of the images is held out, unless there are fewer than 10. `report` is called
        after each step and may raise to stop.
        """
        rng = np.random.default_rng(self.seed)
        learnt, held_out = _split(len(images), rng)
        step = self._step(how, -(-len(learnt) // how.batch_size))
        losses: list[float] = []
        errors: list[float] = []
        best, weights = 0, self.whole.get_weights()
        for epoch in range(how.epochs):
            seen = []
            for rows in _batches(rng.permutation(learnt), how.batch_size):
                seen.append(step(_scaled(_shifted(images[rows], how.shift, rng))))
                report(epoch * len(learnt) + min(len(seen) * how.batch_size, len(learnt)))
            losses.append(float(np.mean([float(loss) for loss in seen])))
            errors.append(self._error(images, held_out))
            if epoch == 0 or errors[-1] < BETTER * errors[best]:
                best, weights = epoch, self.whole.get_weights()
            elif epoch - best >= PATIENCE:
                break
        self.whole.set_weights(weights)
        return History(np.array(losses, np.float32), np.array(errors, np.float32), best)

    def encode(self, images: np.ndarray) -> np.ndarray:
        """(n, latent) float32 of images (n, size, size, channels) uint8."""
        return _applied(self._encode, images)

    def rebuild(self, images: np.ndarray) -> np.ndarray:
        """The images as they come out again, uint8, of the same shape."""
        values = _applied(self._rebuild, images)
        return np.clip(np.round(values * 255), 0, 255).astype(np.uint8)

    def _error(self, images: np.ndarray, rows: np.ndarray) -> float:
        """The mean squared error of rebuilding these rows, in values 0 to 1."""
        total = 0.0
        for batch in _batches(rows, APPLIED):
            x = _scaled(images[batch])
            total += float(np.square(self._rebuild(x).numpy() - x).mean(dtype=np.float64)) * len(x)
        return total / len(rows)

    def _step(self, how: Training, steps: int) -> Callable[[np.ndarray], Any]:
        """A function that learns from one batch and gives its loss."""
        keras, tf = import_keras(), import_tensorflow()
        schedule = keras.optimizers.schedules.CosineDecay(how.learning_rate, how.epochs * steps)
        optimizer = keras.optimizers.Adam(schedule)
        variables = self.whole.trainable_variables
        optimizer.build(variables)

        @tf.function(reduce_retracing=True)  # the last batch may be shorter
        def step(x: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(self.whole(x, training=True) - x))
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            return loss

        return step


def _models(size: int, channels: int, latent: int, seed: int) -> tuple[Any, Any]:
    """The encoder and the whole network, which share their weights."""
    keras = import_keras()
    layers = keras.layers
    seeds = iter(np.random.default_rng(seed).integers(0, 2**31, 2 * len(FILTERS) + 2).tolist())

    def start() -> Any:
        return keras.initializers.GlorotUniform(seed=next(seeds))

    sides = [size]
    while sides[-1] > SMALLEST:
        sides.append(-(-sides[-1] // 2))
    filters = FILTERS[: len(sides) - 1]
    image = x = keras.Input((size, size, channels))
    for n in filters:
        x = layers.Conv2D(n, 3, 2, "same", activation="relu", kernel_initializer=start())(x)
    shape = x.shape[1:]
    code = layers.Dense(latent, kernel_initializer=start())(layers.Flatten()(x))
    x = layers.Dense(int(np.prod(shape)), activation="relu", kernel_initializer=start())(code)
    x = layers.Reshape(shape)(x)
    for n, side in zip((channels, *filters[:-1])[::-1], sides[-2::-1], strict=True):
        last = side == size
        x = layers.Conv2DTranspose(
            n, 3, 2, "same", activation=None if last else "relu", kernel_initializer=start()
        )(x)
        if over := x.shape[1] - side:  # twice a side that was rounded up is one pixel too many
            x = layers.Cropping2D(((0, over), (0, over)))(x)
    return keras.Model(image, code), keras.Model(image, x)


def _split(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from, and rows to judge by."""
    rows = rng.permutation(n)
    if n < FEWEST:
        return rows, rows
    held_out = round(n * HELD_OUT)
    return rows[held_out:], rows[:held_out]


def _batches(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _shifted(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Each image (n, h, w, c) moved by -most to most pixels both ways, its edges repeated."""
    if not most:
        return images
    n, side = images.shape[:2]
    down, right = rng.integers(-most, most + 1, (2, n, 1))
    rows, columns = (np.clip(np.arange(side) + by, 0, side - 1) for by in (down, right))
    return images[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _scaled(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / 255


def _applied(function: Callable[[np.ndarray], Any], images: np.ndarray) -> np.ndarray:
    """`function` over all images; every batch has the same length, so rounding is the same."""
    parts = []
    length = min(APPLIED, len(images))
    for rows in _batches(np.arange(len(images)), length):
        x = _scaled(images[rows])
        whole = np.zeros((length, *x.shape[1:]), np.float32)
        whole[: len(x)] = x
        parts.append(function(whole).numpy()[: len(x)])
    return np.concatenate(parts)
