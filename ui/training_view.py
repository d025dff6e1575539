"""The open study: which one it is, how far it is, and its curves while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
import streamlit as st

from core import training_plots as plots
from core.cnn import study_words, training
from core.cnn.config import Study
from core.cnn.studies import Row
from core.errors import printable
from core.jobs import Job, job_name
from core.keys import key_of
from core.types import Source
from ui import cached, errors, progress, state, study_view

TASK = "train"
BARE = {"displayModeBar": False}
COLUMNS = ("accuracy", "val_accuracy", "loss", "val_loss", "phase")
MOST = 30  # studies in the list


def opened(data: str, source: Source) -> Study | None:
    """The study of the link; else the one that is being trained, or the newest of these images."""
    study = cached.study(state.study(data)) or _running() or _newest(source)
    state.set_study(data, study.id if study else "")
    return study


def start(data: str, study: Study) -> None:
    """Start a study and open it."""
    progress.start(TASK, _arguments(study))
    cached.store().save_record(cached.STUDIES, study.id, study.to_json())
    state.set_study(data, study.id)
    state.count_start()
    st.rerun()


def show(data: str, study: Study | None) -> None:
    """The choice of a study; how far the open one is, and what came out of it."""
    if study is None:
        return
    rows = cached.rows(study.id)
    st.divider()
    said, choice = st.columns([4, 3], vertical_alignment="center", gap="large")
    with choice:
        _choose(data, study)
    with said:
        study_view.headline(study, rows)
    _progress(study, rows)
    study_view.show(study, rows)
    if not _active(study):
        study_view.delete(data, study, rows)


def _arguments(study: Study) -> dict[str, object]:
    return {"study": study.to_json()}


def _job(study: Study) -> Job | None:
    return cached.jobs().get(job_name(TASK, _arguments(study)))


def _active(study: Study) -> bool:
    job = _job(study)
    return job is not None and job.active


def _running() -> Study | None:
    """What is being trained, so that a second tab finds it."""
    for job in cached.jobs().active(TASK):
        study = cached.study(Study.from_json(job.arguments["study"]).id)
        if study is not None:
            return study
    return None


def _newest(source: Source) -> Study | None:
    return next((s for s in cached.studies().values() if s.source == source), None)


def _choose(data: str, study: Study) -> None:
    known = {study.id: study} | dict(islice(cached.studies().items(), MOST))
    labels = {n: f"{_state(s)} · {study_words.title(s)} · {n}" for n, s in known.items()}
    key = f"study-{study.id}-{key_of(labels)[:8]}"  # a browser sends labels: changed ones are new
    st.selectbox(
        "Study",
        list(known),
        index=list(known).index(study.id),
        format_func=labels.__getitem__,
        key=key,
        on_change=lambda: state.set_study(data, st.session_state[key]),
        help="What was trained stays here, the newest first.",
    )


def _state(study: Study) -> str:
    if _active(study):
        return "training"
    done, total = len(cached.rows(study.id)), len(study.configs())
    return "done" if done == total else f"{done} of {total} done"


def _progress(study: Study, rows: Sequence[Row]) -> None:
    """The bar and the curves while it trains; what failed; a button where it was left."""
    job, arguments = _job(study), _arguments(study)
    missing = len(study.configs()) - len(rows)
    if job is not None and (job.active or (missing and job.status != "done")):
        progress.follow(TASK, arguments, live=_curves)
        return
    progress.failures(arguments, TASK)
    if missing:
        st.button(
            f"Train the {missing} that are missing" if rows else "Train",
            key=f"go-on-{study.id}",
            icon=":material/play_arrow:",
            on_click=progress.start,
            args=(TASK, arguments),
        )


def _curves(job: Job) -> None:
    """Accuracy and loss of the training that runs, epoch by epoch."""
    if job.progress.get("stage") != "train":
        return
    record = cached.store().record(training.RECORDS, str(job.progress["key"]))
    epochs = record["history"] if record else []
    if not epochs:
        if job.active:
            st.caption("The curves begin after the first epoch.")
        return
    name = printable(str(job.progress.get("name", "")).partition(":")[0])
    history = {column: np.array([epoch[column] for epoch in epochs]) for column in COLUMNS}
    for place, quantity in zip(st.columns(2, gap="large"), ("accuracy", "loss"), strict=True):
        place.plotly_chart(
            plots.curves({name: history}, quantity),
            key=f"live-{quantity}",
            config=BARE,
            alt=f"Training and validation {quantity} after each epoch so far",
        )
    last = epochs[-1]
    st.caption(errors.text(
        f"After epoch {len(epochs)}: {last['accuracy']:.3f} of the training images right, "
        f"{last['val_accuracy']:.3f} of the validation images."
    ))  # fmt: skip
