"""Patterns: what RE2 takes for a match of the whole."""

from __future__ import annotations

import pytest

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
        ("(?i)w(?i:E)b", ["web", "WEB"], ["wb"]),
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
