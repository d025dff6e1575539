"""Batches on known answers: who is joined, who fails, who waits."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError

import numpy as np
import pytest

from core.service.batching import Batcher, BusyError


class Slow:
    """Gives each image's mean; waits for `go` in every call; notes the size of each batch."""

    def __init__(self) -> None:
        self.go, self.called, self.sizes = threading.Event(), threading.Event(), []

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        self.sizes.append(len(images))
        self.called.set()
        assert self.go.wait(10)
        if any(image.mean() == 13 for image in images):
            raise ValueError("thirteen")
        return np.array([[image.mean()] for image in images])


def image(value: int) -> np.ndarray:
    return np.full((3, 2), value, np.uint8)


def test_what_waits_goes_together_and_answers_stand_by_their_images() -> None:
    slow = Slow()
    batcher = Batcher(slow, max_batch=4, max_wait=0)
    first = batcher.submit(image(200))
    assert slow.called.wait(10)
    rest = [batcher.submit(image(i)) for i in range(9)]
    slow.go.set()
    assert first.result(10) == [200]
    assert [float(one.result(10)[0]) for one in rest] == list(range(9))
    assert slow.sizes == [1, 4, 4, 1]
    batcher.close()


def test_the_first_waits_for_company() -> None:
    slow = Slow()
    slow.go.set()
    batcher = Batcher(slow, max_batch=3, max_wait=10)
    three = [batcher.submit(image(i)) for i in range(3)]
    assert [float(one.result(5)[0]) for one in three] == [0, 1, 2]  # full, so no longer wait
    assert slow.sizes == [3]
    batcher.close()


def test_one_failure_is_no_other_image_s() -> None:
    slow = Slow()
    batcher = Batcher(slow, max_wait=0)
    batcher.submit(image(0))
    assert slow.called.wait(10)
    answers = [batcher.submit(image(i)) for i in (12, 13, 14)]
    slow.go.set()
    assert answers[0].result(10) == [12] and answers[2].result(10) == [14]
    with pytest.raises(ValueError, match="thirteen"):
        answers[1].result(10)
    batcher.close()


def test_a_cancelled_image_is_not_predicted() -> None:
    slow = Slow()
    batcher = Batcher(slow, max_wait=0)
    batcher.submit(image(0))
    assert slow.called.wait(10)
    kept, left = batcher.submit(image(1)), batcher.submit(image(2))
    assert left.cancel()
    slow.go.set()
    assert kept.result(10) == [1] and slow.sizes == [1, 1]
    with pytest.raises(CancelledError):
        left.result()
    batcher.close()


def test_too_many_and_closed() -> None:
    slow = Slow()
    batcher = Batcher(slow, max_wait=0, max_waiting=2)
    first = batcher.submit(image(0))
    assert slow.called.wait(10)
    two = [batcher.submit(image(i)) for i in (1, 2)]
    with pytest.raises(BusyError):
        batcher.submit(image(3))
    slow.go.set()
    batcher.close()
    batcher.close()
    assert [float(one.result(0)[0]) for one in (first, *two)] == [0, 1, 2]
    with pytest.raises(BusyError):
        batcher.submit(image(4))


def test_a_model_with_too_few_rows_is_an_error() -> None:
    batcher = Batcher(lambda images: np.zeros((0, 2)))
    with pytest.raises(Exception, match="0 rows for 1 images"):
        batcher.submit(image(1)).result(10)
    batcher.close()
