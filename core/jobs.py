"""Long tasks in processes of their own: progress, cancel, and a page may rerun meanwhile.

Four lanes. The quick lane is one warm process for explanations and small things; every long job
gets a process of its own. So does what reads or copies images (lane "files") and a training (lane
"train"): images can be opened and grouped while one runs for hours. A job is named by its
content: asked for twice, it runs once, and a reloaded page or a second tab finds it again.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from core.errors import InputError, printable
from core.keys import key_of
from core.store import Store

Status = Literal["queued", "running", "done", "failed", "cancelled"]
Lane = Literal["quick", "files", "train", "long"]
LANES: Mapping[str, Lane] = {  # of the tasks that people wait for in the app; others are long
    "explain": "quick", "look": "quick", "look_file": "quick", "predict": "quick",
    "metadata": "quick", "open": "files", "prepare": "files", "train": "train",
}  # fmt: skip
ROOT = Path(__file__).parent.parent
ACTIVE = ("queued", "running")


@dataclass(frozen=True)
class Job:
    """A task that was asked for, and how far it is."""

    id: str
    task: str
    arguments: Mapping[str, Any]
    owner: str
    lane: Lane
    attempt: int = 0  # a job that is asked for again after its end has a new one
    status: Status = "queued"
    progress: Mapping[str, Any] = field(default_factory=dict)  # the last Event, as JSON
    runs: tuple[int, int] = (0, 0)  # how many of how many runs of a comparison are finished
    message: str = ""  # why it failed
    result: Mapping[str, Any] = field(default_factory=dict)
    started: float = 0.0  # time.monotonic
    stage_started: float = 0.0
    stage_from: int = 0  # what was done of it already by then
    ended: float = 0.0

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ACTIVE

    @property
    def fraction(self) -> float:
        """How much of the job is done, 0 to 1, as far as is known."""
        done, total = self.runs
        stage = _share(self.progress.get("done", 0), self.progress.get("total", 0))
        return _share(done, total) + stage / total if total else stage

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the running stage's own pace; None while there is none."""
        done, total = self.progress.get("done", 0), self.progress.get("total", 0)
        made, spent = done - self.stage_from, time.monotonic() - self.stage_started
        if self.status != "running" or made <= 0 or done > total or spent < 1:
            return None
        return spent * (total - done) / made


