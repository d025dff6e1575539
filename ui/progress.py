"""What a page shows while a job runs: what is done, how far, time left, Cancel."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from core.errors import FacetteError
from core.jobs import LANES, Job, job_name
from ui import cached, errors, state

STAGES = {
    "": "Starting a worker",
    "open": "Reading the images",
    "thumbnails": "Making thumbnails",
    "block": "Describing the images with",
    "matrix": "Joining the descriptors",
    "outliers": "Looking for outliers with",
    "reduced": "Reducing the dimensions with",
    "map": "Drawing the map with",
    "labels": "Clustering with",
    "metrics": "Measuring",
    "sort": "Sorting the images",
    "metadata": "Reading the metadata",
    "prepare": "Copying the images",
    "load": "Loading the network, which takes some seconds the first time",
    "explain": "Drawing what is seen by",
    "decode": "Reading the images for the network",
    "frozen": "Describing the images with",
    "train": "",  # its name says it all
    "predict": "Naming the images",
    "look": "Looking at the image",
}
EPOCH = 100  # so many steps of "train" are an epoch
_PARTS = {"train": "model"}  # what a task's runs are called


def follow(
    task: str,
    arguments: Mapping[str, Any],
    live: Callable[[Job], None] | None = None,
) -> None:
    """Start a job, unless it was started, and show how far it is; rerun the page at its end.

    A job that failed or was cancelled shows why, with a button that goes on from there. `live`
    draws what there is to see below the bar while it runs, anew every second, and what there was.
    """
    job = cached.jobs().get(job_name(task, arguments))
    if job is None or _result_was_pruned(job):
        start(task, arguments)
    elif job.status == "done":
        if not job.result.get("failed"):
            _load_soon(job)
        return
    _watch(task, arguments, live)


def _result_was_pruned(job: Job) -> bool:
    """Whether a job succeeded whole, some time ago, and yet a page misses what it made."""
    complete = job.status == "done" and not job.result.get("failed")
    return complete and time.monotonic() - job.ended > 5


@st.fragment(run_every=2.0)
def _load_soon(job: Job) -> None:
    st.info("Finished. Loading what was found.")
    if _result_was_pruned(job):
        st.rerun()


def asked(task: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a job was asked for, in this server's life."""
    return cached.jobs().get(job_name(task, arguments)) is not None


def answer(task: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a finished job answered; nothing where it has not finished."""
    job = cached.jobs().get(job_name(task, arguments))
    return job.result if job is not None and job.status == "done" else {}


def start(task: str, arguments: Mapping[str, Any]) -> None:
    """Start a job, or show why that cannot be."""
    cached.look_again()  # the worker sees the files as they are now, and so must the page
    try:
        cached.jobs().submit(task, arguments, state.owner(), LANES.get(task, "long"))
    except FacetteError as error:
        st.error(errors.text(str(error)))
        st.stop()


@st.fragment(run_every=1.0)
def _watch(task: str, arguments: Mapping[str, Any], live: Callable[[Job], None] | None) -> None:
    job = cached.jobs().get(job_name(task, arguments))
    if job is None:
        return
    if job.status == "done":
        cached.look_again()
        st.rerun()
    if state.advanced(job.id, job.runs[0]):
        st.rerun()  # one more run can be looked at
    if state.stopped(job.id, job.active):
        st.rerun()  # what else the page says of it is no longer true
    with st.container(border=True):
        if job.active:
            _running(job)
            if live is not None:
                live(job)
            return
        if job.status == "failed":
            st.error(errors.text(job.message), icon=":material/error:")
            label = "Try again"
        else:
            st.info("Cancelled. What was finished is kept.", icon=":material/cancel:")
            label = "Go on"
        if st.button(label, key=f"again-{job.id}"):
            start(task, arguments)
            st.rerun()
        if live is not None:
            live(job)


def _running(job: Job) -> None:
    words = "Waiting for another job to finish" if job.status == "queued" else _step(job)
    if job.runs[1] > 1:
        part = _PARTS.get(job.task, "run")
        words += f" · {part} {min(job.runs[0] + 1, job.runs[1])} of {job.runs[1]}"
    if job.seconds_left is not None and job.seconds_left > 1:
        sure = "at most" if job.progress["stage"] == "train" else "about"
        words += f" · {sure} {_duration(job.seconds_left)} left in this step"
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress(min(1.0, job.fraction), words)
    button.button(
        "Cancel",
        key=f"cancel-{job.id}",
        width="stretch",
        on_click=cached.jobs().cancel,
        args=(job.id,),
    )


def _step(job: Job) -> str:
    """What is being done, and how far that is."""
    stage = str(job.progress.get("stage", ""))
    done, total = job.progress.get("done", 0), job.progress.get("total", 0)
    words = f"{STAGES.get(stage, stage)} {errors.text(str(job.progress.get('name', '')))}".strip()
    if stage == "train" and total:
        most = total // EPOCH
        return f"{words}, epoch {min(done // EPOCH + 1, most)} of at most {most}"
    return f"{words}: {done:,} of {total:,}" if total > 1 else words


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def failures(arguments: Mapping[str, Any], task: str = "compare") -> None:
    """Say which runs of a finished comparison or study failed, and why."""
    for first, second, reason in answer(task, arguments).get("failed", ()):
        name = f"{first}, {second}" if second else first
        st.warning(errors.text(f"{name}: {reason}"), icon=":material/warning:")
