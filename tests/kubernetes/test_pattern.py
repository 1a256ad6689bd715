"""Patterns: what RE2 takes for a match, and that no pattern takes long."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kubernetes.kustomize.pattern import compile_pattern, fits


@pytest.mark.parametrize(
    ("pattern", "whole", "not_whole"),
    [
        ("web", ["web"], ["web2", "aweb", ""]),
        ("web|api", ["web", "api"], ["webapi"]),
        (".*", ["", "anything"], ["a\nb"]),
        ("w.b", ["web"], ["wb"]),
        ("a+b?", ["a", "aab"], ["b"]),
        ("a{2}", ["aa"], ["a", "aaa"]),
        ("a{1,2}", ["a", "aa"], ["aaa"]),
        ("a{2,}", ["aa", "aaaa"], ["a"]),
        ("a{x}", ["a{x}"], ["a"]),
        ("[a-c]+", ["abc"], ["abd"]),
        ("[^a-c]", ["d"], ["a"]),
        ("[]a]+", ["a]"], ["b"]),
        (r"[\d_-]+", ["1_-2"], ["a"]),
        (r"\w+\.\w+", ["a.b"], ["ab"]),
        ("[[:alpha:]]+", ["ab"], ["a1"]),
        ("(?i)WEB", ["web", "Web"], ["we"]),
        ("(?:a|b)*c", ["c", "abac"], ["ab"]),
        ("(a|)b", ["b", "ab"], ["a"]),
        (r"\bweb\b", ["web"], ["webs"]),
        ("^web$", ["web"], ["webs"]),
        ("a*?b", ["aab"], ["aa"]),
    ],
)
def test_a_pattern_fits_what_re2_says(pattern: str, whole: list[str], not_whole: list[str]) -> None:
    assert [text for text in whole if not fits(pattern, text)] == []
    assert [text for text in not_whole if fits(pattern, text)] == []


@pytest.mark.parametrize(
    "pattern", ["(", ")", "[", "a)", "*a", "a{1001}", r"\1", "(?=a)", "(?<!a)b", "[b-a]", "a" * 50_000, "(" * 200, r"\p{L}"]
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reason is for people
        compile_pattern(pattern)


@settings(deadline=None)
@given(st.text("ab.*+?|()[]^$", max_size=12), st.text("abc", max_size=12))
def test_what_python_reads_too_fits_the_same(pattern: str, text: str) -> None:
    """Law: where both engines know a pattern they agree."""
    try:
        mine = compile_pattern(pattern).searches(text)
        theirs = re.compile(pattern)
    except (ValueError, re.error, FutureWarning):  # the last: Python means to read it otherwise one day
        return
    assert mine == (theirs.search(text) is not None)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}$", "((a{0,30}){0,30})b"])
def test_no_pattern_takes_long(pattern: str) -> None:
    """An engine that tries one way after the other would never come back from these."""
    assert not compile_pattern(pattern).searches("a" * 60 + string.punctuation)
