"""Joins predictions that are asked for at the same time into one call of the model."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from core.errors import FacetteError

Predict = Callable[[Sequence[np.ndarray]], np.ndarray]


class BusyError(FacetteError):
    """As many images are waiting as may wait."""

    def __init__(self) -> None:
        super().__init__("too many images are waiting for the model")


@dataclass(frozen=True)
class _Asked:
    image: np.ndarray
    answer: Future[np.ndarray] = field(default_factory=Future)


class Batcher:
    """One thread that calls the model with all images that wait, at most `max_batch` at once.

    The first image of a batch waits `max_wait` seconds for company; while the model works, the
    next batch gathers by itself. Where a batch fails, each of its images is tried alone, so that
    none fails for another's sake.

    Parameters
    ----------
    predict : (h, w[, 3]) uint8 images to (n, C) float32, a row an image
    max_batch : images in one call, at least 1
    max_wait : seconds
    max_waiting : images that may wait, at least 1

    Examples
    --------
    >>> batcher = Batcher(lambda images: np.array([[image.mean()] for image in images]))
    >>> batcher.submit(np.full((2, 2), 7, np.uint8)).result()
    array([7.])
    >>> batcher.close()
    """

    def __init__(
        self,
        predict: Predict,
        max_batch: int = 16,
        max_wait: float = 0.002,
        max_waiting: int = 64,
    ) -> None:
        self._predict, self._max_batch, self._max_wait = predict, max_batch, max_wait
        self._waiting: queue.Queue[_Asked | None] = queue.Queue(max_waiting)
        self._closed = False
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    def submit(self, image: np.ndarray) -> Future[np.ndarray]:
        """Ask for the (C,) row of one image; a future that is cancelled in time costs nothing.

        Raises
        ------
        BusyError
            When `max_waiting` images wait already, or the batcher is closed.
        """
        asked = _Asked(image)
        with self._closing:
            if self._closed:
                raise BusyError
            try:
                self._waiting.put_nowait(asked)
            except queue.Full:
                raise BusyError from None
        return asked.answer

    def close(self) -> None:
        """Answer what waits, then end the thread. May be called twice."""
        with self._closing:
            already, self._closed = self._closed, True
        if not already:
            self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, go_on = self._gathered(first)
            self._answer([one for one in batch if one.answer.set_running_or_notify_cancel()])
            del first, batch  # or the last images would stay until the next ones come
            if not go_on:
                return

    def _gathered(self, first: _Asked) -> tuple[list[_Asked], bool]:
        """The batch that starts with `first`, and whether there may be more after it."""
        batch, end = [first], time.monotonic() + self._max_wait
        while len(batch) < self._max_batch:
            try:
                asked = self._waiting.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                break
            if asked is None:
                return batch, False
            batch.append(asked)
        return batch, True

    def _answer(self, batch: list[_Asked]) -> None:
        if not batch:
            return
        try:
            rows = self._predict([asked.image for asked in batch])
            if len(rows) != len(batch):
                raise FacetteError(f"the model gave {len(rows)} rows for {len(batch)} images")
        except Exception as error:  # whatever a model raises belongs to those who asked
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
            else:
                for asked in batch:
                    self._answer([asked])
            return
        for asked, row in zip(batch, rows, strict=True):
            asked.answer.set_result(row)
