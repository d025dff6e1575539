"""Jobs in real worker processes: progress, cancel, death, dedication, an end with the app."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from core import tasks
from core.datasets import open_dataset
from core.errors import InputError
from core.jobs import LANES, ROOT, Job, Jobs
from core.runs import Comparison
from core.store import Store
from core.types import Source


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of plain pictures."""
    base = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for name, level in (("dark", 40), ("light", 200)):
        (base / name).mkdir()
        for i in range(12):
            image = rng.integers(level - 20, level + 20, (24, 24, 3)).astype(np.uint8)
            cv2.imwrite(str(base / name / f"{i}.png"), image)
    return base


def asked(folder: Path, **changes: object) -> dict[str, object]:
    values = {"descriptors": ("gray_histogram",), "reducer": "pca:n_components=3", **changes}
    comparison = Comparison(Source("folder", str(folder)), **values)  # type: ignore[arg-type]
    return {"comparison": comparison.to_json()}


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def running(jobs: Jobs, job: Job) -> int:
    """The process of a job, once it has begun its work."""
    until(lambda: bool(jobs.get(job.id).progress) or not jobs.get(job.id).active)  # type: ignore[union-attr]
    return jobs._processes[job.id].pid


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


LONG = {"clusterers": ("gaussian_mixture:n_init=100", "spectral"), "descriptors": ("sift", "hog")}


def test_a_job_runs_in_a_process_of_its_own_and_fills_the_store(
    tmp_path: Path, folder: Path
) -> None:
    store = Store(tmp_path, layers=())
    jobs = Jobs(store)
    job = jobs.submit("compare", asked(folder))
    assert jobs.submit("compare", asked(folder)).id == job.id  # asked twice, run once
    done = jobs.wait(job.id)
    assert done.status == "done" and done.result == {"finished": 1, "failed": []}
    assert done.runs == (1, 1) and store.records("comparisons")
    until(lambda: not jobs._processes)


def test_an_error_of_the_user_comes_back_as_its_sentence(tmp_path: Path, folder: Path) -> None:
    jobs = Jobs(Store(tmp_path, layers=()))
    job = jobs.submit("compare", asked(folder, clusterers=("kmeans:n_clusters=25",)))
    failed = jobs.wait(job.id)
    assert failed.status == "failed"
    assert "got 25, allowed is at most 24" in failed.message


def test_cancel_ends_the_process_and_leaves_no_partial_file(tmp_path: Path, folder: Path) -> None:
    store = Store(tmp_path, layers=())
    jobs = Jobs(store)
    job = jobs.submit("compare", asked(folder, **LONG))
    pid = running(jobs, job)
    jobs.cancel(job.id)
    assert not alive(pid)
    assert jobs.get(job.id).status == "cancelled"  # type: ignore[union-attr]
    assert list((tmp_path / "tmp").glob("*")) == []
    again = jobs.wait(jobs.submit("compare", asked(folder)).id)
    assert again.status == "done"


def test_a_worker_that_dies_leaves_a_message_and_the_next_job_runs(
    tmp_path: Path, folder: Path
) -> None:
    jobs = Jobs(Store(tmp_path, layers=()))
    job = jobs.submit("compare", asked(folder, **LONG), lane="quick")
    os.kill(running(jobs, job), signal.SIGKILL)
    failed = jobs.wait(job.id)
    assert failed.status == "failed" and "stopped unexpectedly" in failed.message
    assert jobs.wait(jobs.submit("compare", asked(folder), lane="quick").id).status == "done"


def test_a_session_may_not_flood_the_queue(tmp_path: Path, folder: Path) -> None:
    jobs = Jobs(Store(tmp_path, layers=()), per_owner=2)
    held = [jobs.submit("compare", asked(folder, seed=s, **LONG), "me") for s in range(2)]
    with pytest.raises(InputError, match="2 unfinished jobs"):
        jobs.submit("compare", asked(folder, seed=9), "me")
    other = jobs.submit("compare", asked(folder, seed=8), "you")
    for job in (*held, other):
        jobs.cancel(job.id)


