"""Progress and cancel through one callable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["started", "progress", "computed", "cached", "failed"]


@dataclass(frozen=True)
class Event:
    """What a stage says of itself. A listener stops the work by raising `Cancelled`."""

    stage: str  # "open", "block", "matrix", "outliers", "reduced", "map", "labels", "metrics"
    status: Status
    name: str = ""  # the component, as it was written
    done: int = 0
    total: int = 0
    key: str = ""
    seconds: float = 0.0
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """The event as plain JSON values."""
        return asdict(self)


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """The listener that hears nothing."""


@dataclass(frozen=True)
class Context:
    """What a stage may use besides its inputs: a seed, and a way to report progress.

    `report(done, total)` may raise `Cancelled`; call it at least about once a second.
    """

    seed: int = 0
    report: Callable[[int, int], None] = lambda done, total: None
