"""What the service answers: these classes are its JSON, and its OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["loading", "ready", "failed"]


@dataclass(frozen=True)
class Welcome:
    """What is here; `model` is null until it is loaded."""

    message: str
    name: str
    version: str
    model: str | None
    docs: str
    predict: str


@dataclass(frozen=True)
class Health:
    """`loading` until the model is there, then `ready`; `failed` where it cannot be loaded."""

    state: State
    model: str | None


@dataclass(frozen=True)
class Classes:
    """The classes, in the order of training."""

    classes: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The class of one image: its name, its probability, and those of all classes."""

    predicted_class: str
    probability: float
    probabilities: dict[str, float]
    content_type: str


@dataclass(frozen=True)
class Prediction(Answer):
    """An answer with the image as it was sent: its bytes in base64, of `content_type`."""

    image_base64: str


@dataclass(frozen=True)
class Wrong:
    """What is wrong, and what to do."""

    error: str
    do: str


@dataclass(frozen=True)
class FileResult:
    """One file of a batch: `result` where `status` is 200, `error` elsewhere."""

    filename: str
    status: int
    result: Answer | None = None
    error: Wrong | None = None


@dataclass(frozen=True)
class BatchResult:
    """The results, in the order of the files."""

    results: list[FileResult]
