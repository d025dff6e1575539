"""The images of a run sorted into a sub-folder a cluster, in a folder or in a ZIP."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.errors import input_error
from core.files import csv_text, output_folder, replacing, safe_name, unique_name, write_text
from core.runs import RunResult
from core.store import Store
from core.tables import label_text, read_array
from core.types import NOISE, OUTLIER, Dataset

MARKER = ".facette-sorted.json"  # in a folder of ours; lists the files that we put there
TABLE = "clusters.csv"
Report = Callable[[int, int], None]


def sort_images(
    dataset: Dataset,
    result: RunResult,
    store: Store,
    directory: Path | str,
    report: Report = lambda done, total: None,
) -> Path:
    """Copy every image into DIRECTORY/CLUSTER/, the file byte for byte where there is one.

    Sub-folders are `cluster-03`, `noise` and `outliers`; clusters.csv beside them says which id
    became which file. A dataset without files of its own (digits, an .npz) gives PNGs. In a
    folder that an earlier call made, the images of that call are replaced and all else stays.

    Raises
    ------
    InputError
        When DIRECTORY holds anything that is not ours, or lies among the images themselves.
    """
    folder = Path(directory)
    _check_free(dataset, folder)
    output_folder(folder)
    labels = read_array(store, result.keys.labels, "labels")
    names = sorted_names(dataset, labels)
    old = _listed(folder)
    # The marker comes first and lists old and new, so that a killed call can be taken up again.
    _mark(folder, sorted({*old, *names}))
    for i, name in enumerate(names):
        output_folder((folder / name).parent)
        with replacing(folder / name) as temporary:
            temporary.write_bytes(image_bytes(dataset, i))
        report(i + 1, len(names))
    for name in sorted(set(old) - set(names)):
        (folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # a person's own file keeps the sub-folder
            (folder / name).parent.rmdir()
    write_text(folder / TABLE, sorted_csv(dataset, labels, names))
    _mark(folder, names)
    return folder


def sort_images_zip(
    dataset: Dataset,
    result: RunResult,
    store: Store,
    target: Path | BinaryIO,
    report: Report = lambda done, total: None,
) -> None:
    """Write what `sort_images` makes into a ZIP, image by image; same input, same bytes.

    `target` is a path, which is replaced whole, or a binary file open for writing.
    """
    if isinstance(target, Path):
        output_folder(target.parent)
        with replacing(target) as temporary, temporary.open("wb") as file:
            sort_images_zip(dataset, result, store, file, report)
        return
    labels = read_array(store, result.keys.labels, "labels")
    names = sorted_names(dataset, labels)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for i, name in enumerate(names):
            archive.writestr(_member(name), image_bytes(dataset, i))
            report(i + 1, len(names))
        table = sorted_csv(dataset, labels, names).encode()
        archive.writestr(_member(TABLE), table, zipfile.ZIP_DEFLATED)


def sorted_names(dataset: Dataset, labels: np.ndarray) -> list[str]:
    """`FOLDER/FILE` for every image: safe on every file system, unique, in the dataset's order.

    An id with folders in it keeps them in its name: `cats/1.jpg` becomes `cats_1.jpg`.
    """
    digits = max(2, len(str(int(labels.max(initial=0)))))
    special = {NOISE: "noise", OUTLIER: "outliers"}
    suffix = ".png" if dataset.original is None else ""
    taken: dict[str, set[str]] = {}
    names = []
    for name, label in zip(dataset.ids, labels.tolist(), strict=True):
        folder = special.get(label, f"cluster-{label:0{digits}}")
        ours = "" if name.lower().endswith(suffix) else suffix
        file = unique_name(safe_name(name, ours), taken.setdefault(folder, set()))
        names.append(f"{folder}/{file}")
    return names


def sorted_csv(dataset: Dataset, labels: np.ndarray, names: Iterable[str]) -> str:
    """The text of the clusters.csv that lies beside the sub-folders: id,label,cluster,file."""
    rows = (
        (id_, label_text(dataset, i), int(label), name)
        for i, (id_, label, name) in enumerate(zip(dataset.ids, labels, names, strict=True))
    )
    return csv_text(("id", "label", "cluster", "file"), rows)


def image_bytes(dataset: Dataset, index: int) -> bytes:
    """The file of an image as it was given, or a PNG of its pixels where there is no file."""
    if dataset.original is not None:
        return dataset.original(index)
    from core.images import encode_png

    return encode_png(dataset.read(index, None))


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # a clock would change the bytes
    info.create_system, info.external_attr = 3, 0o644 << 16
    return info


def _check_free(dataset: Dataset, folder: Path) -> None:
    do = "Name a new or empty folder, or one that an earlier sorting made."
    if folder.is_dir():
        if any(folder.iterdir()) and not (folder / MARKER).is_file():
            raise input_error("folder for sorted images", folder, "an empty folder", do)
    elif folder.exists() or folder.is_symlink():
        raise input_error("folder for sorted images", folder, "a folder", do)
    if dataset.source.kind == "folder" and dataset.source.path:
        source, inside = Path(dataset.source.path).resolve(), folder.resolve()
        if source == inside or source in inside.parents:
            raise input_error(
                "folder for sorted images", folder, "a folder outside the images' own folder",
                "Inside it the sorted copies would count as images the next time.",
            )  # fmt: skip


def _mark(folder: Path, names: Iterable[str]) -> None:
    about = {"written_by": "Facette", "files": list(names)}
    write_text(folder / MARKER, json.dumps(about, indent=0) + "\n")


def _listed(folder: Path) -> list[str]:
    """The files that an earlier call put there and that are there still."""
    try:
        files = json.loads((folder / MARKER).read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return list(_inside(folder, files))


def _inside(folder: Path, files: object) -> Iterator[str]:
    """Only names of the form FOLDER/FILE: a list that was tampered with reaches nothing else."""
    for name in files if isinstance(files, list) else ():
        parts = name.split("/") if isinstance(name, str) else ()
        plain = all(part == Path(part).name and part[0] != "." for part in parts)
        if len(parts) == 2 and plain and not (folder / parts[0]).is_symlink():
            yield name
