"""One stage: asked for by key, computed at most once, timed, checked, and reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from core.errors import Cancelled, FacetteError, printable
from core.events import Context, Event, Listener
from core.store import Entry, Store

Computed = tuple[Mapping[str, np.ndarray], Mapping[str, Any]]


class Stages:
    """Runs stages against a store. One for each run, in one thread."""

    def __init__(self, store: Store, emit: Listener, seed: int, ids: tuple[str, ...]) -> None:
        self.store, self.emit, self.seed, self.ids = store, emit, seed, ids
        self._known: dict[str, Entry] = {}
        self._inner = 0.0  # seconds that the running stage spent in stages it asked for

    def entry(
        self,
        stage: str,
        key: str,
        name: str,
        work: Callable[[Context], Computed],
        load: Callable[[], None] = lambda: None,
    ) -> Entry:
        """The entry of `key`; where the store has none, what `work` computes is put there.

        `work` returns arrays, which must be finite unless they are listed in
        `meta["nan_allowed"]`, and plain JSON values, to which the seconds spent are added.
        `load` is called before, off the clock: imports are paid once a process, not by a stage.
        """
        if key in self._known:
            return self._known[key]
        entry = self.store.get(key)
        if entry is not None:
            self._known[key] = entry
            self.emit(Event(stage, "cached", name, key=key))
            return entry
        self.emit(Event(stage, "started", name, key=key))

        def report(done: int, total: int) -> None:
            self.emit(Event(stage, "progress", name, done, total, key))

        waited = time.perf_counter()
        load()
        self._inner += time.perf_counter() - waited  # nor is it the time of the stage that asked
        start, outer, self._inner = time.perf_counter(), self._inner, 0.0
        try:
            arrays, meta = work(Context(self.seed, report))
        except (FacetteError, Cancelled):
            raise
        except Exception as error:  # whatever a library raises ends this run, not the others
            text = printable(error, 300) or type(error).__name__
            raise FacetteError(f"{name} failed at the {stage} stage: {text}") from error
        finally:
            whole = time.perf_counter() - start
            seconds, self._inner = whole - self._inner, outer + whole
        for array_name, array in arrays.items():
            if array_name not in meta.get("nan_allowed", ()):
                self._check_finite(array, stage, name)
        entry = self._known[key] = self.store.put(key, arrays, {**meta, "seconds": seconds})
        self.emit(Event(stage, "computed", name, key=key, seconds=seconds))
        return entry

    def _check_finite(self, array: np.ndarray, stage: str, name: str) -> None:
        if array.dtype.kind != "f" or array.ndim == 0:
            return
        bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if not bad.any():
            return
        rows = f"{int(bad.sum())} of {len(bad)} rows"
        first = f", first for {printable(self.ids[int(bad.argmax())])}" * (
            len(bad) == len(self.ids)
        )
        raise FacetteError(
            f"{name} gave values that are not finite numbers in {rows}{first} "
            f"({stage} stage). Leave these images out, or choose another component."
        )
