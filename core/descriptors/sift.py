"""SIFT keypoints, pooled into one vector an image by a codebook of visual words."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np

from core import executor
from core.components import Descriptor
from core.errors import InputError
from core.events import Context
from core.local_features import LENGTH, dense_features, drawable, keypoint_features
from core.params import param
from core.types import Dataset, Explanation, FeatureBlock

SMALL = 64  # images below this many pixels are enlarged and described on a dense grid
SAMPLE = 60_000  # local descriptors that the codebook is learnt from
KEPT_BYTES = 1 << 29  # local descriptors are kept between the passes up to this size
SHOWN = 384  # an explanation is enlarged to about this many pixels


@dataclass(frozen=True)
class Sift(Descriptor):
    """Local descriptors of distinctive points, counted by the visual words they are nearest to.

    Keypoints and their 128 values are OpenCV's; RootSIFT takes the square root of their shares.
    A codebook of `words` centres is learnt by k-means from a seeded sample of the whole dataset
    (it has fewer words where there are fewer local descriptors). Then

    - `bow`: (n, words) float32 >= 0; counts of words, weighted by tf-idf, square root, L2 norm 1
    - `vlad`: (n, words * 128) float32; sums of the differences to the word's centre, signed
      square root, L2 norm 1

    An image without keypoints gets the zero vector, and a note says how many there are.

    References
    ----------
    D. Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 60, 2004.
    J. Sivic and A. Zisserman, "Video Google: a text retrieval approach to object matching in
    videos", ICCV 2003. R. Arandjelovic and A. Zisserman, "Three things everyone should know to
    improve object retrieval", CVPR 2012. H. Jegou et al., "Aggregating local descriptors into a
    compact image representation", CVPR 2010.
    """

    name = "sift"
    label = "SIFT"
    aspect = "local details"
    uses_seed = True
    summary = "Finds distinctive points and counts which kinds of points an image has."
    sees = "Corners, blobs and prints, even when they are moved, turned or enlarged."
    blind_to = "Colour, smooth areas, and how the points are arranged."

    max_keypoints: int = param(
        128, "Keypoints", "The strongest points kept of an image.", low=1, high=5000
    )
    words: int | None = param(
        None,
        "Words",
        "Kinds of points told apart. Auto: 256 for bow, 16 for vlad.",
        low=2,
        high=4096,
        type=int,
    )
    encoding: str = param(
        "bow",
        "Encoding",
        "bow counts the kinds of points; vlad also says how they differ from their kind.",
        choices=("bow", "vlad"),
    )
    dense: bool | None = param(
        None,
        "Dense grid",
        "Describe points on a regular grid, not distinctive ones. Auto: only for images below "
        f"{SMALL} pixels.",
        type=bool,
    )
    size: int | None = param(
        None,
        "Size",
        "Longest side of the working image in pixels. Auto: 64 for images below 64 pixels, "
        "128 above.",
        low=8,
        high=1024,
        type=int,
    )
    root: bool = param(True, "RootSIFT", "Compare local descriptors by shares.", advanced=True)

    def resolve(self, dataset: Dataset) -> Self:
        """Settle every automatic parameter for this dataset."""
        small = dataset.typical_side < SMALL
        return dataclasses.replace(
            self,
            size=self.size or (64 if small else 128),
            dense=small if self.dense is None else self.dense,
            words=self._words,
        )

    def prepare(self, dataset: Dataset, index: int) -> np.ndarray:
        """The gray image with its longest side resized: SIFT needs the true proportions."""
        return dataset.image(index, size=self.size, mode="gray", fit="longest")

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Describe gray images, each (h, w) uint8, by a codebook learnt from these very images.

        A whole dataset goes through `extract`, which gives the same for seed 0 image by image.
        """
        features = [self.local_features(image) for image in images]
        share = self._share(len(images))
        sample = [_sample(found, share, 0, i) for i, found in enumerate(features)]
        with _one_thread():
            codebook = self._codebook(np.concatenate(sample), 0)
            return self._pooled([self._encode(found, codebook) for found in features])

    def extract(self, dataset: Dataset, context: Context) -> FeatureBlock:
        """Describe a whole dataset in two passes: learn the codebook, then encode every image."""
        with _one_thread():
            return self.resolve(dataset)._extract(dataset, context)

    def _extract(self, dataset: Dataset, context: Context) -> FeatureBlock:
        n = len(dataset)
        share = self._share(n)
        keep = n * (self.max_keypoints + 1) * LENGTH <= KEPT_BYTES

        def find(indices: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray | None]]:
            found = [self.local_features(self.prepare(dataset, i)) for i in indices]
            return [
                (_sample(f, share, context.seed, i), f if keep else None)
                for f, i in zip(found, indices, strict=True)
            ]

        first = _flat(executor.map_batches(find, n, lambda done, _: context.report(done, 2 * n)))
        codebook = self._codebook(np.concatenate([sample for sample, _ in first]), context.seed)
        kept = [features for _, features in first]

        def encode(indices: Sequence[int]) -> list[np.ndarray]:
            found = (
                self.local_features(self.prepare(dataset, i)) if (f := kept[i]) is None else f
                for i in indices
            )
            return [self._encode(features, codebook) for features in found]

        encoded = executor.map_batches(
            encode, n, lambda done, _: context.report(n + done, 2 * n), batch_size=64
        )
        values = self._pooled(_flat(encoded))
        return FeatureBlock(values, self._notes(values, len(codebook)))

    def explain(self, image: np.ndarray) -> Explanation:
        """Draw the keypoints: a circle for the scale, a radius for the direction."""
        import cv2

        factor = max(1, SHOWN // max(image.shape))
        dense = self._is_dense(image)
        points = list(drawable(image, self.max_keypoints, dense))
        large = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB).repeat(factor, 0).repeat(factor, 1)
        for k in points:
            k.pt = ((k.pt[0] + 0.5) * factor - 0.5, (k.pt[1] + 0.5) * factor - 0.5)
            k.size *= factor
        flags = cv2.DRAW_MATCHES_FLAGS_DRAW_RICH_KEYPOINTS
        picture = cv2.drawKeypoints(large, points, large.copy(), (255, 140, 0), flags)
        where = "on a regular grid, at two scales" if dense else "that stand out"
        return Explanation(
            caption=f"{len(points)} points {where}, each described by {LENGTH} values; the "
            f"image is described by which of {self._words} kinds they are.",
            image=picture,
        )

    def local_features(self, image: np.ndarray) -> np.ndarray:
        """(k, 128) uint8 local descriptors of a gray image (h, w) uint8; k may be 0."""
        import cv2

        cv2.setNumThreads(1)  # images, not parts of one, are shared among the cores
        find = dense_features if self._is_dense(image) else keypoint_features
        return find(image, self.max_keypoints)

    @property
    def _words(self) -> int:
        return self.words or (256 if self.encoding == "bow" else 16)

    def _is_dense(self, image: np.ndarray) -> bool:
        return max(image.shape) <= SMALL if self.dense is None else self.dense

    def _share(self, n_images: int) -> int:
        """How many local descriptors of one image go into the codebook's sample."""
        return max(2, min(self.max_keypoints, SAMPLE // max(1, n_images)))

    def _codebook(self, sample: np.ndarray, seed: int) -> np.ndarray:
        """(words, 128) float32 centres of a sample (m, 128) uint8."""
        from sklearn.cluster import MiniBatchKMeans

        if not len(sample):
            raise InputError(
                "sift: no image has a single keypoint, so there is nothing to describe. "
                "Use sift:dense=true, or another descriptor."
            )
        X = np.unique(sample, axis=0) if len(sample) <= self._words else sample
        X = self._scaled(X)
        if len(X) <= self._words:
            return X
        # A fixed number of steps, so that rounding cannot end it earlier on another machine.
        model = MiniBatchKMeans(
            self._words,
            batch_size=4096,
            init_size=max(8192, 3 * self._words),
            max_iter=min(50, max(2, 80 * 4096 // len(X))),
            max_no_improvement=None,
            n_init=1,
            random_state=seed,
        )
        return model.fit(X).cluster_centers_

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        """Local descriptors (k, 128) as float32 vectors of length 1, or 0."""
        values = features.astype(np.float32)
        if self.root:
            return np.sqrt(values / np.maximum(values.sum(axis=1, keepdims=True), 1))
        return _unit(values)

    def _encode(self, features: np.ndarray, codebook: np.ndarray) -> np.ndarray:
        """Counts of words (words,), or sums of differences (words * 128,), float32."""
        X = self._scaled(features)
        nearest = ((codebook**2).sum(axis=1) - 2 * X @ codebook.T).argmin(axis=1)
        if self.encoding == "bow":
            return np.bincount(nearest, minlength=len(codebook)).astype(np.float32)
        sums = np.zeros_like(codebook)
        np.add.at(sums, nearest, X - codebook[nearest])
        return sums.ravel()

    def _pooled(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """(n, d) float32, rows of length 1 or 0, of what `_encode` gave."""
        values = np.stack(rows)
        if self.encoding == "bow":
            n_with = np.count_nonzero(values, axis=0)
            idf = np.log((1 + len(values)) / (1 + n_with)) + 1  # smooth, as in scikit-learn
            values *= idf.astype(np.float32)
        return _unit(np.sign(values) * np.sqrt(np.abs(values)))

    def _notes(self, values: np.ndarray, n_words: int) -> tuple[str, ...]:
        n_empty = int((~values.any(axis=1)).sum())
        notes = []
        if n_empty:
            notes.append(f"sift: {n_empty} of {len(values)} images have no keypoints.")
        if n_words < self._words:
            notes.append(f"sift: there are only {n_words} different local descriptors to count.")
        return tuple(notes)


def _one_thread() -> AbstractContextManager[Any]:
    """Keep the linear algebra to one thread: the cores are busy with whole images.

    Two levels of threads wait for each other, and sums would depend on how many there are.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    return cast(AbstractContextManager[Any], threadpool_limits(1))


def _sample(features: np.ndarray, most: int, seed: int, index: int) -> np.ndarray:
    """At most `most` rows, drawn by seed and image so that threads cannot change them."""
    if len(features) <= most:
        return features
    chosen = np.random.default_rng((seed, index)).choice(len(features), most, replace=False)
    return features[np.sort(chosen)]


def _unit(values: np.ndarray) -> np.ndarray:
    """Rows of length 1; zero rows stay."""
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(lengths > 0, lengths, 1)


def _flat(parts: Sequence[Sequence[Any]]) -> list[Any]:
    return [item for part in parts for item in part]
