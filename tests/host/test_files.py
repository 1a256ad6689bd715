"""Writes are whole, and nothing leaves its folder, by either way of opening."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import Rejected, Unavailable
from holdfast.host.files import Root, has_openat2, parts, write_atomic

WAYS = [False, True]


@pytest.fixture(params=WAYS, ids=["walk", "openat2"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Root]:
    inside = tmp_path / "inside"
    inside.mkdir()
    way = bool(request.param)
    found = Root(inside, openat2=False)
    with found.folder() as fd:
        if way and not has_openat2(fd):
            pytest.skip("this kernel has no openat2")
    found.close()
    with Root(inside, openat2=way) as root:
        yield root


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    write_atomic(path, b"old")
    before = path.stat().st_ino
    write_atomic(path, b"new", mode=0o640)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_ino != before
    assert os.listdir(tmp_path) == ["a.conf"]


def test_a_write_that_fails_leaves_nothing(root: Root) -> None:
    root.make_folders("taken")
    with pytest.raises(Unavailable) as caught:
        root.write("taken", b"x")
    assert caught.value.code == "HF3104"
    assert os.listdir(root.path) == ["taken"]


def test_folders_are_made_with_their_mode_and_old_ones_left(root: Root) -> None:
    root.make_folders("a", mode=0o700)
    root.make_folders("a/b/c", mode=0o755)
    modes = [stat.S_IMODE(os.stat(os.path.join(root.path, name)).st_mode) for name in ("a", "a/b", "a/b/c")]
    assert modes == [0o700, 0o755, 0o755]


def test_no_link_is_followed(root: Root, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("canary")
    os.symlink(outside, os.path.join(root.path, "door"))
    os.symlink(outside / "secret", os.path.join(root.path, "window"))
    os.symlink(".", os.path.join(root.path, "here"))
    attempts: list[Callable[[], object]] = [
        lambda: root.write("door/planted", b"x"),
        lambda: root.write("here/planted", b"x"),
        lambda: root.make_folders("door/planted"),
        lambda: root.make_folders("door"),
        lambda: root.link("door/planted", "x"),
        lambda: root.remove("door/secret"),
        lambda: root.read("window", limit=100),
        lambda: root.read("door/secret", limit=100),
        lambda: root.stat("door/secret"),
    ]
    for attempt in attempts:
        with pytest.raises(Rejected) as caught:
            attempt()
        assert caught.value.code == "HF3101"
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"secret": "canary"}


def test_a_link_is_replaced_and_not_written_through(root: Root, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("canary")
    os.symlink(outside, os.path.join(root.path, "window"))
    root.write("window", b"mine")
    assert outside.read_text() == "canary"
    assert root.read("window", limit=4) == b"mine"


def test_reading_is_bounded_and_of_plain_files(root: Root) -> None:
    root.write("a", b"12345")
    os.mkfifo(os.path.join(root.path, "pipe"))
    assert root.read("a", limit=5) == b"12345"
    for name in ("a", "pipe"):
        with pytest.raises(Rejected) as caught:
            root.read(name, limit=4)
        assert caught.value.code == "HF3103"


def test_what_is_there_is_told_and_removed(root: Root) -> None:
    root.write("a", b"1")
    root.link("l", "nowhere")
    found = root.stat("l")
    assert found is not None
    assert stat.S_ISLNK(found.st_mode)
    assert [root.remove("a"), root.remove("l"), root.remove("a"), root.stat("a")] == [True, True, False, None]


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1777])
def test_no_mode_lends_power(root: Root, mode: int) -> None:
    with pytest.raises(Rejected) as caught:
        root.write("a", b"", mode=mode)
    assert caught.value.code == "HF3102"


@pytest.mark.parametrize("path", ["", "/", "/etc/passwd", ".", "..", "a/../b", "a//b", "a/", "./a", "a\0b", "a" * 256, "a/" * 2048 + "a"])
def test_paths_that_are_not_plain_are_refused(path: str) -> None:
    with pytest.raises(Rejected) as caught:
        parts(path)
    assert caught.value.code == "HF3100"


@given(st.text(max_size=40))
def test_a_path_is_refused_or_stays_beneath(path: str) -> None:
    try:
        names = parts(path)
    except (Rejected, UnicodeEncodeError):
        return
    joined = os.path.normpath(os.path.join("/root", *names))
    assert joined == "/root/" + path
