"""A study as files: the folder of its model, or a table and a folder a model."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from core.cnn import artefact, studies
from core.cnn.artefact import read
from core.cnn.config import Study
from core.cnn.studies import Row
from core.cnn.training import model_folder
from core.errors import InputError, input_error
from core.export import check_target as check_writable
from core.files import csv_text, write_text
from core.store import Store

TABLE = "study.csv"


def check_target(out: Path) -> None:
    """Raise before hours of training where nothing could be written."""
    if out.exists() and not out.is_dir():
        raise input_error("out", out, "a folder", "There is a file of that name.")
    if out.is_dir():
        known = {*artefact.FILES, "embedding.npy", TABLE, "models"}
        strange = sorted(p.name for p in out.iterdir() if p.name not in known)
        if strange:
            raise input_error(
                "out", out, "a new or empty folder, or one of an earlier training",
                f"It holds {strange[0]}.",
            )  # fmt: skip
    check_writable(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{out} cannot be made: {error.strerror}. Choose another folder."
        ) from None


def write(out: Path, study: Study, rows: Sequence[Row], store: Store) -> None:
    """Write a single model into `out`; of several, study.csv and models/VARIANT/."""
    try:
        _write(out, study, rows, store)
    except OSError as error:
        raise InputError(
            f"{out} cannot be written: {error.strerror or error}. The models are in the store: "
            "free some space or choose another folder, and give the same command again."
        ) from error


def _write(out: Path, study: Study, rows: Sequence[Row], store: Store) -> None:
    alone = len(rows) == 1 and len(rows[0].models) == 1 and not study.variants
    if alone:
        _copy(model_folder(store, rows[0].models[0]), out)
    else:
        for row in rows:
            for model in row.models:
                folder = model_folder(store, model)
                _copy(folder, out / "models" / _folder_name(read(folder).name))
    if not alone or rows[0].tried:
        write_text(out / TABLE, table_text(rows))


def table_text(rows: Sequence[Row]) -> str:
    """The text of study.csv, a line a model."""
    table = studies.table(rows)
    header = list(dict.fromkeys(name for line in table for name in line))
    return csv_text(header, [[line.get(name, "") for name in header] for line in table])


def text(rows: Sequence[Row]) -> str:
    """The table of a study in plain text, a line a model."""
    lines = [
        f"{'model':28} {'validation':>10} {'test':>16} {'gap':>7} {'seconds':>8} {'weights':>10}"
    ]
    for row in rows:
        mean, spread = row.mean, row.spread
        test = f"{mean['accuracy']:.4f}"
        if len(row.models) > 1:
            test += f" ± {spread['accuracy']:.4f}"
        lines.append(
            f"{row.config.variant:28} {mean['validation_accuracy']:10.4f} {test:>16} "
            f"{mean['gap']:7.3f} {mean['seconds']:8.1f} {mean['parameters']:10,.0f}"
        )
    return "\n".join(lines)


def _copy(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        shutil.copyfile(file, target / file.name)


def _folder_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
