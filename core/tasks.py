"""What the worker process can be asked to do. Results stay in the store; answers are small.

Arguments and answers are plain JSON values. Tasks are named here once: the app submits them by
name, the worker looks them up in `TASKS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from core import pipeline, registry
from core.cnn import requests as models
from core.datasets import open_dataset
from core.errors import FacetteError
from core.events import Event, Listener
from core.keys import key_of
from core.prepare import MAX_CLASSES, Preparation, classes, fields, prepare
from core.report import write_report
from core.runs import Comparison, RunConfig, RunResult
from core.sorting import sort_images_zip
from core.store import Store
from core.thumbnails import make_atlas
from core.types import Dataset, Source


def open_source(store: Store, emit: Listener, source: dict[str, Any]) -> dict[str, Any]:
    """Read every image once, so that the app can open the source at once; make thumbnails."""
    dataset = open_dataset(Source.from_json(source), store, emit)
    _thumbnails(dataset, store, emit)
    return {"n": len(dataset)}


def compare(store: Store, emit: Listener, comparison: dict[str, Any]) -> dict[str, Any]:
    """Carry out every run of a comparison; the answer lists those that failed, with reasons."""
    wanted = Comparison.from_json(comparison)
    dataset = open_dataset(wanted.source, store, emit)
    store.save_record("comparisons", wanted.id, wanted.to_json())
    _thumbnails(dataset, store, emit)
    finished, failed = pipeline.compare(dataset, wanted, store, emit)
    if not finished:
        raise FacetteError(str(failed[0][1]))
    failures = [[c.descriptor, c.clusterer, str(error)] for c, error in failed]
    return {"finished": len(finished), "failed": failures}


def explanation_key(dataset: Dataset, index: int, descriptor: str) -> str:
    """Where the store holds how a descriptor sees one image."""
    identity = registry.parse_signature(descriptor)[0].resolve(dataset).identity(0)
    return key_of("explanation", 1, dataset.images_key, index, identity)


def learnt_key(dataset: Dataset, descriptor: str) -> str:
    """Where the store holds what a learning descriptor learnt from a dataset, with seed 0."""
    return pipeline.keys_of(dataset, RunConfig(descriptor)).blocks[0]


def explain(
    store: Store, emit: Listener, source: dict[str, Any], index: int, descriptors: list[str]
) -> dict[str, Any]:
    """Explain how each descriptor sees one image; the answer says which refused, and why.

    Nothing is trained for it: of a descriptor that learns, and has not yet, nothing is written.
    """
    dataset = open_dataset(Source.from_json(source), store, emit)
    refused = {}
    for done, text in enumerate(descriptors):
        emit(Event("explain", "progress", text, done=done, total=len(descriptors)))
        try:
            _explain_one(store, dataset, index, text)
        except FacetteError as error:  # weights that are missing, say: the others go on
            refused[text] = str(error)
    return {"refused": refused}


def _explain_one(store: Store, dataset: Dataset, index: int, text: str) -> None:
    key = explanation_key(dataset, index, text)
    if store.has(key):
        return
    descriptor = registry.parse_signature(text)[0].resolve(dataset)
    image = descriptor.prepare(dataset, index)
    if not descriptor.learns:
        seen = descriptor.explain(image)
    else:
        block = store.get(learnt_key(dataset, text))
        if block is None:
            return
        learnt = {name: block.array(f"learnt_{name}") for name in block.meta["learnt"]}
        seen = descriptor.explain_learned(image, learnt)
    arrays = {f"curve_{i}": curve for i, curve in enumerate(seen.curves.values())}
    if seen.image is not None:
        arrays["image"] = seen.image
    store.put(key, arrays, {"caption": seen.caption, "curves": list(seen.curves)})


def report(
    store: Store, emit: Listener, comparison: dict[str, Any], content: str
) -> dict[str, Any]:
    """Write the finished runs of a comparison as one HTML file; see `made_file`."""
    wanted = Comparison.from_json(comparison)
    dataset = open_dataset(wanted.source, store, emit)
    results = finished_runs(store, dataset, wanted)
    _check_content(content, dataset, results)
    with store.workspace() as temporary:
        write_report(temporary / "report.html", dataset, results, store)
        _put_made(temporary / "report.html", store, content)
    return {}


def sort(
    store: Store, emit: Listener, source: dict[str, Any], config: dict[str, Any], content: str
) -> dict[str, Any]:
    """Write a ZIP of the images in a folder a cluster; see `made_file`."""
    dataset = open_dataset(Source.from_json(source), store, emit)
    result = pipeline.run(dataset, RunConfig.from_json(config), store, emit)
    _check_content(content, dataset, [result])
    with store.workspace() as temporary:
        file = temporary / "images.zip"
        sort_images_zip(dataset, result, store, file, _reporter("sort", emit))
        _put_made(file, store, content)
    return {}


def look_at_metadata(
    store: Store, emit: Listener, metadata: str, field: str, level: int | None, as_of: list[int]
) -> dict[str, Any]:
    """The fields of metadata with examples; with a field, how many entries have each value.

    `as_of` says when the metadata were changed last, so that changed ones are another job.
    """
    if not field:
        return {"fields": [asdict(f) | {"sorts": f.sorts} for f in fields(metadata, emit)]}
    counts = classes(metadata, field, level, emit)
    return {"classes": dict(islice(counts.items(), MAX_CLASSES)), "n_classes": len(counts)}


def prepare_photos(store: Store, emit: Listener, request: dict[str, Any]) -> dict[str, Any]:
    """Write a training set from photos and metadata; the folder itself holds the report."""
    return {"folder": prepare(Preparation.from_json(request), store, emit).folder}


def finished_runs(store: Store, dataset: Dataset, comparison: Comparison) -> list[RunResult]:
    """The runs of a comparison that the store holds whole, in its order."""
    found = (pipeline.stored(dataset, config, store) for config in comparison.configs())
    return [result for result in found if result is not None]


def content_of(task: str, dataset: Dataset, results: Sequence[RunResult]) -> str:
    """The key of what a made file shows: other images or other runs make another file."""
    runs = [[result.config.to_json(), asdict(result.keys)] for result in results]
    return key_of("made", 1, task, dataset.key, runs)


def made_file(store: Store, content: str) -> Path:
    """Where `report` and `sort` put the file of that content."""
    return store.root / "made" / content


def _check_content(content: str, dataset: Dataset, results: Sequence[RunResult]) -> None:
    if content not in (content_of(task, dataset, results) for task in ("report", "sort")):
        raise FacetteError("The images have changed meanwhile. Open the page again.")


def _put_made(file: Path, store: Store, content: str) -> None:
    target = made_file(store, content)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(file, target)


def _thumbnails(dataset: Dataset, store: Store, emit: Listener) -> None:
    make_atlas(dataset, store, report=_reporter("thumbnails", emit))


def _reporter(stage: str, emit: Listener) -> Callable[[int, int], None]:
    return lambda done, total: emit(Event(stage, "progress", done=done, total=total))


TASKS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "open": open_source,
    "compare": compare,
    "explain": explain,
    "report": report,
    "sort": sort,
    "train": models.train,
    "look": models.look,
    "look_file": models.look_file,
    "predict": models.predict,
    "metadata": look_at_metadata,
    "prepare": prepare_photos,
}