class Jobs:
    """Queues and runs jobs. One for each server process; safe to use from several threads.

    Parameters
    ----------
    store : the folder that the workers write to; passed on to them as FACETTE_HOME
    slots : how many long jobs run at once; the others wait
    per_owner : how many unfinished jobs one session may have in each lane but the quick one
    """

    def __init__(self, store: Store, slots: int = 1, per_owner: int = 3) -> None:
        self._store, self._per_owner = store, per_owner
        self._jobs: dict[str, Job] = {}
        self._attempts = 0
        self._waiting: dict[Lane, list[str]] = {lane: [] for lane in get_args(Lane)}
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._changed = threading.Condition()
        for lane in (*self._waiting, *["long"] * (slots - 1)):
            threading.Thread(target=self._serve, args=(lane,), daemon=True).start()

    def submit(
        self, task: str, arguments: Mapping[str, Any], owner: str = "", lane: Lane = "long"
    ) -> Job:
        """Ask for a task; where the same one waits or runs already, that one is returned.

        Raises `InputError` where the owner has too many unfinished long jobs.
        """
        job_id = job_name(task, arguments)
        with self._changed:
            known = self._jobs.get(job_id)
            if known is not None and known.active:
                return known
            mine = [j for j in self._jobs.values() if j.owner == owner and j.active]
            mine = [j for j in mine if j.lane == lane]
            if lane != "quick" and len(mine) >= self._per_owner:
                raise InputError(
                    f"You have {len(mine)} unfinished jobs, allowed are {self._per_owner}. "
                    "Wait for one to finish, or cancel one."
                )
            self._attempts += 1
            job = Job(job_id, task, dict(arguments), owner, lane, self._attempts)
            self._jobs[job_id] = job
            self._waiting[lane].append(job_id)
            self._forget_old()
            self._changed.notify_all()
            return job

    def get(self, job_id: str) -> Job | None:
        """The job of that id, as it is now."""
        with self._changed:
            return self._jobs.get(job_id)

    def active(self, task: str) -> list[Job]:
        """The jobs of a task that wait or run, whoever asked for them, the newest first."""
        with self._changed:
            found = [job for job in self._jobs.values() if job.task == task and job.active]
        return sorted(found, key=lambda job: -job.attempt)

    def cancel(self, job_id: str) -> None:
        """Stop a job: its process is gone and what it left half written is removed."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None or not job.active:
                return
            self._set(job, status="cancelled")
            with contextlib.suppress(ValueError):
                self._waiting[job.lane].remove(job_id)
            process = self._processes.get(job_id)
            if process is not None:  # killed under the lock: it cannot have gone on to another job
                process.kill()
                process.wait()
                self._store.sweep(process.pid)

    def wait(self, job_id: str, timeout: float = 60.0) -> Job:
        """Wait until a job has ended; for scripts and tests, never for a page."""
        with self._changed:
            self._changed.wait_for(lambda: not self._jobs[job_id].active, timeout)
            return self._jobs[job_id]

    def _set(self, job: Job, **values: Any) -> None:
        """Change a job, unless it has ended or was asked for anew meanwhile."""
        with self._changed:
            now = self._jobs.get(job.id)
            if now is None or now.attempt != job.attempt or not now.active:
                return
            if values.get("status", "running") not in ACTIVE:
                values["ended"] = time.monotonic()
            self._jobs[job.id] = replace(now, **values)
            self._changed.notify_all()

    def _forget_old(self, keep: int = 200) -> None:
        ended = [j for j, job in self._jobs.items() if not job.active]
        for job_id in ended[: max(0, len(self._jobs) - keep)]:
            del self._jobs[job_id]

    def _serve(self, lane: Lane) -> None:
        process: subprocess.Popen[str] | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting[lane]))
                job = self._jobs[self._waiting[lane].pop(0)]
                now = time.monotonic()
                self._set(job, status="running", started=now, stage_started=now)
            try:
                process = self._carry_out(job, process)
            except Exception as error:  # this thread serves every later job: it must not end
                text = f"The worker could not be used ({printable(error)}). Try again."
                self._set(job, status="failed", message=text)
                self._end(process)
            if lane != "quick":
                self._end(process)

    def _carry_out(
        self, job: Job, process: subprocess.Popen[str] | None
    ) -> subprocess.Popen[str] | None:
        """Give a job to a process, a new one where the old is gone; the process as it is after."""
        if process is None or process.poll() is not None:
            process = self._start()
        with self._changed:
            if not self._is_current(job):
                return process
            self._processes[job.id] = process
        try:
            self._follow(job, process)
        finally:
            with self._changed:
                if self._processes.get(job.id) is process:
                    del self._processes[job.id]
        return process

    def _is_current(self, job: Job) -> bool:
        now = self._jobs.get(job.id)
        return now is not None and now.attempt == job.attempt and now.active

    def _start(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "FACETTE_HOME": str(self._store.root)}
        return subprocess.Popen(
            [sys.executable, "-m", "core.worker"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def _end(self, process: subprocess.Popen[str] | None) -> None:
        """End a worker: its input is closed; where that is not enough it is killed."""
        if process is None:
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._store.sweep(process.pid)

    def _follow(self, job: Job, process: subprocess.Popen[str]) -> None:
        """Hear what the worker says of a job until it is done, or the worker is gone."""
        assert process.stdin is not None and process.stdout is not None
        order = {"id": job.id, "task": job.task, "arguments": dict(job.arguments)}
        with contextlib.suppress(OSError, ValueError, KeyError):  # a broken pipe, half a line
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                answer = json.loads(line)
                if answer["event"] == "progress":
                    self._hear(job, answer["progress"])
                elif answer["event"] == "done":
                    return self._set(job, status="done", result=answer["result"])
                else:
                    return self._set(job, status="failed", message=answer["message"])
        process.kill()
        code = process.wait()
        self._store.sweep(process.pid)
        message = (
            f"The worker process stopped unexpectedly (exit status {code}). "
            "What it had finished is kept: start again to go on from there."
        )
        return self._set(job, status="failed", message=message)

    def _hear(self, job: Job, event: Mapping[str, Any]) -> None:
        before = self._jobs[job.id]
        if event["stage"] == "run":
            runs = (event["done"], event["total"]) if event["status"] == "progress" else before.runs
            self._set(job, runs=runs)
            return
        same = all(before.progress.get(n) == event[n] for n in ("stage", "key", "total"))
        if same and event["done"] >= before.progress["done"]:
            self._set(job, progress=event)
        else:  # what was done already, before it was killed, say, tells nothing of the pace
            now = time.monotonic()
            self._set(job, progress=event, stage_started=now, stage_from=event["done"])


def job_name(task: str, arguments: Mapping[str, Any]) -> str:
    """The id of a job: it depends on what is asked."""
    return key_of("job", task, dict(arguments))[:16]


def _share(done: float, total: float) -> float:
    return min(1.0, done / total) if total else 0.0
