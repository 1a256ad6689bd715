"""What is kept stays within its bounds, and what was used last is what stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.host.kept import Kept


def kept(folder: Path | None, most: int = 3, most_bytes: int = 1000) -> Kept:
    return Kept(folder, most=most, most_bytes=most_bytes)


def age(folder: Path) -> None:
    """Make all that is there a second older, so that the order of its use is told apart."""
    for path in folder.iterdir():
        status = path.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - 10**9))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    kept(folder).put("a", b"1")
    assert kept(folder).get("a") == b"1"
    assert kept(folder).get("b") is None
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "a").stat().st_mode & 0o777 == 0o600


def test_what_was_used_longest_ago_goes(tmp_path: Path) -> None:
    it = kept(tmp_path)
    for key in "abc":
        it.put(key, key.encode())
        age(tmp_path)
    assert it.get("a") == b"a"
    age(tmp_path)
    it.put("d", b"d")
    assert names(tmp_path) == ["a", "c", "d"]
    assert [it.get(key) for key in "abcd"] == [b"a", None, b"c", b"d"]


def test_in_memory_alone_the_same_holds() -> None:
    it = kept(None)
    for key in "abc":
        it.put(key, key.encode())
    assert it.get("a") == b"a"
    it.put("d", b"d")
    assert [it.get(key) for key in "abcd"] == [b"a", None, b"c", b"d"]


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_large_answer_takes_the_place_of_several(tmp_path: Path, is_kept: bool) -> None:
    it = kept(tmp_path if is_kept else None, most=9)
    for key, size in (("a", 300), ("b", 400), ("c", 500)):
        it.put(key, bytes(size))
        age(tmp_path)
    assert names(tmp_path) == (["b", "c"] if is_kept else [])
    assert [it.get(key) is not None for key in "abc"] == [False, True, True]
    it.put("d", bytes(5000))
    assert names(tmp_path) == (["d"] if is_kept else [])
    assert [it.get(key) is not None for key in "abcd"] == [False, False, False, True], "the last one stays, whatever it has"


def test_what_is_read_from_the_folder_counts_in_memory_too(tmp_path: Path) -> None:
    first = kept(tmp_path)
    for key in "abc":
        first.put(key, bytes(300))
    it = kept(tmp_path, most=2)
    for key in "abc":
        assert it.get(key) == bytes(300)
    for path in tmp_path.iterdir():
        path.unlink()
    assert [it.get(key) is not None for key in "abc"] == [False, True, True]


def test_a_folder_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    it = kept(tmp_path / "file" / "kept")
    it.put("a", b"1")
    assert it.get("a") == b"1"
