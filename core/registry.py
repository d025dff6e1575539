"""Finds the components: one file in the folder of its kind is all it takes."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import re
from functools import cache
from typing import Any, cast

from core.components import Clusterer, Component, Descriptor, OutlierDetector, Reducer
from core.errors import InputError, input_error, printable
from core.params import from_text

FOLDERS: dict[str, tuple[str, type[Component]]] = {
    "descriptor": ("core.descriptors", Descriptor),
    "outliers": ("core.outliers", OutlierDetector),
    "reducer": ("core.reducers", Reducer),
    "clusterer": ("core.clusterers", Clusterer),
}


@cache
def components(kind: str) -> dict[str, type[Component]]:
    """Every component of a kind by name, in alphabetical order."""
    folder, base = FOLDERS[kind]
    package = importlib.import_module(folder)
    found: dict[str, type[Component]] = {}
    for module_info in pkgutil.iter_modules(package.__path__, f"{folder}."):
        module = importlib.import_module(module_info.name)
        for cls in vars(module).values():
            if not (inspect.isclass(cls) and issubclass(cls, base)) or inspect.isabstract(cls):
                continue
            if cls.__module__ != module.__name__:
                continue
            if cls.name in found:
                other = found[cls.name].__module__
                raise RuntimeError(f"{kind} {cls.name!r} is in {other} and in {module.__name__}")
            found[cls.name] = cls
    return dict(sorted(found.items()))


def create(kind: str, name: str, values: dict[str, Any] | None = None) -> Component:
    """The component of that kind and name, with the parameters given and the other defaults."""
    cls = find(kind, name)
    known = [p.name for p in cls.params()]
    for given in values or {}:
        if given not in known:
            raise input_error(f"{name}: parameter", given, ", ".join(known) or "no parameter")
    return cls(**(values or {}))


def find(kind: str, name: str) -> type[Component]:
    """The class of that kind and name, or an error that lists what there is."""
    known = components(kind)
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise InputError(f"{kind}: got {printable(name)}, allowed is one of {', '.join(known)}.{hint}")


def parse(kind: str, text: str) -> Component:
    """Read `name` or `name:param=value,param=value`.

    >>> parse("descriptor", "hog:size=32").spec()
    'hog:size=32'
    """
    name, _, rest = text.strip().partition(":")
    cls = find(kind, name.strip())
    by_name = {p.name: p for p in cls.params()}
    values: dict[str, Any] = {}
    for part in filter(None, (piece.strip() for piece in rest.split(","))):
        key, equals, value = part.partition("=")
        if not equals or key.strip() not in by_name:
            allowed = ", ".join(f"{known}=…" for known in by_name) or "no parameter"
            paths = any(p.path for p in by_name.values())
            do = "A path with a comma or a plus sign cannot be written here: rename it." * paths
            raise input_error(f"{name}: parameter", part, allowed, do)
        values[key.strip()] = from_text(name, by_name[key.strip()], value.strip())
    return cls(**values)


def parse_signature(text: str) -> tuple[Descriptor, ...]:
    """Read descriptors joined with `+`: `sift+lbp:radius=2`."""
    parts = re.split(r"\+(?=\s*[A-Za-z_])", text)
    return tuple(cast(Descriptor, parse("descriptor", part)) for part in parts)


def parse_outliers(text: str) -> OutlierDetector:
    """Read an outlier detector."""
    return cast(OutlierDetector, parse("outliers", text))


def parse_reducer(text: str) -> Reducer:
    """Read a reducer."""
    return cast(Reducer, parse("reducer", text))


def parse_clusterer(text: str) -> Clusterer:
    """Read a clusterer."""
    return cast(Clusterer, parse("clusterer", text))
