"""Rows and what is known of their files, put together to a Dataset."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core import images
from core.datasets.inspection import Facts
from core.errors import FacetteError, InputError, printable
from core.keys import key_of
from core.types import UNLABELLED, Dataset, Rejected, Source

_SHOWN = 3  # reasons in the message that nothing can be read


@dataclass(frozen=True)
class Row:
    """One image to be: its id, its row in the facts, its class name ("" for none), its text.

    `part` is as in `Dataset.parts`.
    """

    id: str
    fact: int
    label: str = ""
    text: str = ""
    part: int | None = None


def from_files(
    name: str,
    source: Source,
    rows: Sequence[Row],
    facts: Facts,
    content: Callable[[int], bytes],
    rejected: Sequence[Rejected] = (),
) -> Dataset:
    """The dataset of the usable rows; `content` gives the bytes of a row of the facts."""
    good, out = usable(name, rows, facts, rejected)

    def read(index: int, at_least: int | None) -> np.ndarray:
        try:
            return images.decode(content(good[index].fact), at_least)
        except InputError as error:
            raise FacetteError(f"{printable(good[index].id)} cannot be read: {error}.") from None

    dataset = assembled(name, source, good, facts, read)
    return dataclasses.replace(
        dataset, rejected=out, original=lambda index: content(good[index].fact)
    )


def usable(
    name: str, rows: Sequence[Row], facts: Facts, rejected: Sequence[Rejected] = ()
) -> tuple[list[Row], tuple[Rejected, ...]]:
    """The rows whose file is usable, and all that was rejected, with reasons.

    Raises
    ------
    InputError
        No row is usable; the message gives the first reasons.
    """
    bad = [Rejected(r.id, facts.reasons[r.fact]) for r in rows if r.fact in facts.reasons]
    out = (*rejected, *bad)
    good = [r for r in rows if r.fact not in facts.reasons]
    if not good:
        raise InputError(nothing_readable(name, out))
    return good, out


def assembled(
    name: str,
    source: Source,
    rows: Sequence[Row],
    facts: Facts,
    read: Callable[[int, int | None], np.ndarray],
    class_names: Sequence[str] | None = None,
) -> Dataset:
    """The dataset of rows that are all usable; `read` as in `Dataset`.

    The classes are in the order of `class_names`, or of their code points where not given.
    """
    at = np.array([r.fact for r in rows])
    hexes = np.ascontiguousarray(facts.digest[at]).tobytes().hex()
    digests = tuple(hexes[i : i + 32] for i in range(0, len(hexes), 32))
    labels, names = _numbered([r.label for r in rows], class_names)
    parts = None
    if any(r.part is not None for r in rows):
        parts = np.array([-1 if r.part is None else r.part for r in rows], np.int8)
    return Dataset(
        name=name,
        source=source,
        ids=tuple(r.id for r in rows),
        sizes=facts.size[at],
        read=read,
        images_key=key_of("images", images.VERSION, digests),
        labels=labels,
        class_names=names,
        parts=parts,
        texts=tuple(r.text for r in rows) if any(r.text for r in rows) else None,
        digests=digests,
        fingerprints=facts.fingerprint[at],
        measured={n: getattr(facts, n)[at] for n in ("mode", "constant", "look")},
    )


def unique(names: Iterable[str]) -> list[str]:
    """The names, a later equal one with `#2`, `#3`, … at its end.

    >>> unique(["a", "b", "a"])
    ['a', 'b', 'a#2']
    """
    names = list(names)
    taken, seen, out = set(names), Counter[str](), []
    for name in names:
        seen[name] += 1
        chosen = name
        while seen[name] > 1 and (chosen := f"{name}#{seen[name]}") in taken:
            seen[name] += 1
        taken.add(chosen)
        out.append(chosen)
    return out


def _numbered(
    labels: Sequence[str], class_names: Sequence[str] | None
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    present = set(labels) - {""}
    if not present:
        return None, ()
    names = tuple(c for c in class_names if c in present) if class_names else tuple(sorted(present))
    number = {name: i for i, name in enumerate(names)} | {"": UNLABELLED}
    return np.array([number[label] for label in labels], np.int32), names


def nothing_readable(name: str, rejected: Sequence[Rejected]) -> str:
    """The message that a source is of no use, with the first reasons."""
    text = f"{printable(name)} holds no readable image."
    for r in rejected[:_SHOWN]:
        text += f" {printable(r.id)}: {r.reason}."
    more = len(rejected) - _SHOWN
    return text + (f" {more:,} more could not be used either." if more > 0 else "")
