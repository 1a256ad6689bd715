"""What each sign of a pattern takes: one character, a set, a choice, anything up to a slash, and across it."""

from __future__ import annotations

import pytest

from holdfast.kit.glob import matches

NAMES = ["", "a", "b", "ab", "a/b", "a\nb", "aab", "a-b", "a,b", "a?b", "a*b", "a]b", "a^b", "a!b", "{a}", "a\\b", "a/x/b"]


@pytest.mark.parametrize(
    ("pattern", "separated", "fits"),
    [
        ("a?b", True, ["a\nb", "aab", "a-b", "a,b", "a?b", "a*b", "a]b", "a^b", "a!b", "a\\b"]),
        ("a?b", False, ["a/b", "a\nb", "aab", "a-b", "a,b", "a?b", "a*b", "a]b", "a^b", "a!b", "a\\b"]),
        ("a*b", True, ["ab", "a\nb", "aab", "a-b", "a,b", "a?b", "a*b", "a]b", "a^b", "a!b", "a\\b"]),
        ("a**b", True, ["ab", "a/b", "a\nb", "aab", "a-b", "a,b", "a?b", "a*b", "a]b", "a^b", "a!b", "a\\b", "a/x/b"]),
        ("a*b", False, ["ab", "a/b", "a\nb", "aab", "a-b", "a,b", "a?b", "a*b", "a]b", "a^b", "a!b", "a\\b", "a/x/b"]),
        ("**/b", True, ["a/b", "a/x/b"]),
        ("a/**", True, ["a/b", "a/x/b"]),
        ("a/*/b", True, ["a/x/b"]),
        ("[ab]", True, ["a", "b"]),
        ("[!a]", True, ["b"]),
        ("[^a]", True, ["b"]),
        ("a[!a]b", True, ["a/b", "a\nb", "a-b", "a,b", "a?b", "a*b", "a]b", "a^b", "a!b", "a\\b"]),
        ("a[a!^]b", True, ["aab", "a^b", "a!b"]),
        ("a[]]b", True, ["a]b"]),
        ("a[+--]b", True, ["a-b", "a,b"]),
        ("a[--/]b", True, ["a/b", "a-b"]),
        ("a[*?]b", True, ["a?b", "a*b"]),
        ("a[,", True, []),
        ("a[-]b", True, ["a-b"]),
        ("{a,b}", True, ["a", "b"]),
        ("{a,b,ab}", True, ["a", "b", "ab"]),
        ("{a{a,/x/},a}b", True, ["ab", "aab", "a/x/b"]),
        ("{,a}b", True, ["b", "ab"]),
        ("a{*,/**/}b", True, ["ab", "a\nb", "aab", "a-b", "a,b", "a?b", "a*b", "a]b", "a^b", "a!b", "a\\b", "a/x/b"]),
        ("{*,*,*,*}b", True, ["b", "ab", "a\nb", "aab", "a-b", "a,b", "a?b", "a*b", "a]b", "a^b", "a!b", "a\\b"]),
        ("*?*?*b", True, ["a\nb", "aab", "a-b", "a,b", "a?b", "a*b", "a]b", "a^b", "a!b", "a\\b"]),
        ("a\\?b", True, ["a?b"]),
        ("a\\*b", True, ["a*b"]),
        ("a\\\\b", True, ["a\\b"]),
        ("\\{a\\}", True, ["{a}"]),
        ("a\\]b", True, ["a]b"]),
        ("a,b", True, ["a,b"]),
        ("{a", True, []),
        ("a\\", True, []),
    ],
)
def test_a_pattern_takes_exactly_these(pattern: str, separated: bool, fits: list[str]) -> None:
    assert [name for name in NAMES if matches(pattern, name, separated)] == fits


def test_without_a_word_a_star_reaches_across_slashes() -> None:
    assert matches("a*b", "a/x/b")


def test_braces_may_stand_fifteen_deep_and_no_deeper() -> None:
    deep, deeper = ("{" * depth + "a,b" + "}" * depth for depth in (15, 16))
    assert matches(deep, "b")
    assert not matches(deeper, "b")
    assert matches(deeper, deeper)


def test_a_newline_is_a_character_however_many_choices_there_are() -> None:
    assert matches("*?*?*b", "a\nb")
    assert matches("{*,*,*,*}?b", "\nb")


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("[a]]b", "a]b", True),
        ("[a]]b", "ab", False),
        ("{a{b}", "{a{b}", True),
        ("{a{b}", "ab", False),
    ],
)
def test_brackets_end_at_the_first_and_braces_must_end(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


def test_only_a_mark_at_the_beginning_turns_a_set_round() -> None:
    assert [matches("[XY]", text) for text in "XYZ"] == [True, True, False]
    assert [matches("[!XY]", text) for text in "XYZ"] == [False, False, True]