def test_every_lane_is_of_a_task_that_there_is() -> None:
    assert set(LANES) <= set(tasks.TASKS)


def test_images_are_grouped_while_a_training_runs(tmp_path: Path, folder: Path) -> None:
    jobs = Jobs(Store(tmp_path, layers=()), slots=1)
    long = jobs.submit("compare", asked(folder, **LONG), lane="train")
    running(jobs, long)
    assert jobs.wait(jobs.submit("compare", asked(folder)).id, 60).status == "done"
    assert jobs.get(long.id).active  # type: ignore[union-attr]
    jobs.cancel(long.id)


def test_images_are_opened_while_a_long_job_runs(tmp_path: Path, folder: Path) -> None:
    jobs = Jobs(Store(tmp_path, layers=()), slots=1)
    long = jobs.submit("compare", asked(folder, **LONG))
    running(jobs, long)
    source = {"source": Source("folder", str(folder)).to_json()}
    assert jobs.wait(jobs.submit("open", source, lane="files").id, 60).status == "done"
    assert jobs.get(long.id).active  # type: ignore[union-attr]
    jobs.cancel(long.id)


def test_a_worker_ends_when_its_input_closes_even_in_mid_task(tmp_path: Path, folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "core.worker"],
        cwd=ROOT,
        env={**os.environ, "FACETTE_HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    order = {"id": "1", "task": "compare", "arguments": asked(folder, **LONG)}
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["event"] == "progress"
    process.stdin.close()
    process.wait(20)
    assert list((tmp_path / "tmp").glob("*")) == []


def test_cancelled_and_asked_for_again_it_runs_anew(tmp_path: Path, folder: Path) -> None:
    jobs = Jobs(Store(tmp_path, layers=()))
    for _ in range(3):
        job = jobs.submit("compare", asked(folder, **LONG), lane="quick")
        running(jobs, job)
        jobs.cancel(job.id)
        again = jobs.submit("compare", asked(folder, **LONG), lane="quick")
        assert again.attempt > job.attempt
        running(jobs, again)
        now = jobs.get(again.id)
        assert now is not None and now.status in ("queued", "running", "done"), now.message
        jobs.cancel(again.id)


def test_a_worker_that_says_nonsense_does_not_stop_the_lane(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "nonsense"
    fake.write_text('#!/bin/sh\nread order\necho \'{"id": "1", "eve\'\n')
    fake.chmod(0o755)
    jobs = Jobs(Store(tmp_path / "home", layers=()))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(fake))
        failed = jobs.wait(jobs.submit("compare", asked(folder)).id)
        assert failed.status == "failed" and "stopped unexpectedly" in failed.message
        patch.setattr(sys, "executable", str(tmp_path / "missing"))
        failed = jobs.wait(jobs.submit("compare", asked(folder, seed=1)).id)
        assert failed.status == "failed" and "could not be used" in failed.message
    assert jobs.wait(jobs.submit("compare", asked(folder, seed=2)).id).status == "done"


def test_made_files_belong_to_their_content(tmp_path: Path, folder: Path) -> None:
    store = Store(tmp_path, layers=())
    jobs = Jobs(store)
    arguments = asked(folder)
    comparison = Comparison.from_json(arguments["comparison"])  # type: ignore[arg-type]
    assert jobs.wait(jobs.submit("compare", arguments).id).status == "done"
    dataset = open_dataset(comparison.source, store)
    results = tasks.finished_runs(store, dataset, comparison)
    content = tasks.content_of("report", dataset, results)
    assert content != tasks.content_of("report", dataset, [])
    done = jobs.wait(jobs.submit("report", {**arguments, "content": content}).id)
    assert done.status == "done", done.message
    assert tasks.made_file(store, content).read_text("utf-8").startswith("<!DOCTYPE html>")
    stale = jobs.wait(jobs.submit("report", {**arguments, "content": "0" * 32}).id)
    assert stale.status == "failed" and "changed meanwhile" in stale.message
