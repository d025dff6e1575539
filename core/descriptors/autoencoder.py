"""A network that learns to squeeze these very images to a few numbers and to rebuild them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from core import executor
from core.components import Descriptor
from core.events import Context
from core.images import rgb
from core.params import param
from core.types import Dataset, Explanation, FeatureBlock

if TYPE_CHECKING:
    from core.cnn.autoencoder_net import Autoencoder as Network
    from core.cnn.autoencoder_net import History

SMALL = 64  # images below this many pixels are worked on at 32 x 32, others at 64 x 64
PASSES = 150_000  # images that training looks at in all, for an automatic number of epochs
FEWEST_EPOCHS, MOST_EPOCHS = 10, 60
KEPT_BYTES = 1 << 29  # pixels kept in memory; of a larger dataset a random part is learnt from
PART = 2_048  # images of such a dataset that are read and described at a time
COLOURLESS = 3  # steps of 255 by which the channels of a grey photo may differ
SHOWN, ACROSS = 8, 4  # images in the wall of reconstructions, and in one row of it
TILE = 64  # pixels of one of them on the wall, at least

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Autoencoder(Descriptor):
    """The narrowest layer of a convolutional autoencoder trained on the dataset itself.

    (n, latent) float32, not bounded. Training uses no labels: the network is judged by how well
    it rebuilds each image from its `latent` numbers, and ends when a held-out tenth gets no
    better. See `core.cnn.autoencoder_net` for its layers.
    """

    name: ClassVar[str] = "autoencoder"
    label: ClassVar[str] = "Autoencoder"
    aspect: ClassVar[str] = "learnt patterns"
    uses_seed: ClassVar[bool] = True
    learns: ClassVar[bool] = True
    deep: ClassVar[bool] = True
    summary: ClassVar[str] = "A network learns to squeeze your images and to rebuild them."
    sees: ClassVar[str] = "Whatever helps to rebuild the image: large forms, places and shades."
    blind_to: ClassVar[str] = "Fine detail, and what things mean: it only knows these images."

    size: int | None = param(
        None,
        "Size",
        "Side of the working image in pixels; larger keeps more detail and takes longer. "
        f"Auto: 32 for images below {SMALL} pixels, {SMALL} above.",
        low=8,
        high=128,
        type=int,
    )
    channels: str = param(
        "auto",
        "Channels",
        "gray is quicker, rgb keeps colours; auto looks whether the images have any colour.",
        choices=("auto", "gray", "rgb"),
    )
    latent: int = param(
        32, "Numbers", "How many an image is squeezed to; few keep only the essence.",
        low=1, high=512,
    )  # fmt: skip
    epochs: int | None = param(
        None,
        "Epochs",
        "How often training sees every image at most; it ends early when it gets no better. "
        f"Auto: {FEWEST_EPOCHS} to {MOST_EPOCHS}, fewer for many images.",
        low=1,
        high=1000,
        type=int,
    )
    batch_size: int = param(
        64, "Batch", "Images a training step; more make fewer, steadier steps.",
        low=1, high=1024, advanced=True,
    )  # fmt: skip
    learning_rate: float = param(
        0.002, "Learning rate", "Size of the first steps; they get smaller to the end.",
        low=1e-6, high=0.1, advanced=True,
    )  # fmt: skip
    shift: float = param(
        0.06, "Shift", "Share of the side by which images are moved at random in training, so "
        "that the place of things counts for less.",
        low=0, high=0.5, advanced=True,
    )  # fmt: skip

    def load(self) -> None:
        """Import Keras, 5 to 10 s long."""
        from core.cnn.runtime import import_keras

        import_keras()

    def resolve(self, dataset: Dataset) -> Self:
        """Settle size, channels and epochs for this dataset."""
        size = self.size or (32 if dataset.typical_side < SMALL else SMALL)
        channels = self.channels
        if channels == "auto":
            channels = "gray" if _is_colourless(dataset) else "rgb"
        epochs = self.epochs or _epochs(len(dataset))
        return dataclasses.replace(self, size=size, channels=channels, epochs=epochs)

    def prepare(self, dataset: Dataset, index: int) -> np.ndarray:
        """The image resized, grey or in colour as `channels` says."""
        return dataset.image(index, self.size, "gray" if self.channels == "gray" else "rgb")

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Train on these images alone, of one shape, with seed 0; (n, latent) float32."""
        stack = _stacked(images)
        network, _ = self._learn(stack, 0, lambda done, total: None)
        return network.encode(stack)

    def extract(self, dataset: Dataset, context: Context) -> FeatureBlock:
        """Train on the dataset and describe it; `arrays` has the losses and reconstructions."""
        return self.resolve(dataset)._extract(dataset, context)

    def _extract(self, dataset: Dataset, context: Context) -> FeatureBlock:
        n = len(dataset)
        rows = self._learnt_rows(n, context.seed)
        passes = (self.epochs or 0) * len(rows)
        whole = len(rows) + passes + n  # every image is read, learnt from, and described

        def read(wanted: np.ndarray, before: int) -> np.ndarray:
            batches = executor.map_batches(
                lambda at: [self.prepare(dataset, int(wanted[i])) for i in at],
                len(wanted),
                lambda done, _: context.report(before + done, whole),
            )
            return _stacked([image for batch in batches for image in batch])

        images = read(rows, 0)
        network, history = self._learn(
            images, context.seed, lambda done, _: context.report(len(rows) + done, whole)
        )
        context.report(len(rows) + passes, whole)
        if len(rows) == n:
            values = network.encode(images)
        else:
            parts = np.split(np.arange(n), range(PART, n, PART))
            values = np.concatenate(
                [network.encode(read(part, whole - n + int(part[0]))) for part in parts]
            )
        context.report(whole, whole)
        arrays = self._learnt(network, history, images)
        return FeatureBlock(values, self._notes(len(rows), n), arrays)

    def explain(self, image: np.ndarray) -> Explanation:
        """Show the image as the network gets it; nothing is trained."""
        side = max(image.shape[:2])
        factor = max(1, 4 * TILE // side)
        return Explanation(
            caption=f"{image.size:,} values go in, {self.latent} come out; it learns how from all "
            "images together.",
            image=image.repeat(factor, axis=0).repeat(factor, axis=1),
        )

    def explain_learned(self, image: np.ndarray, arrays: Mapping[str, np.ndarray]) -> Explanation:
        """Show some images above their reconstructions, and how the error fell."""
        loss, held_out = np.asarray(arrays["loss"]), np.asarray(arrays["validation_loss"])
        originals, rebuilt = np.asarray(arrays["originals"]), np.asarray(arrays["rebuilt"])
        n, best = int(arrays["counts"][0]), int(arrays["counts"][1])
        error = 100 * float(np.sqrt(held_out[best]))
        return Explanation(
            caption=f"Each image above what {self.latent} numbers rebuild of it. Learnt from "
            f"{n:,} images in {len(loss)} epochs; a held-out image comes back with an error of "
            f"{error:.1f} % of the brightness.",
            image=_wall(originals, rebuilt),
            curves={"loss": loss, "validation loss": held_out},
        )

    def _learn(self, images: np.ndarray, seed: int, report: Report) -> tuple[Network, History]:
        """A network trained on images (n, h, h, c) uint8; progress counts images seen."""
        from core.cnn.autoencoder_net import Autoencoder as Network
        from core.cnn.autoencoder_net import Training

        n, side, _, channels = images.shape
        epochs = self.epochs or _epochs(n)
        network = Network(side, channels, self.latent, seed)
        how = Training(epochs, self.batch_size, self.learning_rate, round(self.shift * side))
        history = network.fit(images, how, lambda seen: report(seen, epochs * n))
        return network, history

    def _learnt_rows(self, n: int, seed: int) -> np.ndarray:
        """The rows that training uses: all, or as many at random as memory may hold."""
        assert self.size is not None  # `resolve` has settled it
        each = self.size**2 * (1 if self.channels == "gray" else 3)
        most = max(1, KEPT_BYTES // each)
        if n <= most:
            return np.arange(n)
        return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))

    def _learnt(
        self, network: Network, history: History, images: np.ndarray
    ) -> dict[str, np.ndarray]:
        rows = np.linspace(0, len(images) - 1, min(SHOWN, len(images))).astype(int)
        return {
            "loss": history.loss,
            "validation_loss": history.validation_loss,
            "originals": images[rows],
            "rebuilt": network.rebuild(images[rows]),
            "counts": np.array([len(images), history.best]),
        }

    def _notes(self, n_learnt: int, n: int) -> tuple[str, ...]:
        if n_learnt == n:
            return ()
        return (f"autoencoder: learnt from {n_learnt:,} of {n:,} images, all are described.",)


