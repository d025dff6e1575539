"""Several trainings on the same images, compared in one table."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.cnn import artefact, training
from core.cnn.artefact import Artefact
from core.cnn.config import Study, TrainConfig
from core.cnn.splits import split_of
from core.errors import Cancelled, FacetteError, InputError, printable
from core.events import Event, Listener, silent
from core.store import Store
from core.types import Dataset

# Records: what was asked, what came out, and every model that was trained for it.
STUDIES, RESULTS, MADE = "studies", "study_results", "study_models"
MEASURES = ("validation_accuracy", "accuracy", "macro_f1", "gap", "seconds", "parameters")
SIZES = (32, 48, 64, 96)  # that a search from scratch tries


@dataclass(frozen=True)
class Row:
    """One model of a study: its configuration, and its measures over one or several folds.

    `mean` and `spread` (standard deviation, 0 for one fold) have the names of `MEASURES`;
    `models` are the ids of the trained models, one a fold; `tried` the settings of a search with
    their validation accuracies, the best first.
    """

    config: TrainConfig
    models: tuple[str, ...]
    mean: Mapping[str, float]
    spread: Mapping[str, float]
    tried: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The row as plain JSON values."""
        return dataclasses.asdict(self) | {"config": self.config.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Row:
        """The row that `to_json` wrote."""
        read = {name: tuple(values[name]) for name in ("models", "tried")}
        config = TrainConfig.from_json(values["config"])
        return cls(**{**values, **read, "config": config})


def carry_out(
    dataset: Dataset, study: Study, store: Store, emit: Listener = silent
) -> tuple[list[Row], list[tuple[TrainConfig, FacetteError]]]:
    """Train every model of a study; what is trained already is not trained again.

    Returns the rows of the trained models, and those that failed with the reason: one failure
    does not stop the others. After each model the rows so far are put into the store's records.

    Raises
    ------
    InputError
        The images cannot be trained on; then nothing is trained.
    """
    configs, rows, failed = study.configs(), list[Row](), []
    earlier = results(store, study.id)  # shown until they are trained, or found, again
    for fold in range(max(1, study.folds)):
        split_of(dataset, dataclasses.replace(study.base, folds=study.folds, fold=fold))
    store.save_record(STUDIES, study.id, study.to_json())
    each = (study.search if study.search else 0) + max(1, study.folds)
    also = sorted({config.model for config in configs} - {"scratch"})
    train = partial(_trained, dataset, study, store, emit)

    def progress(done: int) -> None:
        emit(Event("run", "progress", done=done, total=len(configs) * each))

    for index, config in enumerate(configs):
        progress(index * each)
        try:
            tried = _searched(config, study.search, train)
            chosen = tried[0][0] if tried else config
            trained = []
            for fold in range(max(1, study.folds)):
                progress(index * each + len(tried) + fold)
                part = dataclasses.replace(chosen, folds=study.folds, fold=fold)
                trained.append(train(part, also))
        except FacetteError as error:
            emit(Event("run", "failed", config.variant, message=str(error)))
            failed.append((config, error))
            continue
        rows.append(_row(chosen, trained, tried))
        later = {one.variant for one in configs[index + 1 :]}
        shown = rows + [row for row in earlier if row.config.variant in later]
        store.save_record(RESULTS, study.id, {"rows": [row.to_json() for row in shown]})
    progress(len(configs) * each)
    return rows, failed


def results(store: Store, study_id: str) -> list[Row]:
    """The rows of a study that are finished, as far as the store still holds their models."""
    record = store.record(RESULTS, study_id)
    rows = [Row.from_json(values) for values in record["rows"]] if record else []
    return [r for r in rows if all(training.model_folder(store, m).is_dir() for m in r.models)]


def models(store: Store) -> list[Artefact]:
    """Every trained model of the store, the newest first."""
    folders = [f for f in (store.root / "models").glob("*") if (f / artefact.CONFIG).is_file()]
    found = []
    for folder in sorted(folders, key=_written, reverse=True):
        try:
            found.append(artefact.read(folder))
        except InputError:
            continue  # a model of another version, or one that is being removed
    return found


def forget(store: Store, study_id: str) -> int:
    """Remove a study, and its models but for those that another study shows; how many these are."""
    others = {m for s in store.records(STUDIES) if s != study_id for m in _models_of(store, s)}
    gone = set(_models_of(store, study_id)) - others
    with store.workspace() as rubbish:  # a folder is there whole or not at all
        for model in gone:
            os.rename(training.model_folder(store, model), rubbish / model)
    for group in (STUDIES, RESULTS, MADE):
        store.drop_record(group, study_id)
    for model in gone:
        store.drop_record(training.RECORDS, model)
    return len(gone)


def _models_of(store: Store, study_id: str) -> list[str]:
    made = (store.record(MADE, study_id) or {"models": []})["models"]
    shown = [model for row in results(store, study_id) for model in row.models]
    return [m for m in {*made, *shown} if training.model_folder(store, m).is_dir()]


def table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as they are shown and written: variant, measures, and spreads where folds are."""
    lines = []
    for row in rows:
        line: dict[str, Any] = {"model": row.config.model, "augment": row.config.augment}
        line["variant"] = row.config.variant
        for name in MEASURES:
            line[name] = row.mean[name]
            if len(row.models) > 1:
                line[f"{name}_spread"] = row.spread[name]
        line["learning_rate"], line["dropout"] = row.config.learning_rate, row.config.dropout
        line["size"], line["id"] = row.config.size, row.models[0]
        lines.append(line)
    return lines


def best(rows: Sequence[Row]) -> Row:
    """The row with the best validation accuracy; the test is for judging, not for choosing."""
    return max(rows, key=lambda row: (row.mean["validation_accuracy"], -row.mean["gap"]))


def _row(
    config: TrainConfig, trained: Sequence[Artefact], tried: Sequence[tuple[TrainConfig, float]]
) -> Row:
    values = {m: np.array([float(a.metrics[m]) for a in trained]) for m in MEASURES}
    settings = tuple(
        {"learning_rate": c.learning_rate, "dropout": c.dropout, "size": c.size,
         "validation_accuracy": accuracy}
        for c, accuracy in tried
    )  # fmt: skip
    return Row(
        config=trained[0].config if len(trained) == 1 else config,
        models=tuple(a.id for a in trained),
        mean={m: float(v.mean()) for m, v in values.items()},
        spread={m: float(v.std(ddof=1)) if len(v) > 1 else 0.0 for m, v in values.items()},
        tried=settings,
    )


def _trained(
    dataset: Dataset,
    study: Study,
    store: Store,
    emit: Listener,
    config: TrainConfig,
    also: Sequence[str] = (),
) -> Artefact:
    """A model trained for a study, which is put down so that `forget` finds it."""
    try:
        model = training.train(dataset, config, store, emit, also)
    except (FacetteError, Cancelled):
        raise
    except Exception as error:  # whatever TensorFlow raises ends this training, not the others
        text = printable(error, 300) or type(error).__name__
        raise FacetteError(f"{config.variant} failed: {text}") from error
    known = {*_models_of(store, study.id), model.id}
    store.save_record(MADE, study.id, {"models": sorted(known)})
    return model


def _searched(
    config: TrainConfig, count: int, train: Callable[[TrainConfig], Artefact]
) -> list[tuple[TrainConfig, float]]:
    """Settings drawn by the seed with their validation accuracies, the best first.

    The first is the configuration as it was given, so a search can only gain on validation.
    """
    tried = []
    for candidate in drawn(config, count):
        tried.append((candidate, float(train(candidate).metrics["validation_accuracy"])))
    return sorted(tried, key=lambda one: -one[1])


def drawn(config: TrainConfig, count: int) -> list[TrainConfig]:
    """A configuration, and `count` - 1 changes of it: rate, dropout, and from scratch the size."""
    rng = np.random.default_rng(config.seed)
    found = [config][:count]
    while len(found) < count:
        changes: dict[str, Any] = {
            "learning_rate": float(f"{math.exp(rng.uniform(math.log(1e-4), math.log(1e-2))):.1e}"),
            "dropout": float(np.round(rng.uniform(0, 0.6), 2)),
        }
        if config.model == "scratch":
            changes["size"] = int(rng.choice(SIZES))
        found.append(dataclasses.replace(config, **changes))
    return found


def _written(folder: Path) -> float:
    return (folder / artefact.CONFIG).stat().st_mtime
