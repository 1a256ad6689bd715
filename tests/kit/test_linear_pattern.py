"""Patterns in linear time: they find what `re` finds, take no longer for a hostile text, and refuse what needs backtracking."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
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


@settings(max_examples=400)
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
        ("[[:upside:]]", "[:upside:] is not known"),
        ("+a", "there is nothing to repeat"),
        ("?a", "there is nothing to repeat"),
        ("(?i)*", "there is nothing to repeat"),
        ("[\x00-\u1001]", "\x00-\u1001 is no range of characters"),
        (r"[a-\q]", r"\q is not known"),
        (r"\X", r"\X is not known"),
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
    assert LinearPattern("a" * 512).search("a" * 512) is not None
    with pytest.raises(ValueError, match="longer than 512"):
        LinearPattern("a" * 513)


def test_a_pattern_has_a_size() -> None:
    LinearPattern("a{1000}" * 4 + "a{96}")
    with pytest.raises(ValueError, match="too large"):
        LinearPattern("a{1000}" * 4 + "a{97}")


def test_brackets_have_a_depth_and_no_number() -> None:
    assert LinearPattern("(" * 32 + "a" + ")" * 32).search("a") is not None
    assert LinearPattern("(?:a)" * 33).search("a" * 33) is not None
    assert LinearPattern("(a)" * 3 + "(" * 32 + "a" + ")" * 32).search("aaaa") is not None
    with pytest.raises(ValueError, match="deeper than 32"):
        LinearPattern("(a)" * 3 + "(" * 33 + "a" + ")" * 33)


@pytest.mark.parametrize(
    ("pattern", "fitting", "unfitting"),
    [
        (r"\bab", ["ab", " ab"], ["xab", "1ab", "_ab"]),
        (r"ab\b", ["ab", "ab "], ["abx", "ab1"]),
        (r"x\by", [], ["xy", "x y"]),
        (r"x\By", ["xy"], ["x y"]),
        (r"\Ba", ["ba"], ["a", " a", "-a"]),
        (r"a\B", ["ab"], ["a", "a "]),
        (r"\b", ["a"], ["", " "]),
        (r"\B", ["", " ", "ab"], ["a"]),
        (r"\Aa", ["ab"], ["ba"]),
        (r"a\z", ["ba"], ["ab"]),
        ("^a", ["ab"], ["ba"]),
        ("a$", ["ba"], ["ab", "a\n"]),
        (".", ["a", "X", "\r"], ["", "\n"]),
        (r"\D", ["a", "-"], ["1", ""]),
        (r"\S", ["a"], [" ", "\t"]),
        (r"\W", ["-"], ["a", "_", "1"]),
        ("[^a]", ["b", "^", "["], ["a", ""]),
        ("[a-c]", ["a", "b", "c"], ["`", "d", "-"]),
        ("[b-b]", ["b"], ["a", "c"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[-a]", ["a", "-"], ["b"]),
        ("[]a]", ["]", "a"], ["["]),
        ("[[a]", ["[", "a"], [":"]),
        ("[[:]", ["[", ":"], ["a"]),
        (r"[_\d]", ["_", "7"], ["a", "d"]),
        (r"[\d_]", ["_", "7"], ["a", "d"]),
        (r"[\]x]", ["]", "x"], ["\\\\"]),
        (r"[\t]", ["\t"], ["t", "\\\\"]),
        (r"[\t-\r]", ["\t", "\n", "\r"], ["\b", "-", "r"]),
        ("[\x00-\u1000]", ["\x00", "\u1000"], ["\u1001"]),
        (r"\t\n\r\f\a\v", ["\t\n\r\f\a\v"], ["tnrfav"]),
        (r"\.\-\_", [".-_"], ["a-_"]),
        ("[[:alpha:]x-z1]", ["a", "Z", "1"], ["2", ":", "["]),
        ("[^[:digit:]]", ["a"], ["7"]),
        ("[x[:digit:]]", ["x", "7"], ["a"]),
        ("(?i)ab", ["AB", "aB"], ["A"]),
        ("ab", ["ab"], ["AB", "Ab"]),
        ("(?i)[a-c]x", ["BX"], ["DX"]),
        ("((?i)a)b", ["Ab", "ab"], ["AB"]),
        ("(?i:a)b", ["Ab"], ["aB", "xb"]),
        ("aXb", ["aXb"], ["ab", "b"]),
        ("((?i:a)b)c", ["Abc"], ["aBc", "abC"]),
        ("(?i)(a)b", ["AB"], ["A"]),
        ("x(?i)a", ["xA"], ["XA"]),
        ("^(?:a|b|c|d)$", ["a", "b", "c", "d"], ["e", "ab"]),
        ("^(?:a|)$", ["a", ""], ["b"]),
        ("ab?c", ["ac", "abc"], ["abbc"]),
        ("^a{2}$", ["aa"], ["a", "aaa"]),
        ("^a{2,}$", ["aa", "aaaaa"], ["a"]),
        ("^a{2,4}$", ["aa", "aaa", "aaaa"], ["a", "aaaaa"]),
        ("^a{0}$", [""], ["a"]),
        ("a{x}", ["a{x}"], ["a"]),
    ],
)
def test_what_fits_and_what_does_not(pattern: str, fitting: list[str], unfitting: list[str]) -> None:
    read = LinearPattern(pattern)
    assert [text for text in fitting if read.search(text) is None] == []
    assert [text for text in unfitting if read.search(text) is not None] == []


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [
        ("abcd|bc", "abcd", ("abcd",)),  # what began earlier is wanted more, though it ends later
        ("a|ab", "ab", ("a",)),
        ("ab|a", "ab", ("ab",)),
        ("(?i)ab", "AB", ("AB",)),
        ("x(?i)ab", "xAB", ("xAB",)),
        ("a{2,3}", "aaaaa", ("aaa",)),
        ("a{2,3}?", "aaaaa", ("aa",)),
        ("a+?", "aaa", ("a",)),
        ("(a*)(a*)b", "aab", ("aab", "aa", "")),
        ("(a*?)(a*)b", "aab", ("aab", "", "aa")),
        ("(a)(b)?(c)", "ac", ("ac", "a", None, "c")),
        ("(?P<x>a)(?<y>b)(?:c)(d)", "abcd", ("abcd", "a", "b", "d")),
        ("(a|b){3}", "abab", ("aba", "a")),
        ("(?:a?b?){1,3}c", "abbac", ("abbac",)),
        ("(?:x|xy|xyz)(z|yz|$)", "xyz", ("xyz", "yz")),
        ("(?:a*)(?:a|b)*c|d", "aabbd", ("d",)),
    ],
)
def test_which_text_is_found(pattern: str, text: str, groups: tuple[str | None, ...]) -> None:
    found = LinearPattern(pattern).search(text)
    assert found is not None
    assert found.groups == groups


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
        ("$é", "$é"),
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
