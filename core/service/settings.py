"""What bounds the prediction service, from the environment and the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from core.errors import InputError, input_error

PREFIX = "FACETTE_"


def _bounded(default: float, low: float, high: float, says: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "says": says})


@dataclass(frozen=True)
class Settings:
    """Bounds of the service; each number has a lowest and a highest value.

    Raises
    ------
    InputError
        A value out of its bounds, or an API key that cannot be sent in a header.

    Examples
    --------
    >>> Settings(limit_mb=2).body_bytes
    2065536
    >>> Settings.from_environment({"FACETTE_LIMIT_MB": "5"}).limit_mb
    5.0
    """

    limit_mb: float = _bounded(10, 0.01, 1000, "largest file, in megabytes")
    limit_megapixels: float = _bounded(25, 0.001, 100, "largest image, in megapixels")
    timeout: float = _bounded(30, 0.1, 3600, "longest time for a request, in seconds")
    max_requests: int = _bounded(32, 1, 10_000, "requests at the same time")
    max_files: int = _bounded(16, 1, 1000, "files in one call of /predict/batch")
    max_batch: int = _bounded(16, 1, 1024, "images that the model sees at once")
    max_wait_ms: float = _bounded(2, 0, 1000, "time an image waits for company, in milliseconds")
    api_key: str = field(default="", repr=False)  # empty: everyone may ask

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.metadata and not one.metadata["low"] <= value <= one.metadata["high"]:
                raise _refused(one.name, value, one.metadata, one.type == "int")
        if not all("!" <= c <= "~" for c in self.api_key):
            raise InputError(
                f"{PREFIX}API_KEY: it holds a space or a sign outside ASCII, which no header can "
                "carry. Choose one of letters and digits."
            )

    @property
    def file_bytes(self) -> int:
        """The largest file in bytes."""
        return int(self.limit_mb * 1_000_000)

    @property
    def body_bytes(self) -> int:
        """The largest body of a request with one file: some room for what multipart adds."""
        return self.file_bytes + 65_536

    @property
    def batch_bytes(self) -> int:
        """The largest body of a request with several files: as much as four of the largest."""
        return 4 * self.file_bytes + 65_536

    @property
    def pixels(self) -> int:
        """The largest image in pixels."""
        return int(self.limit_megapixels * 1_000_000)

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] = os.environ, **given: float | None
    ) -> Settings:
        """Read `FACETTE_LIMIT_MB` and so on; what is `given` and not None goes before them."""
        values: dict[str, Any] = {n: v for n, v in given.items() if v is not None}
        for one in fields(cls):
            text = environment.get(PREFIX + one.name.upper(), "").strip()
            if not text or one.name in values:
                continue
            try:
                values[one.name] = _READ[str(one.type)](text)
            except ValueError:
                name = PREFIX + one.name.upper()
                raise _refused(name, text, one.metadata, one.type == "int") from None
        return cls(**values)


_READ: dict[str, Any] = {"float": float, "int": int, "str": str}


def _refused(name: str, got: object, bounds: Mapping[str, Any], whole: bool) -> InputError:
    kind = "a whole number" if whole else "a number"
    allowed = f"{kind} from {bounds['low']:g} to {bounds['high']:g} ({bounds['says']})"
    return input_error(name, got, allowed)
