"""The model behind the service: loaded once in the background, asked in batches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from core import images
from core.decoding import NoMemoryError, TooManyPixelsError, opened
from core.errors import FacetteError, InputError
from core.executor import n_workers
from core.service.answers import Answer, State
from core.service.batching import Batcher, BusyError
from core.service.guard import Refusal
from core.service.settings import Settings

SIGNATURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_DECODED_AT_ONCE = 4  # images of the largest size that may be in memory, decoded
_LOG = logging.getLogger("core.service")


class Classifier(Protocol):
    """What the service asks of a model."""

    @property
    def name(self) -> str:
        """What the model is called."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the columns of `predict`."""

    @property
    def size(self) -> int:
        """Pixels of the images it works on: larger ones may be decoded to no less than that."""

    def predict(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Probabilities (n, C) float32 of (h, w[, 3]) uint8 images; rows sum to 1."""


class ModelService:
    """A model that loads in the background and then answers; start and stop it once.

    Parameters
    ----------
    load : reads the model; called in a thread of its own
    settings : how large an image may be, how many are predicted together
    """

    def __init__(self, load: Callable[[], Classifier], settings: Settings) -> None:
        self._load, self._settings = load, settings
        self.state: State = "loading"
        self._model: Classifier | None = None
        self._batcher: Batcher | None = None
        self._stopped, self._started = threading.Event(), time.monotonic()
        self._pool = ThreadPoolExecutor(n_workers(), thread_name_prefix="decode")
        self._room = _Room(_DECODED_AT_ONCE * settings.pixels)
        self._many = asyncio.Semaphore(settings.max_batch)

    def start(self) -> None:
        """Load the model in the background."""
        self._started = time.monotonic()
        threading.Thread(target=self._loaded, name="load", daemon=True).start()

    def stop(self) -> None:
        """Answer what was asked, and end."""
        self._stopped.set()
        if self._batcher is not None:
            self._batcher.close()
        self._pool.shutdown(cancel_futures=True)

    def _loaded(self) -> None:
        try:
            model = self._load()
            _check(model)
        except Exception as error:  # a broken model must not take the service's voice away
            shown = None if isinstance(error, FacetteError) else error
            _LOG.error("The model could not be loaded: %s", error, exc_info=shown)
            self.state = "failed"
            return
        if self._stopped.is_set():
            return
        settings = self._settings
        waiting = settings.max_requests + settings.max_batch
        wait = settings.max_wait_ms / 1000
        self._batcher = Batcher(model.predict, settings.max_batch, wait, waiting)
        self._model, self.state = model, "ready"
        seconds = time.monotonic() - self._started
        _LOG.info("The model %s is ready after %.1f s.", model.name, seconds)

    @property
    def name(self) -> str | None:
        """The model's name, once it is loaded."""
        return self._model.name if self._model else None

    def model(self) -> Classifier:
        """The model, or a `Refusal` (503) that says why there is none yet."""
        if self._model is not None:
            return self._model
        if self.state == "failed":
            raise Refusal(
                503,
                "The model could not be loaded.",
                "Tell whoever runs this service to read its log and start it again.",
                retry_after="60",
            )
        raise Refusal(
            503,
            "The model is still loading.",
            "Ask again in a few seconds; GET /health says when it is ready.",
            retry_after="2",
        )

    async def predict(self, data: bytes) -> Answer:
        """Classify the content of a JPEG or PNG file.

        Raises
        ------
        Refusal
            415, 413, 422, 503 as docs/service.md has them.
        """
        model, batcher = self.model(), self._batcher
        assert batcher is not None  # set before the model is
        content_type = kind_of(data)
        loop = asyncio.get_running_loop()
        pixels = await loop.run_in_executor(self._pool, n_pixels, data, self._settings)
        async with self._room.held(pixels):
            image = await loop.run_in_executor(self._pool, _decoded, data, model.size)
            try:
                row = await asyncio.wrap_future(batcher.submit(image))
            except BusyError as error:
                raise Refusal(503, f"{error}.", "Ask again in a moment.", retry_after="1") from None
        return _answer(model.classes, row, content_type)

    async def predict_one_of_many(self, data: bytes) -> Answer:
        """Classify as `predict` does, leaving room for requests with a single image."""
        async with self._many:
            return await self.predict(data)


class _Room:
    """So many pixels may be in memory at once; who wants more waits, first come, first served."""

    def __init__(self, total: int) -> None:
        self._total = self._left = total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def held(self, pixels: int) -> AsyncIterator[None]:
        """Hold room for an image while the block runs."""
        wanted = min(pixels, self._total)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, turn))
        self._let_in()
        try:
            await turn
            yield
        finally:
            if turn.cancel() or turn.cancelled():  # gave up before it was let in
                wanted = 0
            self._left += wanted
            self._let_in()

    def _let_in(self) -> None:
        while self._waiting:
            wanted, turn = self._waiting[0]
            if not turn.cancelled() and wanted > self._left:
                return
            self._waiting.popleft()
            if not turn.cancelled():
                self._left -= wanted
                turn.set_result(None)


def kind_of(data: bytes) -> str:
    """The content type of a JPEG or PNG file, by its first bytes; 415 for anything else."""
    if not data:
        raise Refusal(422, "The file is empty.", "Send a JPEG or PNG image.")
    for signature, content_type in SIGNATURES.items():
        if data.startswith(signature):
            return content_type
    raise Refusal(
        415, "The file is not a JPEG or PNG image.", "Allowed are image/jpeg and image/png."
    )


def n_pixels(data: bytes, settings: Settings) -> int:
    """How many pixels an image has, by its header; 413 where they are too many."""
    limit = f"the {settings.limit_megapixels:g} allowed"
    try:
        width, height = opened(data).size
    except TooManyPixelsError as error:
        raise _too_many(str(error)) from None
    except InputError as error:
        raise _damaged(error) from None
    if width * height > settings.pixels:
        raise _too_many(f"{width * height / 1e6:,.1f} megapixels, more than {limit}")
    return width * height


def _decoded(data: bytes, at_least: int) -> np.ndarray:
    """The pixels, as training decodes them."""
    try:
        return images.decode(data, at_least)
    except NoMemoryError:
        do = "Ask again in a moment, or send a smaller image."
        raise Refusal(503, "There is no memory for the image just now.", do) from None
    except InputError as error:
        raise _damaged(error) from None


def _too_many(what: str) -> Refusal:
    return Refusal(413, f"The image has too many pixels: {what}.", "Make it smaller and try again.")


def _damaged(error: InputError) -> Refusal:
    return Refusal(422, f"The image cannot be used: {error}.", "Save it anew and try again.")


def _answer(classes: tuple[str, ...], row: np.ndarray, content_type: str) -> Answer:
    if not np.isfinite(row).all():
        raise FacetteError("the model gave probabilities that are no numbers")
    best = int(np.argmax(row))
    shares = {name: round(float(p), 6) for name, p in zip(classes, row, strict=True)}
    return Answer(classes[best], shares[classes[best]], shares, content_type)


def _check(model: Classifier) -> None:
    """Ask once, which also makes the first real answer a fast one."""
    rows = model.predict([np.zeros((8, 8, 3), np.uint8)])
    if rows.shape != (1, len(model.classes)):
        raise FacetteError(
            f"the model gives rows of shape {rows.shape} for {len(model.classes)} classes"
        )
