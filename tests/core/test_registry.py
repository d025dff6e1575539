"""Parameters declared once, read from the command line, checked; components by name."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from core import registry
from core.components import Descriptor
from core.errors import InputError
from core.params import declared, from_text, param
from core.runs import Comparison, RunConfig
from core.types import Source


@dataclass(frozen=True)
class Example(Descriptor):
    """A descriptor with one parameter of every type."""

    name: ClassVar[str] = "example"
    summary: ClassVar[str] = "An example."
    sees: ClassVar[str] = "Nothing."
    blind_to: ClassVar[str] = "Everything."

    cells: int = param(4, "Cells", "How many.", low=1, high=8)
    weight: float = param(0.5, "Weight", "How much.", low=0, high=1)
    mode: str = param("joint", "Mode", "Which.", choices=("joint", "split"))
    exact: bool = param(False, "Exact", "Whether.")
    size: int | None = param(None, "Size", "Pixels.", type=int, low=8)

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        return np.zeros((len(images), self.cells), np.float32)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("cells", "8", 8),
        ("cells", "8.0", 8),
        ("weight", "1e-2", 0.01),
        ("mode", "split", "split"),
        ("exact", "true", True),
        ("size", "auto", None),
        ("size", "32", 32),
    ],
)
def test_values_are_read_as_declared(name: str, text: str, value: object) -> None:
    p = {p.name: p for p in declared(Example)}[name]
    assert from_text("example", p, text) == value


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("cells", "9", "a whole number from 1 to 8"),
        ("cells", "2.5", "a whole number from 1 to 8"),
        ("cells", "many", "a whole number from 1 to 8"),
        ("weight", "nan", "a number from 0 to 1"),
        ("weight", "inf", "a number from 0 to 1"),
        ("mode", "both", "one of joint, split"),
        ("exact", "maybe", "true or false"),
        ("size", "7", "a whole number of at least 8, or auto"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, text: str, allowed: str) -> None:
    p = {p.name: p for p in declared(Example)}[name]
    with pytest.raises(InputError) as error:
        from_text("example", p, text)
    assert str(error.value) == f"example: {name}: got {text}, allowed is {allowed}."


def test_the_constructor_checks_too() -> None:
    with pytest.raises(InputError, match="cells: got 99"):
        Example(cells=99)
    with pytest.raises(InputError, match="cells: got true"):
        Example(cells=True)


def test_spec_holds_what_differs_from_the_defaults() -> None:
    assert Example().spec() == "example"
    assert Example(weight=0.25, exact=True).spec() == "example:weight=0.25,exact=true"


def test_identity_depends_on_every_parameter_and_on_the_seed_only_where_used() -> None:
    identities = [
        json.dumps(e.identity(0))
        for e in (Example(), Example(cells=5), Example(exact=True), Example(size=9))
    ]
    assert len(set(identities)) == 4
    assert Example().identity(0) == Example().identity(1)


def test_every_component_reads_back_what_it_writes() -> None:
    for kind in registry.FOLDERS:
        for name, cls in registry.components(kind).items():
            component = cls()
            assert registry.parse(kind, component.spec()) == component, name
            full = ",".join(
                f"{p.name}={getattr(component, p.name)}"
                for p in cls.params()
                if getattr(component, p.name) is not None
            )
            assert registry.parse(kind, f"{name}:{full.lower()}" if full else name) == component


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hogg", "Did you mean hog?"),
        ("hog:sizes=3", "parameter: got sizes=3"),
        ("hog:size", "parameter: got size"),
        ("", "descriptor: got , allowed is one of"),
    ],
)
def test_an_unknown_component_or_parameter_says_what_there_is(text: str, said: str) -> None:
    with pytest.raises(InputError, match="allowed") as error:
        registry.parse("descriptor", text)
    assert said in str(error.value)


def test_a_plus_joins_descriptors_and_may_stand_in_a_number() -> None:
    joined = registry.parse_signature("hog:size=32,cell=8 + lbp")
    assert [d.name for d in joined] == ["hog", "lbp"]


def test_a_duplicate_name_is_an_error() -> None:
    cls = registry.find("descriptor", "hog")
    twin = dataclasses.dataclass(frozen=True)(type("Twin", (cls,), {"__module__": cls.__module__}))
    module = __import__(cls.__module__, fromlist=["x"])
    registry.components.cache_clear()
    module.Twin = twin  # type: ignore[attr-defined]
    try:
        with pytest.raises(RuntimeError, match="'hog' is in"):
            registry.components("descriptor")
    finally:
        del module.Twin  # type: ignore[attr-defined]
        registry.components.cache_clear()


def test_configurations_go_to_json_and_back() -> None:
    source = Source("table", "a.csv", "image", "label", ("title", "text"))
    asked = Comparison(source, ("hog", "hog+lbp"), ("kmeans", "dbscan"), weights=(1.0, 0.5))
    assert Comparison.from_json(json.loads(json.dumps(asked.to_json()))) == asked
    assert [(c.descriptor, c.clusterer) for c in asked.configs()] == [
        ("hog", "kmeans"),
        ("hog", "dbscan"),
        ("hog+lbp", "kmeans"),
        ("hog+lbp", "dbscan"),
    ]
    config = asked.configs()[2]
    assert RunConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert asked.id != Comparison(source, ("hog", "hog+lbp"), ("kmeans",)).id


@pytest.mark.parametrize(
    "wrong", [{"seed": -1}, {"scale": "minmax"}, {"map": "isomap"}, {"block_pca": 0}]
)
def test_a_wrong_configuration_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="allowed is"):
        RunConfig("hog", **wrong)  # type: ignore[arg-type]


def test_many_choices_are_not_all_written_out() -> None:
    layer = next(p for p in registry.find("descriptor", "efficientnet_lite0").params())
    assert layer.allowed == "one of stem, block_1_1_depthwise, … (46 more), last"
