"""Regex: shapes of patterns, and what they can match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.regex import NEWLINE, group, is_catastrophic, is_finite, may_hold, read_regex


@pytest.mark.parametrize(
    "pattern", [r"(\w+\s?)*", "(a+)+$", "(.*)*", r"([a-zA-Z]+)*\d", r"(?<x>[a-z]{2,})+", r"((\d+)|x)*", r"^/((.+)/?)+$", "(a*b?)*"]
)
def test_a_repeat_within_a_repeat_is_catastrophic(pattern: str) -> None:
    node = read_regex(pattern)
    assert node is not None
    assert is_catastrophic(node)


@pytest.mark.parametrize(
    "pattern",
    [
        r"([^/]+\.)?x",
        r"(\w+\.)*x",
        r"^/(.*)\.php$",
        r"(?i)\.jpe?g$",
        "[[:alpha:]]+",
        "(?:a|b)+",
        "((a|b)*c)*",
        r"(/\w+)+",
        "(a++)+",
        "(a{2})*",
    ],
)
def test_other_repeats_are_not(pattern: str) -> None:
    node = read_regex(pattern)
    assert node is not None
    assert not is_catastrophic(node)


@pytest.mark.parametrize("pattern", ["(", "a)", "[a", "*a", r"(a)\1", "(?(1)a|b)", r"\p{L}", "(?R)", "a{2}{", "\\"])
def test_what_is_not_understood_is_not_judged(pattern: str) -> None:
    assert read_regex(pattern) is None or pattern == "a{2}{"


@pytest.mark.parametrize(
    ("pattern", "which", "holds"),
    [
        (r"/proxy/(a|b)/(\W*)$", "2", True),
        (r"/proxy/(a|b)/(\W*)$", "1", False),
        ("^/test/(.*)", "1", False),
        ("^/test/([^/]*)", "1", True),
        (r"^/(?<name>[\s\S]+)", "name", True),
        (r"^/(?:x)([^\n]+)", "1", False),
    ],
)
def test_captures_tell_whether_they_may_hold_a_line_break(pattern: str, which: str, holds: bool) -> None:
    node = read_regex(pattern)
    assert node is not None
    capture = group(node, which)
    assert capture is not None
    assert may_hold(capture, NEWLINE) is holds


def test_a_choice_of_words_is_finite() -> None:
    for pattern, finite in (("(a|b)", True), ("(https?)", True), ("(a{1,3})", True), (".", False), ("a+", False)):
        node = read_regex(pattern)
        assert node is not None
        assert is_finite(node) is finite, pattern


@given(st.text(alphabet="ab()[]|*+?{}\\^$.:<>=!-,1P", max_size=30))
def test_any_pattern_is_read_or_left(pattern: str) -> None:
    node = read_regex(pattern)
    assert node is None or isinstance(is_catastrophic(node), bool)
