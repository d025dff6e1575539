"""What is to be trained (TrainConfig), and several of them side by side (Study)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from core.cnn.augmentation import Augmentation
from core.errors import input_error
from core.keys import key_of, key_of_file
from core.params import Param, checked, declared, from_text, param
from core.types import Dataset, Source

SMALL = 64  # images below this many pixels are trained on at 32 pixels, and not mirrored
MODELS = ("scratch", "transfer", "fine_tune")
LABELS = {"scratch": "From scratch", "transfer": "Transfer", "fine_tune": "Fine-tuned"}


@dataclass(frozen=True)
class TrainConfig:
    """One training: the network, how it learns, and a seed. Parameters are declared once.

    `fold` of `folds` (0 for none) says which part of the images is the test in k-fold
    cross-validation.
    """

    model: str = param(
        "transfer",
        "Model",
        "scratch learns everything; transfer keeps a pretrained network and learns a new last "
        "layer; fine_tune then also adapts its last blocks.",
        choices=MODELS,
    )
    augment: bool = param(
        True, "Augmentation", "Show each training image a little changed every time."
    )
    backbone: str = param(
        "efficientnet_lite0",
        "Backbone",
        "The pretrained network of transfer and fine_tune.",
    )
    size: int | None = param(
        None,
        "Size",
        "Side of the working image in pixels. Auto: 64 from scratch (32 for small images), "
        "the backbone's own size otherwise.",
        low=16,
        high=512,
        type=int,
    )
    epochs: int | None = param(
        None,
        "Epochs",
        "How often all training images are seen at most. Auto: 60 (15 for the second part of "
        "fine_tune).",
        low=1,
        high=1000,
        type=int,
    )
    patience: int = param(
        10,
        "Patience",
        "Training stops after so many epochs without a lower validation loss.",
        low=1,
        high=1000,
        advanced=True,
    )
    batch_size: int = param(
        32, "Batch size", "Images learnt from at once.", low=1, high=1024, advanced=True
    )
    learning_rate: float | None = param(
        None,
        "Learning rate",
        "The size of a step. Auto: 0.001; a tenth of it for the second part of fine_tune.",
        low=1e-7,
        high=1,
        type=float,
        advanced=True,
    )
    dropout: float = param(
        0.3,
        "Dropout",
        "The share of values left out at random while learning, against learning by heart.",
        low=0,
        high=0.9,
        advanced=True,
    )
    class_weights: bool = param(
        False, "Class weights", "Let images of rare classes count more.", advanced=True
    )
    flip: bool | None = param(
        None,
        "Flip",
        "Augmentation: mirror left and right. Auto: not for small images, where it would turn "
        "digits and letters into nonsense.",
        type=bool,
        advanced=True,
    )
    shift: float = param(
        0.1, "Shift", "Augmentation: share of the side.", low=0, high=0.5, advanced=True
    )
    rotation: float = param(
        10.0, "Rotation", "Augmentation: degrees.", low=0, high=180, advanced=True
    )
    zoom: float = param(
        0.1, "Zoom", "Augmentation: share of the size.", low=0, high=0.9, advanced=True
    )
    contrast: float = param(
        0.2, "Contrast", "Augmentation: share of the contrast.", low=0, high=0.9, advanced=True
    )
    views: int = param(
        5,
        "Views",
        "Augmentation behind frozen layers: so many changed copies of each image are described "
        "once and then learnt from again and again.",
        low=1,
        high=50,
        advanced=True,
    )
    weights: str = param(
        "imagenet",
        "Weights",
        "The backbone starts from imagenet, random, or a file of weights.",
        advanced=True,
        path=True,
    )
    seed: int = param(
        0, "Seed", "The same seed gives the same model.", low=0, high=2**32 - 1, advanced=True
    )
    folds: int = 0
    fold: int = 0

    def __post_init__(self) -> None:
        """Check every parameter against its declaration."""
        from core.cnn import backbones

        for p in self.params():
            object.__setattr__(self, p.name, checked("train", p, getattr(self, p.name)))
        whole = all(type(number) is int for number in (self.folds, self.fold))
        if not whole or (self.folds and not 2 <= self.folds <= 20):
            raise input_error("folds", self.folds, "0 or a whole number from 2 to 20")
        if not 0 <= self.fold < max(1, self.folds):
            raise input_error("fold", self.fold, f"0 to {max(0, self.folds - 1)}")
        if self.model != "scratch":
            backbone = backbones.find(self.backbone)
            if self.size is not None and self.size < backbone.least_size:
                raise input_error(
                    f"train: size of {backbone.name}", self.size, f"at least {backbone.least_size}"
                )

    @classmethod
    def params(cls) -> tuple[Param, ...]:
        """The declared parameters, in order."""
        return declared(cls)

    @classmethod
    def from_texts(cls, texts: Sequence[str], given: Mapping[str, Any]) -> Self:
        """The configuration of `given` values and of parameters written as `name=value`."""
        by_name = {p.name: p for p in cls.params()}
        values = dict(given)
        for text in texts:
            name, equals, value = text.partition("=")
            if not equals or name.strip() not in by_name:
                allowed = ", ".join(f"{known}=…" for known in by_name)
                raise input_error("train: parameter", text, allowed)
            values[name.strip()] = from_text("train", by_name[name.strip()], value.strip())
        return cls(**values)

    @property
    def augmentation(self) -> Augmentation | None:
        """How training images are changed, or None."""
        if not self.augment:
            return None
        return Augmentation(
            bool(self.flip), self.shift, self.rotation, self.zoom, self.contrast
        )  # fmt: skip

    @property
    def variant(self) -> str:
        """The model and whether it is augmented, in words: "Transfer, augmented"."""
        return LABELS[self.model] + (", augmented" if self.augment else "")

    @property
    def name(self) -> str:
        """The model in words, for titles: "Fine-tuned efficientnet_lite0, augmented"."""
        network = "" if self.model == "scratch" else f" {self.backbone}"
        return f"{LABELS[self.model]}{network}{', augmented' if self.augment else ''}"

    def resolve(self, dataset: Dataset) -> Self:
        """The same training with every automatic parameter settled for this dataset.

        What has no effect on this model is set to its default, so that it is not in its key.
        """
        from core.cnn import backbones

        small = dataset.typical_side < SMALL
        scratch = self.model == "scratch"
        own_size = (32 if small else 64) if scratch else backbones.find(self.backbone).size
        values = self.to_json() | {
            "size": self.size or own_size,
            "epochs": self.epochs or (15 if self.model == "fine_tune" else 60),
            "learning_rate": self.learning_rate or 1e-3,
            "flip": not small if self.flip is None else self.flip,
        }
        without: set[str] = {"backbone", "weights", "views"} if scratch else set()
        if not self.augment:
            without |= {"shift", "rotation", "zoom", "contrast", "views"}
            values["flip"] = False
        values |= {p.name: p.default for p in self.params() if p.name in without}
        return type(self)(**values)

    @property
    def start(self) -> str:
        """What the backbone's first weights depend on: a word, or the content of a file."""
        path = Path(self.weights).expanduser()
        named = self.weights in ("imagenet", "random") or not path.is_file()
        return self.weights if named else key_of_file(path)

    def to_json(self) -> dict[str, Any]:
        """The configuration as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The configuration that `to_json` wrote."""
        known = {f.name for f in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True)
