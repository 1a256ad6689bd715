"""Patterns in linear time: they find what `re` finds, take no longer for a hostile text, and refuse what needs backtracking."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kit.linear_pattern import LinearPattern

_ATOMS = st.sampled_from(
    ["a", "b", r"\.", ".", r"\d", r"\w", r"\W", r"\s", "[ab]", "[^a]", "[a-c1]", "[]a]", "[a-]", r"[\d-]", r"\x".replace("x", "-")]
)
_COUNTS = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,1}", "{1,}", "*?", "+?", "??", "{1,2}?"])
_EDGES = st.sampled_from(["^", "$", r"\b", ""])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return patterns made of `inner` ones; only what takes at least one character is repeated (elsewhere the two languages differ)."""
    row = st.lists(inner, min_size=1, max_size=3).map("".join)
    either = st.lists(row, min_size=1, max_size=3).map("|".join)
    return st.one_of(
        st.tuples(_ATOMS, _COUNTS).map("".join),
        st.tuples(either, _COUNTS).map(lambda it: f"(a(?:{it[0]})){it[1]}"),
        either.map(lambda it: f"({it})"),
        either.map(lambda it: f"(?:{it})b"),
        st.tuples(_EDGES, row, _EDGES).map("".join),
    )


@given(st.recursive(_ATOMS, _grown, max_leaves=12), st.text(alphabet="aab1-. ", max_size=10))
def test_it_finds_what_re_finds(pattern: str, text: str) -> None:
    wanted, found = re.compile(pattern, re.ASCII).search(text), LinearPattern(pattern).search(text)
    assert (None if found is None else found.groups) == (None if wanted is None else (wanted[0], *wanted.groups()))


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(.*a){12}b", "^(a?){40}a{40}c", r"(\w+\s?)+!$", "(x+x+)+y"])
def test_a_hostile_pattern_takes_no_longer_than_another(pattern: str) -> None:
    """Backtracking would take years."""
    assert LinearPattern(pattern).search("a" * 128 + "-" + "x" * 127) is None


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "a bracket is opened and never closed"),
        ("a)", "a bracket closes that was not opened"),
        ("[a", "it ends too early"),
        ("*a", "there is nothing to repeat"),
        ("a**", "a repeat is repeated"),
        ("a{2}{3}", "a repeat is repeated"),
        ("a++", "a repeat is repeated"),
        ("^*", "a place between characters cannot be repeated"),
        ("a{2,1}", "{2,1} is no count from 0 to 1000"),
        ("a{1001}", "{1001} is no count from 0 to 1000"),
        ("(?=a)", "(? here begins something that needs backtracking or is not known"),
        ("(?<!a)b", "(? here begins something that needs backtracking or is not known"),
        (r"(a)\1", r"\1 refers back, which needs backtracking"),
        (r"\pL", r"\p is not known"),
        ("[[:alpha:]]", "[:name:] is not known; write the characters"),
        ("[z-a]", "z-a is no range of characters"),
        (r"[a-\d]", r"\d is no end of a range"),
        (r"[\D]", r"\D within brackets is not known"),
        ("(?P<a>x)(?P<a>y)", "two groups are named a"),
        ("((a{1000}){1000})", "its repeats make it too large"),
        ("(" * 33 + ")" * 33, "its brackets go deeper than 32"),
        ("\\", "it ends too early"),
    ],
)
def test_what_is_not_read_says_why(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match="cannot read pattern") as found:
        LinearPattern(pattern)
    assert str(found.value) == f"cannot read pattern {pattern!r}: {reason}"


def test_a_pattern_has_a_length() -> None:
    with pytest.raises(ValueError, match="longer than 512"):
        LinearPattern("a" * 513)


def test_the_case_may_not_matter() -> None:
    found = LinearPattern("(?i)^V[a-c]$").search("vB")
    assert found is not None
    assert found.groups == ("vB",)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("$ts", "42"),
        ("${ts}", "42"),
        ("$1-$ts", "abc-42"),
        ("$1x", ""),
        ("${1}x", "abcx"),
        ("$$ts", "$ts"),
        ("$no", ""),
        ("$9", ""),
        ("$", "$"),
        ("$0", "main-abc-42"),
    ],
)
def test_groups_are_filled_in_as_go_does(template: str, filled: str) -> None:
    found = LinearPattern(r"^main-([a-f0-9]+)-(?P<ts>\d+)$").search("main-abc-42")
    assert found is not None
    assert found.expand(template) == filled


@given(st.text(max_size=30))
def test_no_pattern_does_more_than_be_refused(pattern: str) -> None:
    with suppress(ValueError):
        LinearPattern(pattern).search("a-1")
