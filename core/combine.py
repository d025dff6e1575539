"""Blocks joined into one matrix: missing rows imputed, each block scaled and weighted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from core.errors import FacetteError, InputError, input_error
from core.types import FeatureBlock, FeatureMatrix

SCALES = ("standard", "l2", "none")
CHUNK = 4_194_304  # elements worked on at a time: 32 MB in double precision
CONSTANT = 1e-6  # a column varying less than this share of its mean is rounding, not signal

Blocks = Mapping[str, FeatureBlock | np.ndarray] | Sequence[tuple[str, FeatureBlock | np.ndarray]]


def combine(
    blocks: Blocks,
    scale: str | None = None,
    weights: Sequence[float] | None = None,
    block_pca: int | None = None,
    seed: int = 0,
) -> FeatureMatrix:
    """Join blocks (n, d) of the same images side by side, (n, sum of d) float32.

    A row that is NaN throughout is a missing modality and becomes its block's mean row; any
    other NaN or infinity is an error.

    Parameters
    ----------
    blocks : blocks by name, or pairs of name and block; a name given twice is kept as `name#2`
    scale : None leaves a single block as it is and takes "standard" for several.
        "standard": every column gets mean 0 and deviation 1 (constant columns 0), and every block
        the mean squared row length 1, so that a long block does not outvote a short one.
        "l2": every row of every block gets length 1 (zero rows stay). "none": values as they are.
    weights : one number >= 0 a block, by which its values are multiplied after scaling
    block_pca : the most columns a block keeps; longer blocks are projected by PCA after scaling
    seed : for PCA's randomised solver

    Raises
    ------
    InputError
        For a wrong scale, weights or block_pca.
    FacetteError
        For blocks of different lengths, and for values that are not finite.

    Examples
    --------
    >>> joined = combine({"a": np.eye(3), "b": np.ones((3, 1))})
    >>> joined.values.shape, joined.slices
    ((3, 4), {'a': (0, 3), 'b': (3, 4)})
    """
    named = _named(blocks)
    _check(named, scale, weights, block_pca)
    single = len(named) == 1
    factors = [1.0] * len(named) if weights is None else [float(w) for w in weights]
    how = scale or ("none" if single else "standard")
    filled = {name: _imputed(name, values) for name, values in named.items()}
    if single and how == "none" and factors == [1.0] and block_pca is None:
        ((name, values),) = filled.items()
        return FeatureMatrix(values, {name: (0, values.shape[1])})
    n = len(next(iter(filled.values())))
    widths = [_width(v.shape, block_pca) for v in filled.values()]
    joined = np.empty((n, sum(widths)), np.float32)
    slices, start = {}, 0
    for (name, values), width, factor in zip(filled.items(), widths, factors, strict=True):
        slices[name] = (start, start + width)
        target = joined[:, start : start + width]
        _fill(target, values, how, seed)
        target *= np.float32(factor)
        start += width
    return FeatureMatrix(joined, slices)


def _named(blocks: Blocks) -> dict[str, np.ndarray]:
    """Arrays by name; a repeated name gets a number, as in `hog#2`."""
    pairs = blocks.items() if isinstance(blocks, Mapping) else blocks
    named: dict[str, np.ndarray] = {}
    for name, block in pairs:
        unique, number = name, 1
        while unique in named:
            number += 1
            unique = f"{name}#{number}"
        named[unique] = block.values if isinstance(block, FeatureBlock) else np.asarray(block)
    return named


def _check(
    named: Mapping[str, np.ndarray],
    scale: str | None,
    weights: Sequence[float] | None,
    block_pca: int | None,
) -> None:
    if not named:
        raise InputError("descriptors: got none, allowed is at least one.")
    if scale is not None and scale not in SCALES:
        raise input_error("scale", scale, "one of " + ", ".join(SCALES))
    if block_pca is not None and block_pca < 1:
        raise input_error("block_pca", block_pca, "a whole number of at least 1")
    if weights is not None:
        shown = ",".join(f"{w:g}" for w in weights)
        if len(weights) != len(named):
            joined = " + ".join(named)
            raise input_error("weights", shown, f"{len(named)} numbers, one for each of {joined}")
        if not all(np.isfinite(w) and w >= 0 for w in weights) or not any(weights):
            raise input_error("weights", shown, "numbers of at least 0, not all of them 0")
    for name, values in named.items():
        if values.ndim != 2 or not values.size:
            raise FacetteError(f"{name}: its block has the shape {values.shape}, not (n, d).")
    if len({len(values) for values in named.values()}) > 1:
        rows = ", ".join(f"{name} {len(values)}" for name, values in named.items())
        raise FacetteError(f"The blocks describe different numbers of images: {rows}.")


def _imputed(name: str, values: np.ndarray) -> np.ndarray:
    """The block as float32 with missing rows set to the mean row."""
    values = np.asarray(values, np.float32)
    missing = np.zeros(len(values), bool)
    for rows in _chunks(values):
        bad = ~np.isfinite(values[rows])
        if not bad.any():
            continue
        missing[rows] = np.isnan(values[rows]).all(axis=1)
        partly = np.flatnonzero(bad.any(axis=1) & ~missing[rows])
        if len(partly):
            image = rows.start + int(partly[0])
            raise FacetteError(
                f"{name}: image {image} has values that are not finite numbers, which is an error "
                "of the descriptor. Leave it out, or change its parameters."
            )
    if missing.all():
        raise FacetteError(f"{name}: not a single image has values. Leave it out.")
    if missing.any():
        values = values.copy()
        values[missing] = values[~missing].mean(axis=0, dtype=np.float64)
    return values


def _fill(target: np.ndarray, values: np.ndarray, how: str, seed: int) -> None:
    """Write the scaled block into its columns of the result."""
    projected = target.shape[1] < values.shape[1]
    scaled = np.empty_like(values) if projected else target
    if how == "standard":
        mean, deviation = _moments(values)
        constant = deviation <= CONSTANT * np.abs(mean)
        factor = np.where(constant, 0, 1 / np.where(constant, 1, deviation))
        for rows in _chunks(values):
            scaled[rows] = (values[rows] - mean) * factor
    elif how == "l2":
        for rows in _chunks(values):
            lengths = np.linalg.norm(values[rows].astype(np.float64), axis=1, keepdims=True)
            scaled[rows] = values[rows] / np.where(lengths > 0, lengths, 1)
    else:
        scaled[:] = values
    if projected:
        target[:] = _projected(scaled, target.shape[1], seed)
    if how == "standard":
        energy = sum(float((target[r].astype(np.float64) ** 2).sum()) for r in _chunks(target))
        if energy > 0:
            target /= np.float32(np.sqrt(energy / len(target)))


def _projected(values: np.ndarray, n_components: int, seed: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    return PCA(n_components, random_state=seed).fit_transform(values)


def _width(shape: tuple[int, ...], block_pca: int | None) -> int:
    return shape[1] if block_pca is None else min(block_pca, *shape)


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every column, in double precision."""
    n = len(values)
    mean = sum(values[r].sum(axis=0, dtype=np.float64) for r in _chunks(values)) / n
    square = sum(((values[r] - mean) ** 2).sum(axis=0) for r in _chunks(values)) / n
    return np.asarray(mean), np.sqrt(square)


def _chunks(values: np.ndarray) -> Iterator[slice]:
    """Row slices of at most CHUNK elements."""
    step = max(1, CHUNK // values.shape[1])
    for start in range(0, len(values), step):
        yield slice(start, min(start + step, len(values)))
