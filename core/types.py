"""The few things that flow through the house. Frozen; shapes in the docstrings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np

NOISE = -1  # a label: the clusterer called this row noise
OUTLIER = -2  # a label: the outlier detector left this row out of fitting
UNLABELLED = -1  # a class number: this image has no label


@dataclass(frozen=True)
class Source:
    """Where images come from. `kind` is a file of `core/datasets`; goes to JSON and back."""

    kind: str
    path: str = ""
    image_column: str = ""
    label_column: str = ""
    text_columns: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The source as plain JSON values."""
        return asdict(self) | {"text_columns": list(self.text_columns)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The source that `to_json` wrote."""
        return cls(**{**values, "text_columns": tuple(values.get("text_columns", ()))})


@dataclass(frozen=True)
class Rejected:
    """A file that could not be used, and why, in words."""

    id: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Images on demand, with labels and texts where there are some. Row order is fixed.

    Attributes
    ----------
    ids : one name an image, unique; for files the path relative to the source, with `/`
    sizes : (n, 2) int32, width and height in pixels of the original, after EXIF rotation
    read : index, shortest side wanted or None -> (h, w) or (h, w, 3) uint8 RGB. The reader may
        decode at a reduced size as long as both sides stay at least as long as asked.
    images_key : content key of the pixels' files, in order; the key of whatever reads only images
    labels : (n,) int32 index into `class_names`, `UNLABELLED` for none; None without labels
    parts : (n,) int8, what the folders say an image is for: 0 to train, 1 to validate, 2 to test,
        -1 for none of these; None where they say nothing
    texts : one text an image, or None
    digests : one content key an image; equal digests are exact duplicates
    fingerprints : (n,) uint64 difference hash; few differing bits mean near duplicates
    original : index -> the bytes of the image's file as it was given (from a folder or a ZIP
        alike), for sorting images into folders; None where images are not files of their own
    measured : what else was seen when the images were first read: "mode" (n,) str as Pillow
        names it, "constant" (n,) bool, "look" (n, 12, 12, 3) uint8 tiny RGB images
    """

    name: str
    source: Source
    ids: tuple[str, ...]
    sizes: np.ndarray
    read: Callable[[int, int | None], np.ndarray]
    images_key: str
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    parts: np.ndarray | None = None
    texts: tuple[str, ...] | None = None
    rejected: tuple[Rejected, ...] = ()
    digests: tuple[str, ...] = ()
    fingerprints: np.ndarray | None = None
    original: Callable[[int], bytes] | None = None
    measured: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.ids)

    @property
    def typical_side(self) -> int:
        """The median of the images' shortest sides in pixels, which automatic sizes go by."""
        return int(np.median(np.asarray(self.sizes).min(axis=1))) if len(self) else 1

    @cached_property
    def key(self) -> str:
        """Content key of images, names, labels and texts together."""
        from core.keys import key_of, key_of_array

        labels = "" if self.labels is None else key_of_array(self.labels)
        return key_of(self.images_key, self.ids, labels, self.class_names, self.texts)

    def image(
        self,
        index: int,
        size: int | None = None,
        mode: Literal["gray", "rgb"] = "rgb",
        fit: Literal["square", "longest"] = "square",
    ) -> np.ndarray:
        """One image, (h, w) uint8 for gray and (h, w, 3) uint8 RGB for rgb.

        `square` stretches to size x size; `longest` keeps the shape and makes the longest side
        `size`. Enlarged by cubic, shrunk by area interpolation; `size=None` leaves it as it is.
        """
        from core.images import fitted

        return fitted(self.read(index, size), size, mode, fit)


@dataclass(frozen=True)
class FeatureBlock:
    """What one descriptor says: `values` (n, d) float32, with notes for people.

    `arrays` holds what a learnt descriptor draws of its learning (a loss curve, a codebook).
    """

    values: np.ndarray
    notes: tuple[str, ...] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class FeatureMatrix:
    """Blocks joined into one matrix: `values` (n, D) float32; columns of each block kept."""

    values: np.ndarray
    slices: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Partition:
    """A clustering: `labels` (n,) int32 from 0, `NOISE` for rows in no cluster.

    `about` holds plain JSON values that explain the fit (the eps used, k and how it was chosen);
    `arrays` holds what a page draws of it (iterations, merges, distances).
    """

    labels: np.ndarray
    about: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """What a descriptor sees in one image.

    `caption` is one sentence with figures; `image` (h, w) or (h, w, 3) uint8 or None; `curves`
    are named 1D arrays, drawn over the positions 0, 1, 2, …
    """

    caption: str
    image: np.ndarray | None = None
    curves: Mapping[str, np.ndarray] = field(default_factory=dict)
