"""Whole folders: what an untrusted program left in them is sealed or removed, and nothing outside is touched."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.errors import Rejected
from holdfast.host import folders


@pytest.fixture
def base(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    if (tmp_path / "tree").exists():
        folders.remove(fd, "tree")
    os.close(fd)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_sealed_folder_is_read_only_and_plain(base: int, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "run").write_text("x")
    (tree / "sub" / "run").chmod(0o4755)
    (tree / "text").write_text("x")
    (tree / "text").chmod(0o600)
    os.mkfifo(tree / "pipe")
    outside = tmp_path / "outside"
    outside.write_text("canary")
    outside.chmod(0o640)
    (tree / "link").symlink_to(outside)
    folders.seal(base, "tree")
    assert [mode(tree), mode(tree / "sub"), mode(tree / "sub" / "run"), mode(tree / "text")] == [0o555, 0o555, 0o555, 0o444]
    assert sorted(os.listdir(tree)) == ["link", "sub", "text"]
    assert mode(outside) == 0o640


def test_a_file_with_other_names_is_copied_first(base: int, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    shared = tmp_path / "shared"
    shared.write_text("content")
    shared.chmod(0o644)
    os.link(shared, tree / "a")
    folders.seal(base, "tree")
    assert mode(shared) == 0o644
    assert (mode(tree / "a"), (tree / "a").read_text()) == (0o444, "content")
    assert shared.stat().st_nlink == 1


@pytest.mark.needs("root")
def test_somebody_elses_file_is_not_given_away(base: int, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    foreign = tmp_path / "foreign"
    foreign.write_text("canary")
    foreign.chmod(0o600)
    os.chown(foreign, 61001, 61001)
    os.link(foreign, tree / "a")
    with pytest.raises(Rejected) as caught:
        folders.seal(base, "tree", uid=0, gid=61002, maker=61002)
    assert caught.value.code == "HF3105"
    assert (mode(foreign), foreign.stat().st_uid) == (0o600, 61001)


@pytest.mark.needs("root")
def test_owners_are_given_and_taken(base: int, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a").write_text("x")
    (tree / "l").symlink_to("a")
    folders.give(base, "tree", uid=61001, gid=61001)
    assert {path.lstat().st_uid for path in (tree, tree / "a", tree / "l")} == {61001}
    folders.seal(base, "tree", uid=0, gid=61001, maker=61001)
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in (tree, tree / "a", tree / "l")} == {(0, 61001)}


def test_removing_takes_sealed_folders_and_follows_nothing(base: int, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "deep" / "er").mkdir(parents=True)
    (tree / "deep" / "a").write_text("x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_text("canary")
    (tree / "door").symlink_to(outside)
    folders.seal(base, "tree")
    folders.remove(base, "tree")
    folders.remove(base, "tree")
    assert not tree.exists()
    assert (outside / "a").read_text() == "canary"


def test_a_link_to_a_folder_is_removed_itself(base: int, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_text("canary")
    (tmp_path / "tree").symlink_to(outside)
    folders.remove(base, "tree")
    assert (outside / "a").read_text() == "canary"
    assert not (tmp_path / "tree").is_symlink()
