"""Target revisions: the order in which a name is understood, and what is said where it means nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import SourceError
from holdfast.source.reference import choose, full_commit, is_reference

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HEADS = ("main", "both", "deadbeef", "1.x", "team/side")
TAGS = ("both", "v1.2.0", "v1.10.0", "v2.0.0-rc.1", "nightly")
REFERENCES = dict.fromkeys(["HEAD", *(f"refs/heads/{name}" for name in HEADS), *(f"refs/tags/{name}" for name in TAGS)], COMMIT)

MEANINGS = {
    "": ("reference", "HEAD"),
    "HEAD": ("reference", "HEAD"),
    "main": ("reference", "refs/heads/main"),
    "heads/main": ("reference", "refs/heads/main"),
    "refs/heads/main": ("reference", "refs/heads/main"),
    "team/side": ("reference", "refs/heads/team/side"),
    "both": ("reference", "refs/tags/both"),
    "refs/heads/both": ("reference", "refs/heads/both"),
    "deadbeef": ("reference", "refs/heads/deadbeef"),
    "1.x": ("reference", "refs/heads/1.x"),
    "v1.2.0": ("reference", "refs/tags/v1.2.0"),
    "0123456": ("commit", "0123456"),
    "ABCDEF0": ("commit", "abcdef0"),
    COMMIT: ("commit", COMMIT),
    "^1": ("reference", "refs/tags/v1.10.0"),
    "~1.2": ("reference", "refs/tags/v1.2.0"),
    ">=1.0.0 <1.5.0": ("reference", "refs/tags/v1.2.0"),
    "1.2.x || 9.x": ("reference", "refs/tags/v1.2.0"),
    "*": ("reference", "refs/tags/v1.10.0"),
    ">=2.0.0-rc.0": ("reference", "refs/tags/v2.0.0-rc.1"),
}


@pytest.mark.parametrize("text", MEANINGS)
def test_a_name_means_one_thing(text: str) -> None:
    target = choose(text, REFERENCES, "shop")
    assert (target.kind, target.name) == MEANINGS[text]


NOTHING = {
    "mian": ("HF4020", "did you mean 'main'?"),
    "refs/pull/1/head": ("HF4020", "there are"),
    "^3": ("HF4024", "the highest version there is v1.10.0"),
    "a b": ("HF4022", "write a branch"),
    "-x": ("HF4022", "write a branch"),
    "main..side": ("HF4022", "write a branch"),
    "main.lock": ("HF4022", "write a branch"),
    "main:refs/x": ("HF4022", "write a branch"),
    "9" * 300: ("HF4022", "write a branch"),
    ">=1 <<2": ("HF4022", "write a branch"),
}


@pytest.mark.parametrize("text", NOTHING)
def test_what_means_nothing_is_said_with_a_hint(text: str) -> None:
    with pytest.raises(SourceError) as refused:
        choose(text, REFERENCES, "shop")
    assert refused.value.code == NOTHING[text][0]
    assert NOTHING[text][1] in (refused.value.hint or "")


@pytest.mark.parametrize("text", ["", "HEAD", "main", "^1", COMMIT])
def test_an_empty_repository_says_that_it_is_empty(text: str) -> None:
    with pytest.raises(SourceError) as refused:
        choose(text, {}, "shop")
    assert refused.value.code == "HF4021"


def test_a_repository_without_versions_says_how_to_tag_one() -> None:
    with pytest.raises(SourceError) as refused:
        choose("^1", {"refs/heads/main": COMMIT}, "shop")
    assert (refused.value.code, refused.value.hint) == ("HF4024", "tag a release as v1.2.3, or name a branch")


@given(st.text(max_size=30))
def test_a_name_that_is_allowed_is_harmless_as_an_argument(name: str) -> None:
    if is_reference(name):
        assert not name.startswith("-")
        assert not set(name) & set(" \t\n\0~^:?*[\\")
        assert ".." not in name
        assert "@{" not in name


def test_only_forty_digits_are_a_whole_commit() -> None:
    assert full_commit(COMMIT.upper()) == COMMIT
    assert full_commit(COMMIT[:39]) is None
    assert full_commit("g" * 40) is None
