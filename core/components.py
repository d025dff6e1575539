"""What a descriptor, an outlier detector, a reducer and a clusterer are.

A component is a frozen dataclass whose fields are its parameters (`core.params.param`). One
file in the folder of its kind is all it takes: forms, commands, keys and tests follow from it.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np

from core import executor
from core.events import Context
from core.params import Param, checked, declared, to_text
from core.types import Dataset, Explanation, FeatureBlock, Partition


@dataclass(frozen=True)
class Component(ABC):
    """The part that all components share: a name, a version, checked parameters."""

    kind: ClassVar[str]
    name: ClassVar[str]
    label: ClassVar[str]  # as people call it: "HOG", "K-Means"; the name's words where not given
    summary: ClassVar[str]  # one sentence that a pupil understands
    version: ClassVar[int] = 1  # raise it when the same parameters give other values
    uses_seed: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give a component without a label the words of its name."""
        super().__init_subclass__(**kwargs)
        if "name" in vars(cls) and "label" not in vars(cls):
            cls.label = cls.name.replace("_", " ")

    def __post_init__(self) -> None:
        """Check every parameter against its declaration."""
        for p in declared(self):
            object.__setattr__(self, p.name, checked(self.name, p, getattr(self, p.name)))

    def load(self) -> None:  # noqa: B027 - most components have nothing to do
        """Import and compile what is needed; the pipeline does not count it as a stage's time."""

    @classmethod
    def params(cls) -> tuple[Param, ...]:
        """The declared parameters, in order."""
        return declared(cls)

    def spec(self) -> str:
        """The component as the command line writes it, with what differs from the defaults."""
        changed = [
            f"{p.name}={to_text(value)}"
            for p in declared(self)
            if (value := getattr(self, p.name)) != p.default
        ]
        return f"{self.name}:{','.join(changed)}" if changed else self.name

    def identity(self, seed: int) -> dict[str, Any]:
        """All that decides what this component computes, for the content key."""
        about = {"name": self.name, "version": self.version, "params": dataclasses.asdict(self)}
        return about | ({"seed": seed} if self.uses_seed else {})


class Descriptor(Component):
    """Turns every image into a vector.

    `describe` is the one method to write. `prepare` decides what it gets: by default the image
    resized to `size` x `size` pixels where there is such a parameter, and whole otherwise.
    """

    kind = "descriptor"
    reads: ClassVar[Literal["gray", "rgb"]] = "gray"
    aspect: ClassVar[str] = "appearance"  # "found from their …": shape, colours, texture
    sees: ClassVar[str]  # one sentence: what it looks at
    blind_to: ClassVar[str]  # one sentence: what it cannot see
    learns: ClassVar[bool] = False  # it can explain itself only once it has described the dataset
    deep: ClassVar[bool] = False  # a network: it needs TensorFlow or onnxruntime, and time

    @abstractmethod
    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Describe prepared images, each (h, w) or (h, w, 3) uint8, as (n, d) float32."""

    def explain(self, image: np.ndarray) -> Explanation:
        """Show on one prepared image what this descriptor sees."""
        values = self.describe([image])[0]
        return Explanation(
            caption=f"{len(values)} values describe this image.",
            curves={"value": values},
        )

    def explain_learned(self, image: np.ndarray, arrays: Mapping[str, np.ndarray]) -> Explanation:
        """Show what was learnt from the dataset; `arrays` as `extract` gave them in its block."""
        return self.explain(image)

    def resolve(self, dataset: Dataset) -> Self:
        """The same component with every automatic parameter settled for this dataset."""
        return self

    def prepare(self, dataset: Dataset, index: int) -> np.ndarray:
        """The image as `describe` wants it: (h, w) or (h, w, 3) uint8."""
        return dataset.image(index, size=getattr(self, "size", None), mode=self.reads)

    def extract(self, dataset: Dataset, context: Context) -> FeatureBlock:
        """Describe a whole dataset: one row an image, in the dataset's order."""
        settled = self.resolve(dataset)

        def batch(indices: Sequence[int]) -> np.ndarray:
            return settled.describe([settled.prepare(dataset, i) for i in indices])

        parts = executor.map_batches(batch, len(dataset), context.report)
        return FeatureBlock(np.concatenate(parts).astype(np.float32, copy=False))


class OutlierDetector(Component):
    """Says which rows are unlike the rest."""

    kind = "outliers"

    @abstractmethod
    def outliers(self, X: np.ndarray, context: Context) -> np.ndarray:
        """(n,) bool, True for an outlier, of a matrix (n, d) float32."""


class Reducer(Component):
    """Maps a matrix to fewer columns."""

    kind = "reducer"

    @abstractmethod
    def reduce(self, X: np.ndarray, context: Context) -> np.ndarray:
        """(n, m) float32 of a matrix (n, d) float32; m may be smaller than asked where n is."""

    def for_map(self) -> Reducer | None:
        """The same reducer with 3 components for the map; None where PCA has to draw it."""
        return dataclasses.replace(self, n_components=3)  # type: ignore[call-arg]


class Clusterer(Component):
    """Groups the rows of a matrix. A parameter named `n_clusters`, if any, is its k."""

    kind = "clusterer"
    finds_noise: ClassVar[bool] = False  # density methods leave rows out, labelled -1

    @abstractmethod
    def cluster(self, X: np.ndarray, context: Context) -> Partition:
        """Group the rows of a matrix (n, d) float32."""

    @property
    def has_k(self) -> bool:
        """Whether the number of clusters is a parameter."""
        return hasattr(self, "n_clusters")
