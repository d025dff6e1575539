"""What a trained model said of every image, as files: predictions.csv and confusion.csv.

`predictions.csv` has one row an image of every split; all measures (`core.cnn.measures`) are
computed from it, so a page, a notebook and a report that read the same file say the same.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.cnn.measures import (
    NO_LABEL,
    SPLITS,
    Agreement,
    Calibration,
    Evaluation,
    Mistake,
    Report,
    agreement,
)
from core.errors import FacetteError, InputError, input_error, printable
from core.files import csv_text, original_text, safe_cell, write_text

__all__ = [
    "COLUMNS", "NO_LABEL", "SPLITS", "Agreement", "Calibration", "Evaluation", "Mistake",
    "Report", "agreement", "as_written", "distinct", "read_predictions", "report_csv",
    "write_confusion", "write_predictions",
]  # fmt: skip

COLUMNS = ("id", "split", "label", "predicted", "probability")
MOST_BYTES, MOST_CLASSES = 256 << 20, 10_000
_SLACK = 0.01  # what rounding may take from or add to probabilities that sum to 1


def read_predictions(path: Path | str) -> Evaluation:
    """Read a predictions.csv.

    Raises
    ------
    InputError
        The file cannot be read or is no predictions.csv; the message says which line and why.
    """
    reader = csv.reader(io.StringIO(_text_of(Path(path)), newline=""), strict=True)
    try:
        header = next(reader, [])
        names = [name.removeprefix("p_") for name in header[len(COLUMNS) :]]
        if header != [*COLUMNS, *(f"p_{name}" for name in names)]:
            raise _foreign(path, "its columns are others")
        if not 1 <= len(names) <= MOST_CLASSES or len(set(names)) != len(names):
            raise _foreign(path, f"it has {len(names):,} columns of classes, or two of one name")
        about: list[list[str]] = []
        values: list[np.ndarray] = []
        for line in filter(None, reader):
            if len(line) != len(header):
                raise _foreign(path, f"row {len(about) + 1} has another number of cells")
            about.append(line[: len(COLUMNS)])
            values.append(np.array(line[len(COLUMNS) :], np.float32))  # as text they weigh tenfold
    except csv.Error as error:
        raise _foreign(path, f"line {reader.line_num}: {error}") from None
    except ValueError:
        raise _foreign(path, f"line {reader.line_num}: a probability is not a number") from None
    return _evaluation(path, names, about, np.array(values, np.float32).reshape(-1, len(names)))


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise input_error(
                printable(path), f"{path.stat().st_size:,} bytes", f"at most {MOST_BYTES:,} bytes"
            )
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _foreign(path, error.strerror or str(error)) from None
    except UnicodeDecodeError:
        raise _foreign(path, "it is not text") from None


def _evaluation(
    path: Path | str, classes: Sequence[str], about: Sequence[Sequence[str]], p: np.ndarray
) -> Evaluation:
    """Check the cells of a predictions.csv, and make the Evaluation of them."""
    number = {name: i for i, name in enumerate(classes)} | {"": NO_LABEL}
    split = np.array([line[1] for line in about], "U10")
    label, predicted = (
        np.array([number.get(original_text(line[i]), -2) for line in about], np.int32)
        for i in (2, 3)
    )
    checks = (
        (np.isin(split, SPLITS), "its split is none of train, validation, test"),
        (label > -2, "its label is no class of this file"),
        (predicted >= 0, "its predicted class is no class of this file"),
        (((p >= 0) & (p <= 1 + _SLACK)).all(axis=1), "a probability is not from 0 to 1"),
        (abs(p.sum(axis=1) - 1) <= _SLACK, "its probabilities do not sum to 1"),
        (p.argmax(axis=1) == predicted, "its predicted class is not the most probable one"),
    )
    for good, why in checks:
        if not good.all():
            raise _foreign(path, f"row {int(np.argmin(good)) + 1}: {why}")
    ids = tuple(original_text(line[0]) for line in about)
    return Evaluation(tuple(classes), ids, split, label, predicted, p)


def _foreign(path: Path | str, why: str) -> InputError:
    return InputError(
        f"{printable(path)} is not the predictions.csv of a model: {why}. Train the model again, "
        "or choose another one."
    )


def write_predictions(
    path: Path,
    ids: Sequence[str],
    splits: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
) -> None:
    """Write predictions.csv: id, split, label, predicted, probability, then one column a class.

    Parameters
    ----------
    splits : (n,) str, each of `SPLITS`
    labels : (n,) int, index into `classes`; -1 for an image without a label
    probabilities : (n, C) float32, rows sum to 1; every value is read again to the last bit
    classes : any texts; `distinct` says what is written for two of one name

    Raises
    ------
    FacetteError
        A probability is not a number: the training went astray.
    InputError
        The place cannot be written.
    """
    p = np.asarray(probabilities, np.float32)
    if not np.isfinite(p).all():
        raise FacetteError(
            "The network's probabilities are not numbers: its training went astray. Train again "
            "with a lower learning rate."
        )
    names = [*distinct(classes), ""]
    best = p.argmax(axis=1) if p.size else np.zeros(0, int)
    # str() of a float32 has the fewest digits that give the same float32 again.
    short = [[float(str(value)) for value in row] for row in p]
    rows = (
        [name, str(split), names[int(label)], names[winner], row[winner], *row]
        for name, split, label, winner, row in zip(ids, splits, labels, best, short, strict=True)
    )
    write_text(path, csv_text([*COLUMNS, *(f"p_{name}" for name in names[:-1])], rows))


def write_confusion(path: Path, table: np.ndarray, classes: Sequence[str]) -> None:
    """Write confusion.csv: a row a true class, a column a predicted one; `table` (C, C) int."""
    names = distinct(classes)
    rows = ([name, *counts] for name, counts in zip(names, np.asarray(table).tolist(), strict=True))
    write_text(path, csv_text(["label", *map(safe_cell, names)], rows))


def report_csv(report: Report, classes: Sequence[str]) -> str:
    """The text of report.csv: a row a class, then the means over classes, then the accuracy."""
    parts = (report.precision, report.recall, report.f1, report.support)
    rows: list[list[object]] = [
        [name, *values]
        for name, *values in zip(distinct(classes), *(p.tolist() for p in parts), strict=True)
    ]
    rows.append(["mean over classes", *report.macro, report.n])
    rows.append(["mean over images", *report.weighted, report.n])
    rows.append(["accuracy", None, None, report.accuracy, report.n])
    return csv_text(["class", "precision", "recall", "f1", "support"], rows)


def distinct(classes: Sequence[str]) -> list[str]:
    """Class names as they are written in files: any text, never empty, no two the same.

    >>> distinct(["cat", "dog", "cat", ""])
    ['cat', 'dog', 'cat-2', '(no name)']
    """
    texts = [as_written(name) or "(no name)" for name in classes]
    taken, seen, found = set(texts), set[str](), []
    for text in texts:
        name, number = text, 2
        while text in seen and name in taken:
            name, number = f"{text}-{number}", number + 1
        taken.add(name)
        seen.add(name)
        found.append(name)
    return found


def as_written(text: str) -> str:
    """`text` as a CSV gives it back: what is not UTF-8 in a file's name is an escape."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "backslashreplace").decode()
