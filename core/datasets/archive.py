"""A ZIP of images, read as a folder would be.

The members never become files: their bytes lie one after another in one array of the store. So a
member's name can neither leave a folder nor clash with another, and `Store.prune` sees them.
"""

from __future__ import annotations

import os
import re
import stat
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core import images
from core.datasets.assembly import from_files, nothing_readable
from core.datasets.folder import is_clutter, refused, rows_of
from core.datasets.inspection import (
    MAX_FILE_BYTES,
    MAX_FILES,
    Facts,
    failed_reading,
    inspect_many,
    looked_at,
    recalled,
    remember,
)
from core.errors import FacetteError, InputError, input_error, printable
from core.events import Event, Listener
from core.keys import key_of, key_of_bytes
from core.store import Entry, Store
from core.types import Dataset, Rejected, Source

KIND = "archive"
LABEL = "A ZIP archive"
EXPECTS = "a .zip"
VERSION = 2  # raise it when the same ZIP gives another entry
MAX_TOTAL_BYTES = 20_000_000_000
MAX_RATIO = 200  # unpacked to packed; images hardly shrink, a bomb reaches 1,000
_RATIO_FROM = 10_000_000  # bytes below which no ratio is a danger
_CHUNK = 1 << 20


def matches(data: str) -> bool:
    """Whether DATA of the command line names this source."""
    return data.lower().endswith(".zip") and os.path.isfile(data)


def is_inspected(source: Source, store: Store) -> bool:
    """Whether this ZIP was unpacked and read before, and has not changed."""
    return recalled(store, Path(source.path), VERSION) is not None


def open(source: Source, store: Store, emit: Listener) -> Dataset:
    """Every image in the ZIP, in the order of the names' code points."""
    path = Path(source.path)
    entry = recalled(store, path, VERSION)
    if entry is not None:
        emit(Event("open", "cached", done=len(entry.meta["names"])))
    else:
        entry = _unpacked(path, store, emit)
    names: list[str] = entry.meta["names"]
    data, ends = entry.array("bytes"), entry.array("ends").tolist()

    def content(k: int) -> bytes:
        return data[ends[k - 1] if k else 0 : ends[k]].tobytes()

    again = {k: looked_at(partial(content, k)) for k in entry.meta["again"]}
    facts = Facts.stored(entry).updated(again)
    rejected = [Rejected(*r) for r in entry.meta["rejected"]]
    return from_files(path.stem, source, rows_of(names, facts), facts, content, rejected)


@dataclass(frozen=True)
class _Member:
    """A member that may be unpacked, under the name it goes by."""

    name: str
    info: zipfile.ZipInfo


def _unpacked(path: Path, store: Store, emit: Listener) -> Entry:
    """Put "bytes", "ends" and the facts of a ZIP into the store, and remember where."""
    start = time.perf_counter()
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None
    with file:
        try:
            digest = key_of_bytes(iter(lambda: file.read(_CHUNK), b""))
        except OSError as error:
            raise _unreadable(path, error) from None
        key = key_of("archive", VERSION, images.VERSION, digest)
        entry = store.get(key) or _put(file, path, key, store, emit)
    remember(store, path, VERSION, key)
    seconds = time.perf_counter() - start
    emit(Event("open", "computed", done=len(entry.meta["names"]), key=key, seconds=seconds))
    return entry


def _unreadable(path: Path, error: BaseException | None) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)
    return input_error("ZIP", path, "a file that can be read", f"{reason}.")


def _put(file: BinaryIO, path: Path, key: str, store: Store, emit: Listener) -> Entry:
    try:
        archive = zipfile.ZipFile(file)
    except Exception as error:  # hostile directories make zipfile raise nearly anything
        if failed_reading(error):
            raise _unreadable(path, error) from None
        raise input_error("ZIP", path, "a ZIP archive", "This is none, or is damaged.") from None
    with archive, store.workspace() as temporary:
        members, rejected = _sorted_out(archive)
        blob = temporary / "bytes"
        try:
            names, ends = _extract(archive, members, blob, rejected, emit)
        except _UnreadableError as error:
            raise _unreadable(path, error.__cause__) from None
        if not names:
            raise InputError(nothing_readable(path.stem, rejected))
        data: np.ndarray = np.memmap(blob, np.uint8, "r")
        slices = list(zip([0, *ends[:-1]], ends, strict=True))
        seen = inspect_many(
            lambda s: looked_at(data[s[0] : s[1]].tobytes), slices, emit, 0, len(slices)
        )
        facts = Facts.of(seen)
        arrays = {"bytes": data, "ends": np.array(ends, np.int64), **facts.arrays()}
        reasons = {str(k): v for k, v in facts.reasons.items()}
        out = sorted((r.id, r.reason) for r in rejected)
        again = [k for k, i in enumerate(seen) if i.transient]
        meta = {"names": names, "rejected": out, "reasons": reasons, "again": again}
        return store.put(key, arrays, meta)


