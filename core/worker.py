"""The worker process: `python -m core.worker`. JSON lines in, JSON lines out, results by key.

A line in is `{"id", "task", "arguments"}`; lines out are `{"id", "event", ...}` where event is
progress, done or error. The process ends when its input closes, so it never outlives the app.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any, TextIO

from core import tasks
from core.errors import FacetteError, printable
from core.events import Event
from core.store import Store


def main() -> None:
    """Carry out tasks one after the other until the input closes."""
    # Libraries may print: what goes to the answers' pipe must be ours alone.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    store = Store()
    for order in _orders(sys.stdin):
        _carry_out(order, store, answers)
    store.prune()


def _orders(lines: TextIO) -> Iterator[dict[str, Any]]:
    """Orders as they come. When the input closes in mid-task, the process ends at once."""
    waiting: queue.Queue[dict[str, Any]] = queue.Queue()
    busy = threading.Event()

    def listen() -> None:
        for line in lines:
            waiting.put(json.loads(line))
        if busy.is_set():
            store = Store()
            pid = os.getpid()
            store.sweep(pid)
            os._exit(0)
        waiting.put({})

    threading.Thread(target=listen, daemon=True).start()
    while order := waiting.get():
        busy.set()
        yield order
        busy.clear()


def _carry_out(order: dict[str, Any], store: Store, answers: TextIO) -> None:
    def say(event: str, **values: Any) -> None:
        answers.write(json.dumps({"id": order["id"], "event": event, **values}) + "\n")

    def emit(event: Event) -> None:
        say("progress", **{"progress": event.to_json()})

    try:
        result = tasks.TASKS[order["task"]](store, emit, **order["arguments"])
    except FacetteError as error:
        say("error", message=str(error))
    except Exception as error:  # the edge of the process: whatever it is, the app must hear of it
        traceback.print_exc(file=sys.stderr)
        say("error", message=f"{type(error).__name__}: {printable(error, 300)}")
    else:
        say("done", result=result)


if __name__ == "__main__":
    main()
