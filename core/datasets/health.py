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
_MAX_PAIRS = 4_000_000  # compared at most by fingerprint; real photos reach a tenth of it
_MAX_LOOKS = 200_000  # compared at most by the whole tiny images
_CHUNK = 1 << 14  # pairs at a time


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
    Images of one colour are left out. Time and memory are bounded: where very many images might
    look alike, each is compared only with those nearest to it in brightness.
    """
    looks, prints = dataset.measured.get("look"), dataset.fingerprints
    if looks is None or prints is None:
        return (), True
    first = {digest: i for i, digest in reversed(list(enumerate(dataset.digests)))}
    flat = np.asarray(dataset.measured.get("constant", np.zeros(len(dataset), bool)))
    rows = np.array([i for i in sorted(first.values()) if not flat[i]], np.int64)
    prints, looks = np.asarray(prints)[rows], np.asarray(looks)[rows].reshape(len(rows), -1)
    group, complete = _grouped(prints, looks)
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


def _grouped(prints: np.ndarray, looks: np.ndarray) -> tuple[np.ndarray, bool]:
    """Give each of n images the smallest number of its group, and say whether all were compared.

    `prints` (n,) uint64, `looks` (n, 432) uint8.
    """
    shade = looks.sum(axis=1, dtype=np.int64)
    some = looks[:, :: looks.shape[1] // 8].T.astype(np.int16)  # tell most pairs apart
    group, complete, budget = np.arange(len(prints)), True, _MAX_LOOKS
    for a, b, whole in _candidates(prints, shade, NEAR_LOOK * looks.shape[1]):
        complete &= whole
        few = np.bitwise_count(prints[a] ^ prints[b]) <= NEAR_BITS
        few &= group[a] != group[b]
        a, b = a[few], b[few]
        for values in some:
            maybe = np.abs(values[a] - values[b]) <= NEAR_LOOK
            a, b = a[maybe], b[maybe]
        complete &= len(a) <= budget
        a, b = a[:budget], b[:budget]
        budget -= len(a)
        x, y = looks[a], looks[b]
        alike = (np.maximum(x, y) - np.minimum(x, y)).max(axis=1, initial=0) <= NEAR_LOOK
        group = _joined(group, a[alike], b[alike])
    return group, complete or not group.any()  # all in one group: nothing was missed


def _candidates(
    prints: np.ndarray, shade: np.ndarray, limit: int
) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Pairs of positions that agree in one of four bands, at most `limit` apart in `shade`.

    They come in chunks, those nearest in shade first, with whether none was left out; a pair may
    come again.
    """
    budget = _MAX_PAIRS
    for band in range(NEAR_BITS + 1):
        # every fourth bit: a band of neighbouring bits is all background in many images
        mask = np.uint64(sum(1 << bit for bit in range(band, 64, NEAR_BITS + 1)))
        order = np.lexsort((shade, prints & mask))
        later = _later(prints[order] & mask, shade[order], limit)
        most = _affordable(later, budget // (NEAR_BITS + 1 - band))
        whole = most >= later.max(initial=0)
        budget -= int(np.minimum(later, most).sum())
        yield order[:0], order[:0], whole  # said also where nothing follows
        near = 0
        while near < most:
            far = min(2 * near + 1, most)
            left, right = _pairs(later, near, far)
            for begin in range(0, len(left), _CHUNK):
                chunk = slice(begin, begin + _CHUNK)
                yield order[left[chunk]], order[right[chunk]], whole
            near = far


def _later(banded: np.ndarray, shade: np.ndarray, limit: int) -> np.ndarray:
    """How many of the rows behind each row have its band and nearly its shade, both sorted."""
    start = np.r_[True, banded[1:] != banded[:-1]][: len(banded)]
    # bands far apart on one line, so that one search finds the last row of all
    line = (np.cumsum(start) - 1) * (int(shade.max(initial=0)) + limit + 1) + shade
    return np.searchsorted(line, line + limit, "right") - np.arange(len(line)) - 1


def _pairs(later: np.ndarray, near: int, far: int) -> tuple[np.ndarray, np.ndarray]:
    """Each row with its neighbours `near` + 1 to `far` behind it, as far as `later` allows."""
    count = np.clip(later - near, 0, far - near)
    left = np.repeat(np.arange(len(later)), count)
    right = np.arange(len(left)) + np.repeat(np.arange(len(later)) + near + 1, count)
    return left, right - np.repeat(np.cumsum(count) - count, count)


def _affordable(later: np.ndarray, budget: int) -> int:
    """The most neighbours a row that all rows can have within a budget of pairs."""
    low, high = 0, int(later.max(initial=0))
    while low < high:
        middle = (low + high + 1) // 2
        if int(np.minimum(later, middle).sum()) <= budget:
            low = middle
        else:
            high = middle - 1
    return low


def _joined(group: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The groups after joining those of each pair; each is named by its smallest member."""
    while (group[a] != group[b]).any():
        low, high = np.minimum(group[a], group[b]), np.maximum(group[a], group[b])
        parent = np.arange(len(group))
        np.minimum.at(parent, high, low)
        while (parent[parent] != parent).any():
            parent = parent[parent]
        group = parent[group]
    return group


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