class Study:
    """Trainings on the same images, to be compared.

    `variants` trains scratch, transfer and fine_tune, each with and without augmentation, in
    place of `base` alone; `folds` repeats each in stratified k-fold; `search` tries so many
    settings of learning rate, dropout and (from scratch) size first, and keeps the one with the
    best validation accuracy.
    """

    source: Source
    base: TrainConfig = TrainConfig()
    variants: bool = False
    folds: int = 0
    search: int = 0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.folds and not 2 <= self.folds <= 20:
            raise input_error("folds", self.folds, "0 or a whole number from 2 to 20")
        if not 0 <= self.search <= 100:
            raise input_error("search", self.search, "a whole number from 0 to 100")
        if self.search and self.folds:  # a fold's test images are validation images of the search
            raise input_error(
                "search with folds", f"{self.search} with {self.folds}", "one of the two",
                "Search first, then repeat what it found in folds.",
            )  # fmt: skip

    def configs(self) -> list[TrainConfig]:
        """The trainings asked for, without folds and search, in their order."""
        if not self.variants:
            return [self.base]
        change = dataclasses.replace
        pairs = [(model, augment) for model in MODELS for augment in (False, True)]
        return [
            change(self.base, model=m, augment=a, size=None if m != "scratch" else self.base.size)
            for m, a in pairs
        ]

    @property
    def id(self) -> str:
        """A short name for links: it depends on what is asked, not on when."""
        return key_of("study", self.to_json())[:8]

    def to_json(self) -> dict[str, Any]:
        """The study as plain JSON values."""
        values = {"source": self.source.to_json(), "base": self.base.to_json()}
        return values | {"variants": self.variants, "folds": self.folds, "search": self.search}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The study that `to_json` wrote."""
        read = {
            "source": Source.from_json(values["source"]),
            "base": TrainConfig.from_json(values["base"]),
        }
        return cls(**{**values, **read})
