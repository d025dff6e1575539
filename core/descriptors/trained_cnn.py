"""What a network that you trained yourself says of an image, before it decides on a class."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from core.cnn import artefact
from core.components import Descriptor
from core.errors import input_error
from core.images import fitted
from core.keys import key_of, key_of_file
from core.params import param
from core.store import home
from core.types import Dataset, Explanation

BATCH = 16  # images that the network always gets at once, so that no row depends on the others
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class TrainedCnn(Descriptor):
    """The penultimate layer of a model trained by Facette, (n, d) float32.

    The model is named by the folder that `train` wrote, or by its number in the app. It knows
    the classes that it was trained for, and describes other images by what they share with them.
    """

    name = "trained_cnn"
    label = "Trained CNN"
    reads = "rgb"
    deep = True
    aspect = "things"
    summary = "Describes an image by what a network says that you trained on your own classes."
    sees = "Whatever told the classes apart that it was trained on."
    blind_to = "What made no difference between those classes."

    model: str | None = param(
        None,
        "Model",
        "The folder of a trained model, or its number. Auto: the one trained last in the app.",
        type=str,
        path=True,
    )

    def resolve(self, dataset: Dataset) -> Self:
        """Settle on the model trained last, if there is one."""
        if self.model is not None:
            return self
        return dataclasses.replace(self, model=_newest())

    def load(self) -> None:
        """Import TensorFlow, build the network and read its weights."""
        self._embedding([np.zeros((8, 8, 3), np.uint8)])

    def prepare(self, dataset: Dataset, index: int) -> np.ndarray:
        """The image at the size that the model was trained for, (size, size, 3) uint8."""
        return dataset.image(index, artefact.read(self._folder()).config.size, "rgb")

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Describe images (h, w, 3) uint8 RGB as (n, d) float32."""
        return self._embedding(images)

    def explain(self, image: np.ndarray) -> Explanation:
        """Show where the model looks for the class that it holds for the likeliest."""
        from core.cnn.heat import overlaid

        classifier = self._classifier()
        probabilities = classifier.predict([image])[0]
        best = int(probabilities.argmax())
        shown = fitted(image, max(256, image.shape[0]))
        values = self.describe([image])[0]
        return Explanation(
            caption=f"{len(values)} values. The model takes it for {classifier.classes[best]} "
            f"({probabilities[best]:.0%}); bright places count most for that (Grad-CAM).",
            image=overlaid(shown, classifier.heat(shown, best)),
            curves={"value": values},
        )

    def identity(self, seed: int) -> dict[str, Any]:
        """Where the model lies does not count, its weights, network and classes do."""
        about = super().identity(seed)
        try:
            content = _content(self._folder())
        except (OSError, ValueError):
            content = f"no model {self.model}"
        return about | {"params": {"model": content}}

    def _folder(self) -> Path:
        """Where the model lies; nothing is read."""
        named = self.model or _newest() or ""
        if _ID.fullmatch(named):
            return home() / "models" / named
        return Path(named).expanduser() if named else home() / "models" / "none"

    def _classifier(self) -> artefact.Classifier:
        folder = self._folder()
        try:
            content = _content(folder)
        except (OSError, ValueError):
            raise input_error(
                f"{self.name}: model",
                self.model or "auto",
                "the folder of a model that Facette has trained, or its number",
                "Train one on the page Train, or with: python -m core train.",
            ) from None
        return _loaded(folder.resolve(), content)

    def _embedding(self, images: Sequence[np.ndarray]) -> np.ndarray:
        classifier = self._classifier()
        filler = np.zeros((classifier.size, classifier.size, 3), np.uint8)
        rows = []
        for start in range(0, len(images), BATCH):
            some = list(images[start : start + BATCH])
            filled = some + [filler] * (BATCH - len(some))
            rows.append(classifier.embed(filled)[: len(some)])
        return np.concatenate(rows)


def _newest() -> str | None:
    """The number of the model in the store that was written last."""
    files = (home() / "models").glob(f"*/{artefact.CONFIG}")
    known = [(f.stat().st_mtime_ns, f.parent.name) for f in files if _ID.fullmatch(f.parent.name)]
    return max(known)[1] if known else None


def _content(folder: Path) -> str:
    names = (artefact.MODEL, artefact.CONFIG, artefact.CLASSES)
    return key_of("trained_cnn", [key_of_file(folder / name) for name in names])


@lru_cache(2)
def _loaded(folder: Path, _content: str) -> artefact.Classifier:
    return artefact.load(folder)
