"""What was asked (RunConfig, Comparison) and what came out (RunResult); to and from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from core.errors import input_error
from core.keys import key_of
from core.types import Source

DEFAULT_DESCRIPTORS = (
    "gray_histogram",
    "hsv_histogram",
    "hog",
    "lbp",
    "sift",
    "gray_histogram+hsv_histogram+hog+lbp+sift",
)
DEFAULT_REDUCER = "umap:n_components=10,n_neighbors=15,min_dist=0"
Scale = Literal["standard", "l2", "none"]
MapMethod = Literal["pca", "tsne", "umap"]


@dataclass(frozen=True)
class RunConfig:
    """One run: components as they are written on the command line, and a seed.

    `scale=None` means that a single descriptor stays as it is and joined ones are standardised;
    `weights` has one number a block; `block_pca` reduces each block before joining;
    `map=None` means the reducer itself in 3 dimensions, PCA where there is none.
    """

    descriptor: str
    outliers: str = "none"
    reducer: str = DEFAULT_REDUCER
    clusterer: str = "kmeans"
    map: MapMethod | None = None
    scale: Scale | None = None
    weights: tuple[float, ...] | None = None
    block_pca: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what is not a component."""
        if not 0 <= self.seed < 2**32:
            raise input_error("seed", self.seed, "a whole number from 0 to 4294967295")
        for name, choices in (
            ("scale", ("standard", "l2", "none")),
            ("map", ("pca", "tsne", "umap")),
        ):
            if getattr(self, name) not in (None, *choices):
                raise input_error(name, getattr(self, name), "one of " + ", ".join(choices))
        if self.block_pca is not None and self.block_pca < 1:
            raise input_error("block_pca", self.block_pca, "a whole number of at least 1")
        if self.weights is not None:
            good = all(0 <= w < float("inf") for w in self.weights) and any(self.weights)
            if not good:
                shown = ",".join(f"{w:g}" for w in self.weights)
                raise input_error("weights", shown, "numbers of at least 0, not all of them 0")

    def to_json(self) -> dict[str, Any]:
        """The configuration as plain JSON values."""
        return asdict(self) | {"weights": list(self.weights) if self.weights else None}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The configuration that `to_json` wrote."""
        weights = values.get("weights")
        return cls(**{**values, "weights": tuple(weights) if weights else None})


@dataclass(frozen=True)
class Comparison:
    """A dataset, and every pair of a descriptor and a clusterer to be run on it."""

    source: Source
    descriptors: tuple[str, ...] = DEFAULT_DESCRIPTORS
    clusterers: tuple[str, ...] = ("kmeans",)
    outliers: str = "none"
    reducer: str = DEFAULT_REDUCER
    map: MapMethod | None = None
    scale: Scale | None = None
    weights: tuple[float, ...] | None = None
    block_pca: int | None = None
    seed: int = 0

    def configs(self) -> list[RunConfig]:
        """One configuration a pair, descriptors outermost, in the order given."""
        shared = {
            name: getattr(self, name)
            for name in ("outliers", "reducer", "map", "scale", "weights", "block_pca", "seed")
        }
        return [
            RunConfig(descriptor=descriptor, clusterer=clusterer, **shared)
            for descriptor in self.descriptors
            for clusterer in self.clusterers
        ]

    @property
    def id(self) -> str:
        """A short name for links: it depends on what is asked, not on when."""
        return key_of("comparison", self.to_json())[:8]

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain JSON values."""
        values = asdict(self) | {"source": self.source.to_json()}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The comparison that `to_json` wrote."""
        tuples = ("descriptors", "clusterers", "weights")
        read: dict[str, Any] = {k: tuple(v) if k in tuples and v else v for k, v in values.items()}
        return cls(**{**read, "source": Source.from_json(values["source"])})


@dataclass(frozen=True)
class Keys:
    """Where the store holds each stage of one run."""

    blocks: tuple[str, ...]  # one a descriptor of the signature, in its order
    matrix: str
    outliers: str
    reduced: str
    map: str
    labels: str
    metrics: str


@dataclass(frozen=True)
class RunResult:
    """One finished run: its metrics, and where its arrays are.

    Arrays in the store: keys.matrix "values" (n, D) float32, made only when a later stage needs
    it; keys.outliers "mask" (n,) bool; keys.reduced "values" (n, m) float32, the matrix that was
    clustered; keys.map "values" (n, 3) float32; keys.labels "labels" (n,) int32 and "distance"
    (n,) float32, the distance to the centre of the row's cluster, NaN for noise and outliers.
    """

    config: RunConfig
    keys: Keys
    n_images: int
    n_clusters: int
    metrics: Mapping[str, float | None]
    seconds: float  # what the stages cost when they were computed
    about: Mapping[str, Any] = field(default_factory=dict)  # k and how chosen, eps, …
    notes: tuple[str, ...] = ()