def _sorted_out(archive: zipfile.ZipFile) -> tuple[list[_Member], list[Rejected]]:
    """The members that may be unpacked, by name, and the others with reasons."""
    members: dict[str, _Member] = {}
    rejected: list[Rejected] = []
    for info in archive.infolist():
        name = _name(info)
        if name.endswith("/") or any(map(is_clutter, set(name.split("/")) - {".."})):
            continue
        reason = _unsafe(info, name) or refused(name, info.file_size)
        if not reason and name in members:
            reason = "a second file of the same name"
        if not reason and len(members) >= MAX_FILES:
            reason = f"more than {MAX_FILES:,} images"
        if reason:
            rejected.append(Rejected(name, reason))
        else:
            members[name] = _Member(name, info)
    return [members[name] for name in sorted(members)], rejected


def _name(info: zipfile.ZipInfo) -> str:
    """The member's name with single `/` and no `.`; UTF-8 where the ZIP forgot to say so."""
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass  # really the old code page
    name = name.replace("\\", "/")
    begin, end = ("/" if there else "" for there in (name.startswith("/"), name.endswith("/")))
    return begin + "/".join(part for part in name.split("/") if part not in ("", ".")) + end


def _unsafe(info: zipfile.ZipInfo, name: str) -> str:
    """Why a member is refused unread, or ""."""
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "an absolute path"
    if ".." in name.split("/"):
        return "a path that leads out of the archive"
    if "\0" in name:
        return "a name with a zero byte"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a symbolic link"
    if info.flag_bits & 0x1:
        return "encrypted with a password"
    return ""


def _extract(
    archive: zipfile.ZipFile,
    members: list[_Member],
    blob: Path,
    rejected: list[Rejected],
    emit: Listener,
) -> tuple[list[str], list[int]]:
    """Write the members' bytes one after another: their names, and where each ends."""
    names: list[str] = []
    ends: list[int] = []
    with blob.open("wb") as out:
        for done, member in enumerate(members):
            begin = out.tell()
            try:
                for chunk in _chunks(archive, member.info, begin):
                    out.write(chunk)
            except _Refused as refusal:
                out.seek(begin)
                rejected.append(Rejected(member.name, str(refusal)))
            else:
                if out.tell() == begin:
                    rejected.append(Rejected(member.name, "the file is empty"))
                    continue
                names.append(member.name)
                ends.append(out.tell())
            if done % 100 == 0:
                text = "unpacking"
                emit(Event("open", "progress", done=done, total=len(members), message=text))
        out.truncate()
    return names, ends


class _Refused(FacetteError):
    """A member that shows only while it is read that it cannot be used."""


class _UnreadableError(FacetteError):
    """The ZIP itself cannot be read any further; not to be confused with the store."""


def _chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo, before: int) -> Iterator[bytes]:
    """The member's content; what it says of its size is not believed."""
    size = 0
    try:
        with archive.open(info) as member:
            while chunk := member.read(_CHUNK):
                size += len(chunk)
                if size > MAX_FILE_BYTES:
                    raise _Refused(f"more than {MAX_FILE_BYTES // 1_000_000} MB")
                if size > max(_RATIO_FROM, MAX_RATIO * info.compress_size):
                    raise _Refused("a compression bomb")
                if before + size > MAX_TOTAL_BYTES:
                    raise _Refused(f"beyond {MAX_TOTAL_BYTES // 10**9} GB for the whole archive")
                yield chunk
    except _Refused:
        raise
    except MemoryError:
        raise FacetteError(
            f"There is not enough memory to unpack {printable(info.filename)}. "
            "Close other programs, or unpack the ZIP yourself and open the folder."
        ) from None
    except Exception as error:  # zipfile, zlib, bz2 and lzma each have their own errors
        if failed_reading(error):
            raise _UnreadableError from error
        raise _Refused(f"damaged in the archive ({type(error).__name__})") from None
