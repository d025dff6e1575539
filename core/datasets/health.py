"""What is odd about a dataset: unreadable, duplicate, lopsided. Measured first, then judged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from core.types import UNLABELLED, Dataset, Rejected

NEAR_BITS = 3  # of the 64-bit fingerprint; four bands find every such pair
NEAR_LOOK = 20  # of 255, the largest difference between two tiny images
SMALL_CLASS = 5
IMBALANCE = 10
_MAX_PAIRS = 200_000_000  # compared at most; only thousands of look-alikes reach it


@dataclass(frozen=True)
class Health:
    """The health report of a dataset. Groups hold row numbers, each in ascending order.

    Attributes
    ----------
    rejected : what could not be used, with reasons
    duplicates : groups of images with the same content
    near_duplicates : groups that look the same (another size, quality or brightness), in which
        not all are exact duplicates
    widths, heights : smallest, median, largest in pixels
    sizes : ((width, height), number of images), the most frequent first
    modes : Pillow's mode -> number of images
    classes : (class, number of images), in the order of the class names
    unlabelled : number of images without a class, in a dataset that has classes
    constant : rows of images that are of one colour throughout
    warnings : what deserves attention, in plain sentences
    """

    n_images: int
    rejected: tuple[Rejected, ...]
    duplicates: tuple[tuple[int, ...], ...]
    near_duplicates: tuple[tuple[int, ...], ...]
    widths: tuple[int, int, int]
    heights: tuple[int, int, int]
    sizes: tuple[tuple[tuple[int, int], int], ...]
    modes: Mapping[str, int]
    classes: tuple[tuple[str, int], ...]
    unlabelled: int
    constant: tuple[int, ...]
    warnings: tuple[str, ...]


def report(dataset: Dataset) -> Health:
    """Look over a dataset by what its first reading measured; no image is decoded again."""
    same = duplicates(dataset)
    near, complete = near_duplicates(dataset)
    widths, heights = (np.asarray(dataset.sizes)[:, i] for i in (0, 1))
    constant = np.flatnonzero(dataset.measured.get("constant", []))
    classes, unlabelled = _class_sizes(dataset)
    warnings = [
        *_of_files(dataset, constant),
        *_of_classes(dataset, classes, unlabelled),
        *_of_duplicates(dataset, same, near, complete),
    ]
    return Health(
        n_images=len(dataset),
        rejected=dataset.rejected,
        duplicates=same,
        near_duplicates=near,
        widths=_spread(widths),
        heights=_spread(heights),
        sizes=tuple(Counter(zip(widths.tolist(), heights.tolist(), strict=True)).most_common()),
        modes=dict(Counter(map(str, dataset.measured.get("mode", []))).most_common()),
        classes=classes,
        unlabelled=unlabelled,
        constant=tuple(constant.tolist()),
        warnings=tuple(warnings),
    )


def duplicates(dataset: Dataset) -> tuple[tuple[int, ...], ...]:
    """Groups of rows whose files have the same content."""
    rows: dict[str, list[int]] = defaultdict(list)
    for i, digest in enumerate(dataset.digests):
        rows[digest].append(i)
    return tuple(tuple(group) for group in rows.values() if len(group) > 1)


def near_duplicates(dataset: Dataset) -> tuple[tuple[tuple[int, ...], ...], bool]:
    """Groups of rows that look the same, and whether all pairs could be compared.

    Candidates share one of four 16-bit bands of the fingerprint, so every pair with at most 3
    differing bits is among them (pigeonhole, as in Manku, Jain and Das Sarma, "Detecting
    near-duplicates for web crawling", 2007). They are confirmed by the tiny images: on real
    catalogue photos a fingerprint of 64 bits alone calls hundreds of different shirts the same.
    Images of one colour are left out. Memory grows with n, not with its square.
    """
    looks, prints = dataset.measured.get("look"), dataset.fingerprints
    if looks is None or prints is None:
        return (), True
    first = {digest: i for i, digest in reversed(list(enumerate(dataset.digests)))}
    flat = np.asarray(dataset.measured.get("constant", np.zeros(len(dataset), bool)))
    rows = np.array([i for i in sorted(first.values()) if not flat[i]], np.int64)
    prints, looks = np.asarray(prints)[rows], np.asarray(looks)[rows].reshape(len(rows), -1)
    group, complete = np.arange(len(rows)), True
    budget = _MAX_PAIRS
    for a, b in _candidates(prints):
        budget -= len(a)
        if budget < 0:
            complete = False
            break
        apart = group[a] != group[b]
        a, b = a[apart], b[apart]
        few = np.bitwise_count(prints[a] ^ prints[b]) <= NEAR_BITS
        a, b = a[few], b[few]
        gap = np.abs(looks[a].astype(np.int16) - looks[b].astype(np.int16))
        alike = gap.max(axis=1, initial=0) <= NEAR_LOOK
        _join(group, a[alike], b[alike])
    copies: dict[str, list[int]] = defaultdict(list)
    for i, digest in enumerate(dataset.digests):
        copies[digest].append(i)
    members: dict[int, list[int]] = defaultdict(list)
    for i, g in zip(rows.tolist(), group.tolist(), strict=True):
        members[g].append(i)
    found = [found for found in members.values() if len(found) > 1]
    return tuple(
        tuple(sorted(j for i in rows for j in copies[dataset.digests[i]])) for rows in found
    ), complete


def _candidates(prints: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of positions that agree in one of four bands; a pair may come again."""
    for band in range(NEAR_BITS + 1):
        # every fourth bit: a band of neighbouring bits is all background in many images
        mask = np.uint64(sum(1 << bit for bit in range(band, 64, NEAR_BITS + 1)))
        order = np.argsort(prints & mask, kind="stable")
        banded = (prints & mask)[order]
        start = np.arange(len(order))
        step = 0
        while len(start):
            step += 1
            start = start[start + step < len(order)]
            start = start[banded[start] == banded[start + step]]
            yield order[start], order[start + step]


def _join(group: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Give the members of joined groups one number, the smallest, in place."""
    for i, j in zip(a.tolist(), b.tolist(), strict=True):
        if group[i] != group[j]:
            low, high = sorted((group[i], group[j]))
            group[group == high] = low


def _spread(values: np.ndarray) -> tuple[int, int, int]:
    return int(values.min()), int(np.median(values)), int(values.max())


def _class_sizes(dataset: Dataset) -> tuple[tuple[tuple[str, int], ...], int]:
    if dataset.labels is None:
        return (), 0
    labels = np.asarray(dataset.labels)
    counts = np.bincount(labels[labels >= 0], minlength=len(dataset.class_names)).tolist()
    unlabelled = int((labels == UNLABELLED).sum())
    return tuple(zip(dataset.class_names, counts, strict=True)), unlabelled


def _of_files(dataset: Dataset, constant: np.ndarray) -> Iterator[str]:
    if len(dataset) == 1:
        yield "There is only one image, so there is nothing to group."
    if dataset.rejected:
        n = len(dataset.rejected)
        yield f"{n:,} {'file was' if n == 1 else 'files were'} left out; the reasons are listed."
    if len(constant):
        n = len(constant)
        yield f"{n:,} {'image is' if n == 1 else 'images are'} of one colour throughout."


def _of_classes(
    dataset: Dataset, classes: tuple[tuple[str, int], ...], unlabelled: int
) -> Iterator[str]:
    if not classes:
        return
    if len(classes) == 1:
        yield (
            f"There is only one class ({classes[0][0]}), so comparing clusters with classes "
            "says nothing."
        )
    if unlabelled:
        yield f"{unlabelled:,} of {len(dataset):,} images have no class."
    small = [name for name, n in classes if n < SMALL_CLASS]
    if small:
        names = ", ".join(small[:5]) + (", …" if len(small) > 5 else "")
        which = "One class has" if len(small) == 1 else f"{len(small)} classes have"
        yield f"{which} fewer than {SMALL_CLASS} images: {names}."
    (most, high), (least, low) = (f(classes, key=lambda c: c[1]) for f in (max, min))
    if high > IMBALANCE * low:
        yield (
            f"The classes are uneven: {most} has {high:,} images, {least} has {low:,}. "
            "Measures that count images follow the large ones."
        )


def _of_duplicates(
    dataset: Dataset,
    same: tuple[tuple[int, ...], ...],
    near: tuple[tuple[int, ...], ...],
    complete: bool,
) -> Iterator[str]:
    extra = sum(len(group) - 1 for group in same)
    if len(dataset) > 1 and extra == len(dataset) - 1:
        yield "All images are identical, so there is nothing to group."
    elif extra:
        what = "image is an exact copy" if extra == 1 else "images are exact copies"
        yield f"{extra:,} {what} of another."
    labels = dataset.labels
    torn = 0 if labels is None else sum(len({int(labels[i]) for i in g}) > 1 for g in same)
    if torn:
        what = "group of identical images has" if torn == 1 else "groups of identical images have"
        yield f"{torn:,} {what} different classes."
    if near:
        what = "group of images looks" if len(near) == 1 else "groups of images look"
        yield f"{len(near):,} {what} nearly identical."
    if not complete:
        yield "So many images look alike that not all pairs were compared for near duplicates."
