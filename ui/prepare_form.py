"""From product photos to a training set: what to sort by, what became of every file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core import access, prepared_folder
from core.datasets.balance import SPLITS
from core.datasets.metadata import SEPARATOR, is_table
from core.errors import printable
from core.jobs import job_name
from core.prepare import Preparation, default_target
from core.prepare_report import Prepared, read_prepared
from core.prepared_folder import REST
from core.types import Source
from ui import cached, errors, progress, state

_CHOSEN = 10  # classes that are chosen to begin with
_LINES = 1000  # of the report on the page
_HINTS = ("subcategory", "category", "class", "label")


def show() -> None:
    """Ask what to prepare, start it, and show how far it is or what came out."""
    st.caption(
        "Photos and a table or a folder of JSON files that says what they show become a folder "
        "a class, split for training, validation and test. Your files are copied, never changed."
    )
    left, right = st.columns(2)
    images = left.text_input(
        f"Folder of images below {access.root()}", key="prepare-images", placeholder="shop/images"
    )
    table = right.text_input(
        "Metadata: a folder of JSON files, a .csv or a .tsv",
        key="prepare-metadata",
        placeholder="shop/styles",
        help="ID.json tells of ID.jpg; a CSV has a column that names the image.",
    )
    if images and table:
        with errors.shown():
            request = _request(access.inside_root(images), access.inside_root(table))
            if request is not None:
                _start(request)
    asked = state.preparation()
    if asked is not None:
        with errors.shown():
            _outcome(asked)


def _request(images: str, metadata: str) -> Preparation | None:
    """What is chosen; None while the metadata are being read or no class is chosen."""
    is_table(metadata)  # says at once what is wrong
    seen = _looked(metadata, "", None)
    if seen is None:
        return None
    name, level = _field(seen["fields"])
    found = _looked(metadata, name, level)
    if found is None:
        return None
    counts: dict[str, int] = found["classes"]
    if found["n_classes"] > len(counts):
        st.warning(f"{found['n_classes']:,} different values; the most frequent are shown.")
    classes = st.multiselect(
        "Classes",
        list(counts),
        default=list(counts)[:_CHOSEN],
        format_func=lambda value: f"{printable(value, 60)} ({counts[value]:,})",
        key=f"prepare-classes-{name}-{level}",
        help="The number of entries in the metadata. The largest are chosen to begin with.",
    )
    if not classes:
        st.info("Choose at least one class.")
        return None
    settings = _settings(images)
    if settings["balance"]:
        least = min(counts[name] for name in classes)
        st.caption(f"Balanced to the smallest class chosen: at most {least:,} images each.")
    return Preparation(
        images=images, metadata=metadata, field=name, level=level, classes=tuple(classes),
        **settings,
    )  # fmt: skip


def _looked(metadata: str, field: str, level: int | None) -> Mapping[str, Any] | None:
    """What a worker read in the metadata; None, with the progress shown, until it has."""
    arguments = {
        "metadata": metadata,
        "field": field,
        "level": level,
        "as_of": [os.stat(metadata).st_mtime_ns],
    }
    job = cached.jobs().get(job_name("metadata", arguments))
    if job is not None and job.status == "done":
        return job.result
    progress.follow("metadata", arguments)
    return None


def _field(found: list[dict[str, Any]]) -> tuple[str, int | None]:
    """The field to sort by, and for a category path how many of its levels."""
    known = {f["path"]: f for f in found if f["distinct"]}
    sorting = [path for path, f in known.items() if f["sorts"]] or list(known)
    hinted = [path for hint in _HINTS for path in sorting if hint in path.lower()]
    first = (hinted or sorting or [""])[0]
    name = st.selectbox(
        "Sort by",
        list(known),
        index=list(known).index(first) if first else None,
        format_func=lambda path: _about(known[path]),
        key="prepare-field",
        help="A field of the metadata, with examples and how many values differ in a sample.",
    )
    if name is None:
        return "", None
    if not any(SEPARATOR in text for text in known[name]["examples"]):
        return name, None
    level = st.number_input(
        f"Levels of the path that make a class (between them {SEPARATOR})".replace(">", "\\>"),
        min_value=1, max_value=8, value=1, key="prepare-level",
    )  # fmt: skip
    return name, int(level)


def _about(field: Mapping[str, Any]) -> str:
    examples = ", ".join(printable(text, 30) for text in field["examples"])
    return f"{printable(field['path'], 60)}: {examples} ({field['distinct']:,} different)"


def _settings(images: str) -> dict[str, Any]:
    """Balance, shares, seed and the folder to write."""
    one, two, three, four, five = st.columns([2, 1, 1, 1, 1], vertical_alignment="bottom")
    balance = one.toggle(
        "Balance the classes",
        value=True,
        key="prepare-balance",
        help="Take a random choice of each class, as many as the smallest has.",
    )
    rest = one.checkbox(
        "Keep what balancing removes in a folder rest",
        key="prepare-rest",
        disabled=not balance,
        help="Training leaves it alone; a trained model can be tried on it.",
    )
    shares = [
        int(column.number_input(f"{name} %", 0, 100, value, key=f"prepare-{name}"))
        for column, name, value in zip(
            (two, three, four), ("Training", "Validation", "Test"), (60, 20, 20), strict=True
        )
    ]
    seed = int(five.number_input("Seed", 0, 2**32 - 1, 0, key="prepare-seed"))
    out = st.text_input(
        f"Folder to write, below {access.root()}",
        value=str(default_target(images)),
        key=f"prepare-out-{images}",
        help="New or empty, or one that was prepared before, which is then replaced.",
    )
    return {
        "balance": balance, "rest": balance and rest, "shares": tuple(shares), "seed": seed,
        "out": access.new_inside_root(out),
    }  # fmt: skip


def _start(request: Preparation) -> None:
    replaces = prepared_folder.is_prepared(request.out)
    if st.button(
        "Prepare again" if replaces else "Prepare",
        type="primary",
        key="prepare-start",
        icon=":material/folder_copy:",
        help="Replaces what was prepared there before." if replaces else None,
    ):
        prepared_folder.checked(request.out, (request.images, request.metadata))
        state.set_preparation(request)
        progress.start("prepare", {"request": request.to_json()})


def _outcome(asked: Preparation) -> None:
    """How far the preparation is, or what came out of it."""
    arguments = {"request": asked.to_json()}
    job = cached.jobs().get(job_name("prepare", arguments))
    if job is None or job.status != "done":
        if job is not None and job.status == "cancelled":
            prepared_folder.sweep(Path(asked.out))
        progress.follow("prepare", arguments)
        return
    _report(read_prepared(job.result["folder"]))


def _report(prepared: Prepared) -> None:
    rows = [{"class": printable(name, 60), **row} for name, row in prepared.counts.items()]
    columns = ["class", *SPLITS, "images", "different"]
    columns += [REST] if any(row[REST] for row in rows) else []
    st.success(errors.text(f"Written to {prepared.folder}."), icon=":material/check:")
    st.dataframe(
        pd.DataFrame(rows, columns=columns),
        hide_index=True,
        column_config={
            "images": st.column_config.NumberColumn(help="In the three splits; copies count."),
            "different": st.column_config.NumberColumn(help="Of these, how many differ."),
        },
        alt="Images of each class and split",
    )
    for note in prepared.notes:
        st.info(errors.text(note))
    file = Path(prepared.folder) / prepared_folder.TABLE
    total = sum(prepared.left_out.values())
    with st.expander(f"What became of every file; {total:,} were left out"):
        for reason, n in prepared.left_out.items():
            st.markdown(f"{n:,} · {errors.text(reason)}")
        lines = pd.read_csv(file, dtype=str, keep_default_na=False, nrows=_LINES)
        st.dataframe(lines, hide_index=True, height=300, alt="The report, a line a file")
        if len(lines) == _LINES:
            st.caption(f"The first {_LINES:,} lines; the file has all.")
    get, train = st.columns(2)
    get.download_button(
        "report.csv", lambda: file.open("rb"), "report.csv", "text/csv", key="get-prepare-report",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip
    train.button(
        "Train on these",
        type="primary",
        key="prepare-train",
        icon=":material/model_training:",
        on_click=state.set_draft,
        args=(Source("folder", prepared.folder),),
    )
