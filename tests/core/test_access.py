"""The app opens nothing outside its root."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.access import inside_root, new_inside_root
from core.errors import InputError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    base = tmp_path / "root"
    (base / "photos").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (base / "link").symlink_to(tmp_path / "secret")
    monkeypatch.setenv("FACETTE_ROOT", str(base))
    return base


def test_a_path_below_the_root_is_opened_relative_or_absolute(root: Path) -> None:
    assert inside_root("photos") == inside_root(f" {root}/photos ") == str(root / "photos")


@pytest.mark.parametrize(
    "text", ["..", "../secret", "/etc", "link", "photos/../../secret", "~root"]
)
def test_no_path_leads_out(root: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"a path below|one that exists"):
        inside_root(text)


@pytest.mark.parametrize("text", ["nothing", "a\0b", "x" * 5000])
def test_a_path_that_is_none_is_one_message(root: Path, text: str) -> None:
    with pytest.raises(InputError):
        inside_root(text)


def test_a_new_folder_may_be_named_below_the_root_only(root: Path) -> None:
    assert new_inside_root("photos/new/deeper") == str(root / "photos" / "new" / "deeper")
    for text in ("..", "/etc/new", "link/new", "", ".", "a\0b"):
        with pytest.raises(InputError, match=r"a path below|a folder of its own"):
            new_inside_root(text)
