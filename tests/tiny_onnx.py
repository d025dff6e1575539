"""A tiny random image encoder as an ONNX file, its protobuf bytes written by hand.

Field numbers are those of onnx.proto3: every message is a series of (number, wire type, value).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

FLOAT, EXTERNAL, INTS = 1, 1, 7


def encoder(
    side: int | str = 32, batch: int | str = "n", d: int = 24, external: str = "", seed: int = 0
) -> bytes:
    """A convolution of 8 x 8, ReLU, the mean over the places: (batch, 3, side, side) -> (.., d).

    With `external` the weights are said to be in a file of that name.
    """
    weight = np.random.default_rng(seed).normal(0, 0.2, (d, 3, 8, 8)).astype("<f4")
    graph = [
        (1, _node("Conv", ["image", "weight"], "a", {"kernel_shape": [8, 8], "strides": [8, 8]})),
        (1, _node("Relu", ["a"], "b")),
        (1, _node("GlobalAveragePool", ["b"], "c")),
        (1, _node("Flatten", ["c"], "image_embeds")),
        (2, b"encoder"),
        (5, _tensor("weight", weight, external)),
        (11, _value("image", (batch, 3, side, side))),
        (12, _value("image_embeds", (batch, d))),
    ]
    return _message([(1, 8), (7, _message(graph)), (8, _message([(1, b""), (2, 17)]))])


def _node(
    op: str, inputs: Sequence[str], output: str, attributes: Mapping[str, Sequence[int]] = {}
) -> bytes:
    fields: list[tuple[int, int | bytes]] = [(1, name.encode()) for name in inputs]
    fields += [(2, output.encode()), (4, op.encode())]
    for name, values in attributes.items():
        ints = [(8, value) for value in values]
        fields.append((5, _message([(1, name.encode()), *ints, (20, INTS)])))
    return _message(fields)


def _tensor(name: str, values: np.ndarray, external: str) -> bytes:
    fields: list[tuple[int, int | bytes]] = [(1, length) for length in values.shape]
    fields += [(2, FLOAT), (8, name.encode())]
    if not external:
        return _message([*fields, (9, values.tobytes())])
    for key, text in (("location", external), ("offset", "0"), ("length", str(values.nbytes))):
        fields.append((13, _message([(1, key.encode()), (2, text.encode())])))
    return _message([*fields, (14, EXTERNAL)])


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    lengths = [_message([(1, n) if isinstance(n, int) else (2, n.encode())]) for n in shape]
    tensor = _message([(1, FLOAT), (2, _message([(1, length) for length in lengths]))])
    return _message([(1, name.encode()), (2, _message([(1, tensor)]))])


def _message(fields: Sequence[tuple[int, int | bytes]]) -> bytes:
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts.append(_varint(number << 3) + _varint(value))
        else:
            parts.append(_varint(number << 3 | 2) + _varint(len(value)) + value)
    return b"".join(parts)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth bit says that more follow."""
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])
