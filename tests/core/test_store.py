"""The store: whole entries or none, never overwritten, read-only layers, pruning."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.keys import key_of, key_of_array
from core.store import Store, home

ROOT = Path(__file__).parents[2]
KEY = key_of("an entry")


def test_what_was_put_is_got_memory_mapped_and_read_only(tmp_path: Path) -> None:
    store = Store(tmp_path, layers=())
    assert store.get(KEY) is None
    store.put(KEY, {"values": np.arange(6).reshape(2, 3)}, {"notes": ["é"]})
    entry = store.get(KEY)
    assert entry is not None and entry.meta == {"notes": ["é"]}
    values = entry.array("values")
    np.testing.assert_array_equal(values, [[0, 1, 2], [3, 4, 5]])
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0] = 9


def test_a_written_key_is_never_overwritten(tmp_path: Path) -> None:
    store = Store(tmp_path, layers=())
    store.put(KEY, meta={"first": True})
    assert store.put(KEY, meta={"first": False}).meta == {"first": True}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_layer_is_read_and_never_written(tmp_path: Path) -> None:
    layer = Store(tmp_path / "layer", layers=())
    layer.put(KEY, {"a": np.ones(3)})
    layer.save_record("comparisons", "old", {"x": 1})
    before = sorted(p for p in layer.root.rglob("*") if p.is_file())
    store = Store(tmp_path / "own", layers=(layer.root,))
    assert store.has(KEY) and store.record("comparisons", "old") == {"x": 1}
    store.save_record("comparisons", "new", {"x": 2})
    assert store.records("comparisons") == ["new", "old"]
    assert sorted(p for p in layer.root.rglob("*") if p.is_file()) == before


@pytest.mark.parametrize("key", ["", "abc", "../../../../etc/passwd", "g" * 32])
def test_a_key_that_is_none_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(InputError, match="32 hexadecimal digits"):
        Store(tmp_path).get(key)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a" * 81])
def test_a_record_name_cannot_leave_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        Store(tmp_path).save_record("comparisons", name, {})


def test_prune_removes_the_longest_unused_first(tmp_path: Path) -> None:
    store = Store(tmp_path, layers=())
    keys = [key_of(i) for i in range(4)]
    for age, key in enumerate(keys):
        meta = store.put(key, {"a": np.zeros(1000)}).folder / "meta.json"
        hours_ago = time.time() - 3600 * (10 - age)
        os.utime(meta, (hours_ago, hours_ago))
    assert store.get(keys[0]) is not None  # used just now
    freed = store.prune(limit_bytes=2 * 8200)
    assert freed > 2 * 8000
    assert [store.has(key) for key in keys] == [True, False, False, True]


def test_a_process_killed_while_it_writes_leaves_no_entry(tmp_path: Path) -> None:
    code = (
        "import time, pathlib, numpy as np\n"
        "from core.store import Store\n"
        f"store = Store(pathlib.Path({str(tmp_path)!r}), layers=())\n"
        "with store.workspace() as w:\n"
        "    np.save(w / 'half.npy', np.ones(9)); print('written', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "written\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    store = Store(tmp_path, layers=())
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    store.sweep(process.pid)
    assert list((tmp_path / "tmp").iterdir()) == [] and not (tmp_path / "entries").exists()


def test_every_element_counts_in_an_arrays_key() -> None:
    big = np.zeros((1050, 2048), np.float32)
    keys = {key_of_array(big)}
    rng = np.random.default_rng(0)
    for row, column in zip(rng.integers(0, 1050, 200), rng.integers(0, 2048, 200), strict=True):
        big[row, column] = 1
        keys.add(key_of_array(big))
        big[row, column] = 0
    assert len(keys) == 201
    assert key_of_array(big) != key_of_array(big.reshape(2048, 1050))
    assert key_of_array(big) != key_of_array(big.astype(np.float64))


def test_what_cannot_be_written_is_one_message_that_names_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file", layers=())
    assert store.get(KEY) is None and store.record("comparisons", "x") is None
    with pytest.raises(InputError, match="cannot be written"):
        store.put(KEY, {"a": np.ones(3)})
    with pytest.raises(InputError, match="FACETTE_HOME"):
        store.save_record("comparisons", "x", {})


def test_a_relative_home_is_the_same_for_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACETTE_HOME", "here")
    assert home() == tmp_path / "here"


def test_prune_takes_made_files_and_what_dead_processes_left(tmp_path: Path) -> None:
    store = Store(tmp_path, layers=())
    made, upload, dead = tmp_path / "made" / "a", tmp_path / "uploads" / "b", tmp_path / "tmp"
    for folder in (made.parent, upload, dead / "999999999-x"):
        folder.mkdir(parents=True)
    made.write_bytes(b"x" * 5000)
    (upload / "y.zip").write_bytes(b"y" * 5000)
    day_ago = time.time() - 86_400
    for path in (made, upload, dead / "999999999-x"):
        os.utime(path, (day_ago, day_ago))
    store.prune(limit_bytes=100)
    assert not made.exists() and not (dead / "999999999-x").exists()
    assert upload.exists()  # uploads stay for a month


def test_what_stopped_trainings_left_counts_and_goes_after_a_month(tmp_path: Path) -> None:
    store = Store(tmp_path, layers=())
    old, new = (tmp_path / "training" / name for name in ("old.npz", "new.npz"))
    old.parent.mkdir()
    for file, days in ((old, 40), (new, 2)):
        file.write_bytes(b"x" * 5000)
        then = time.time() - days * 86_400
        os.utime(file, (then, then))
    assert store.prune(limit_bytes=100) == 5000
    assert not old.exists() and new.exists()


@pytest.mark.parametrize("text", ["much", "-1", "nan"])
def test_a_limit_that_is_no_number_is_told_of(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACETTE_STORE_GB", text)
    with pytest.raises(InputError, match=f"FACETTE_STORE_GB: got {text}, allowed is a number"):
        Store(tmp_path, layers=()).prune()
