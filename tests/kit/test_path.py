"""Paths of a release are compared as text, and none climbs out unseen."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.kit.path import ending_of, is_below, joined, name_of, tidy, within

PATHS = st.text(st.sampled_from("ab./"), max_size=16)


@given(PATHS.filter(bool))
@example("/../a")
@example("../../a")
def test_a_path_is_tidied_as_posix_does(path: str) -> None:
    assert tidy(path) == posixpath.normpath(path).replace("//", "/")
    assert tidy(tidy(path)) == tidy(path)


@given(PATHS, PATHS)
def test_paths_are_joined_as_posix_does(folder: str, path: str) -> None:
    assert joined(folder or ".", path) == tidy(posixpath.join(folder or ".", path))


@pytest.mark.parametrize(("path", "below"), [("a", True), (".", True), ("..a", True), ("..", False), ("../a", False), ("/a", False)])
def test_what_leaves_its_folder_is_told(path: str, below: bool) -> None:
    assert is_below(path) is below


@pytest.mark.parametrize(
    ("folder", "path", "found"),
    [
        ("", "a", "a"),
        ("", ".", ""),
        ("", "..", None),
        ("", "../a", None),
        ("a", "..", ""),
        ("a", "../b", "b"),
        ("a/b", "./c//d", "a/b/c/d"),
        ("a", "b/../../..", None),
        ("a", "../../a/b", None),
        ("a", "/b", "a/b"),
    ],
)
def test_what_leaves_the_repository_is_nowhere(folder: str, path: str, found: str | None) -> None:
    assert within(folder, path) == found


@given(PATHS)
@example("X.js")
def test_names_and_endings_are_those_of_posix(path: str) -> None:
    assert name_of(path) == posixpath.basename(path)
    assert ending_of(path) == posixpath.splitext(posixpath.basename(path))[1]
