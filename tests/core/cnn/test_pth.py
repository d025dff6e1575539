"""The one unpickler of the project: it reads the weights, and nothing else can be done with it."""

import collections
import hashlib
import io
import os
import pickle
import struct
from typing import ClassVar

import numpy as np
import pytest

from core.cnn import efficientnet_lite
from core.cnn.pth import MAGIC, PROTOCOL, parse_pth, read_pth
from core.errors import FacetteError


class Global:
    """Pickled as the bare name of something importable."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class Named:
    """A stand-in that pickles as `module.name` without that module being there."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Writer(pickle._Pickler):
    """Writes names as they are given, and storages by what they say, as torch does."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_named(self, named):
        self.write(pickle.GLOBAL + f"{named.module}\n{named.name}\n".encode())

    dispatch[Named] = save_named

    def persistent_id(self, value):
        return value[1:] if isinstance(value, tuple) and value[:1] == ("PID",) else None


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.given = (storage, offset, shape, strides, False, collections.OrderedDict())


def save_tensor(writer, tensor):
    writer.save(Named("torch._utils", "_rebuild_tensor_v2"))
    writer.save(tensor.given)
    writer.write(pickle.REDUCE)


Writer.dispatch[Tensor] = save_tensor


def dumped(value) -> bytes:
    file = io.BytesIO()
    Writer(file, 2).dump(value)
    return file.getvalue()


def storage(key="0", length=6, kind="FloatStorage"):
    return ("PID", "storage", Named("torch", kind), key, "cpu", length, None)


def pth(tensors) -> bytes:
    numbers = np.arange(6, dtype="<f4")
    head = [dumped(part) for part in (MAGIC, PROTOCOL, {"little_endian": True}, tensors)]
    tail = struct.pack("<q", len(numbers)) + numbers.tobytes()
    return b"".join(head) + dumped(["0"]) + tail


def test_reads_what_torch_writes_by_storage_offset_and_strides():
    tensors = collections.OrderedDict(
        plain=Tensor(storage(), 0, (2, 3), (3, 1)),
        turned=Tensor(storage(), 0, (3, 2), (1, 3)),
        part=Tensor(storage(), 4, (2,), (1,)),
        scalar=Tensor(storage(), 5, (), ()),
    )
    found = parse_pth(pth(tensors), "x.pth")
    assert list(found) == ["plain", "turned", "part", "scalar"]
    assert found["plain"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found["part"].tolist() == [4, 5] and found["scalar"] == 5
    assert found["scalar"].shape == ()


def test_reads_the_installed_weights_whole():
    name = "efficientnet_lite0"
    path = efficientnet_lite.weights_file(name)
    arrays = read_pth(path, efficientnet_lite.LITES[name].sha256)
    assert len(arrays) == 296
    assert arrays["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert arrays["_fc.bias"].shape == (1000,)
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert (arrays["_bn0.running_var"] >= 0).all()


@pytest.mark.parametrize(
    "evil",
    [
        Global(os.system, "touch {made}"),
        Global(eval, "open({made!r}, 'w')"),
        Global(getattr, "text", "upper"),
        Global(__import__, "os"),
        Named("os", "system"),
        Named("builtins", "exec"),
        Named("collections", "namedtuple"),
        Named("torch", "load"),
        Named("torch._utils", "_rebuild_tensor_v2.__globals__"),
        Named("core.cnn.pth", "read_pth"),
    ],
    ids=lambda evil: getattr(evil, "name", None) or evil.call[0].__name__,
)
@pytest.mark.parametrize("at", ["first", "tensors"])
def test_nothing_can_be_called(evil, at, tmp_path):
    """Even if the sum of the file were right: the sum is not asked for here."""
    made = tmp_path / "made"
    if isinstance(evil, Global):
        function, arguments = evil.call
        evil = Global(function, *(text.format(made=str(made)) for text in arguments))
    data = dumped(evil) if at == "first" else pth({"x": evil})
    with pytest.raises(FacetteError, match="evil.pth is not a whole legacy .pth file"):
        parse_pth(data, "evil.pth")
    assert not made.exists()
    with pytest.raises(FacetteError, match="are not the file expected"):
        (tmp_path / "evil.pth").write_bytes(data)
        read_pth(tmp_path / "evil.pth", "0" * 64)


def test_the_same_bytes_do_call_with_an_ordinary_unpickler(tmp_path):
    """So that the test above shows something."""
    made = tmp_path / "made"
    pickle.loads(dumped(Global(os.system, f"touch {made}")))
    assert made.exists()


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor(storage(), 1, (2, 3), (3, 1)),  # one number too many
        Tensor(storage(), -1, (2,), (1,)),
        Tensor(storage(), 0, (2,), (-1,)),
        Tensor(storage(), 0, (10**9, 10**9), (0, 0)),  # a small storage blown up
        Tensor(storage(), 0, (2, 3), (3,)),
        Tensor(storage(length=7), 0, (2,), (1,)),  # not the length that is stored
        Tensor(storage(key="1"), 0, (2,), (1,)),  # not among the storages
        Tensor(storage(kind="HalfStorage"), 0, (2,), (1,)),
        Tensor("text", 0, (2,), (1,)),
        "no tensor",
    ],
)
def test_a_view_that_does_not_fit_is_one_sentence(tensor):
    with pytest.raises(FacetteError, match=r"^x.pth is not a whole .*\)\.$"):
        parse_pth(pth({"x": tensor}), "x.pth")


def test_a_file_that_is_cut_or_foreign_is_one_sentence(tmp_path):
    whole = pth({"x": Tensor(storage(), 0, (6,), (1,))})
    assert parse_pth(whole, "x.pth")["x"].sum() == 15
    foreign = [b"", b"hello", b"PK\x03\x04" * 50, pickle.dumps([1, 2]), b"\x80\x02."]
    for data in [whole[:n] for n in range(0, len(whole), 7)] + foreign:
        with pytest.raises(FacetteError, match="not a whole legacy .pth file"):
            parse_pth(data, "x.pth")
    path = tmp_path / "x.pth"
    path.write_bytes(whole)
    assert read_pth(path, hashlib.sha256(whole).hexdigest())["x"].sum() == 15
    with pytest.raises(FacetteError, match="cannot be read: No such file"):
        read_pth(tmp_path / "none.pth", "0" * 64)
