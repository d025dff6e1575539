"""Maps batches over the cores behind one function."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def n_workers() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_batches(
    function: Callable[[Sequence[int]], T],
    n: int,
    report: Callable[[int, int], None] = lambda done, total: None,
    batch_size: int = 16,
) -> list[T]:
    """Apply `function` to batches of the indices 0 .. n-1; the results stand in order.

    Threads: decoding and OpenCV's and NumPy's kernels release the interpreter. `report` is
    called in the caller's thread after each batch; what it raises stops the rest.
    """
    batches = [range(start, min(start + batch_size, n)) for start in range(0, n, batch_size)]
    results: list[T] = []
    with ThreadPoolExecutor(n_workers()) as pool:
        try:
            for batch, result in zip(batches, pool.map(function, batches), strict=True):
                results.append(result)
                report(batch.stop, n)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return results
