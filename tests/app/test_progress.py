"""Long work: it shows how far it is, can be cancelled, and its failures are said."""

from __future__ import annotations

import os
import time

import pytest

from core.jobs import job_name
from core.runs import Comparison
from core.types import Source
from tests.app.support import calm, opened, said
from ui import cached


def remembered(store, **asked):
    """A comparison of the pictures without labels that was asked for but not yet made."""
    wanted = Comparison(Source("folder", str(store.root / "flat")), **asked)
    cached.store().save_record("comparisons", wanted.id, wanted.to_json())
    return wanted, job_name("compare", {"comparison": wanted.to_json()})


def running(job, patience=60.0):
    """The worker's process id, once it is at work."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        process = cached.jobs()._processes.get(job)
        if process is not None and cached.jobs().get(job).progress:
            return process.pid
        time.sleep(0.05)
    raise AssertionError("the worker did not start")


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_job_shows_progress_cancel_stops_it_and_going_on_finishes_it(store):
    slow, job = remembered(
        store, descriptors=("hog:size=64",), reducer="umap:n_components=3,n_neighbors=5"
    )
    at = opened(run=slow.id)
    assert at.get("progress")
    pid = running(job)
    calm(at.run())
    assert at.get("progress")
    assert not at.error
    calm(at.button(key=f"cancel-{job}").click().run())
    assert "Cancelled" in said(at)
    assert not at.get("progress")
    assert gone(pid)
    assert not list((store.home / "tmp").glob(f"{pid}-*"))
    calm(at.button(key=f"again-{job}").click().run())
    assert cached.jobs().wait(job, 90).status == "done"
    calm(at.run())
    assert "28 images of flat" in said(at)
    assert not at.get("progress")


def test_a_worker_that_is_killed_leaves_a_message_and_the_page_lives(store):
    slow, job = remembered(store, descriptors=("hog:size=64",), reducer="umap:n_components=4")
    at = opened(run=slow.id)
    os.kill(running(job), 9)
    cached.jobs().wait(job, 30)
    calm(at.run())
    assert len(at.error) == 1
    assert "worker process stopped" in at.error[0].value
    assert at.button(key=f"again-{job}")
    at.switch_page("screens/explore/compare.py").run()
    calm(at)
    assert len(at.error) == 1


@pytest.mark.parametrize("page", ["clusters", "compare"])
def test_a_run_that_failed_says_why_and_the_others_are_shown(store, page):
    wanted, job = remembered(
        store,
        descriptors=("color_moments", "raw_pixels:size=64"),
        clusterers=("gaussian_mixture",),
        reducer="none",
    )
    at = opened(page, run=wanted.id)
    cached.jobs().wait(job, 60)
    calm(at.run())
    (warning,) = [w.value.replace("\\", "") for w in at.warning]
    assert "columns" in warning
    assert "Reduce first" in warning
    assert "28 images of flat" in said(at)


def test_a_comparison_of_which_nothing_works_says_why(store):
    wanted, job = remembered(
        store, descriptors=("gray_histogram",), clusterers=("kmeans:n_clusters=999",),
        reducer="none",
    )  # fmt: skip
    at = opened(run=wanted.id)
    cached.jobs().wait(job, 60)
    calm(at.run())
    assert len(at.error) == 1
    assert "999" in at.error[0].value


def test_a_file_made_by_a_worker_can_be_downloaded(store):
    at = opened("compare", run=store.runs["flat"])
    calm(at.button(key="make-images-by-cluster.zip").click().run())
    for job in list(cached.jobs()._jobs):
        cached.jobs().wait(job, 60)
    calm(at.run())
    names = {button.label for button in at.download_button}
    assert {"results.csv", "metrics.xlsx", "clusters.csv", "images-by-cluster.zip"} <= names


def test_what_can_be_seen_to_be_wrong_starts_no_job(store):
    wanted, job = remembered(store, descriptors=("hog:size=16,cell=16,block=2",))
    at = opened(run=wanted.id)
    assert len(at.error) == 1
    assert "cell" in at.error[0].value
    assert cached.jobs().get(job) is None


def test_files_that_are_gone_give_a_message(store):
    wanted = Comparison(Source("folder", str(store.root / "gone")))
    cached.store().save_record("comparisons", wanted.id, wanted.to_json())
    at = opened(run=wanted.id)
    assert len(at.error) == 1