def _epochs(n: int) -> int:
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(PASSES / max(1, n))))


def _is_colourless(dataset: Dataset) -> bool:
    """Whether no image has any colour, by the tiny images made when they were first read."""
    look = dataset.measured.get("look")
    if look is None or not len(look):
        return False
    for start in range(0, len(look), PART):  # colour photos show it in the first part
        red, green, blue = np.moveaxis(np.asarray(look[start : start + PART]), -1, 0)
        most = np.maximum(np.maximum(red, green), blue)
        if (most - np.minimum(np.minimum(red, green), blue)).max() > COLOURLESS:
            return False
    return True


def _stacked(images: Sequence[np.ndarray]) -> np.ndarray:
    """(n, h, w, 1 or 3) uint8."""
    stack = np.stack(images)
    return stack if stack.ndim == 4 else stack[..., None]


def _wall(originals: np.ndarray, rebuilt: np.ndarray) -> np.ndarray:
    """Rows of originals (k, s, s, c) with the reconstructions under each, (h, w, 3) uint8."""
    factor = -(-TILE // originals.shape[1])
    across = min(ACROSS, len(originals))
    side = originals.shape[1] * factor
    rows = -(-len(originals) // across)
    wall = np.full((rows * (2 * side + 8) - 8, across * (side + 4) - 4, 3), 255, np.uint8)
    for i, pair in enumerate(zip(originals, rebuilt, strict=True)):
        top, left = (i // across) * (2 * side + 8), (i % across) * (side + 4)
        for image in pair:
            tile = rgb(image[..., 0] if image.shape[-1] == 1 else image)
            tile = tile.repeat(factor, axis=0).repeat(factor, axis=1)
            wall[top : top + side, left : left + side] = tile
            top += side
    return wall
