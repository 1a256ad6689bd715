"""Versions and ranges at their edges: each sign with one, two and three numbers, and what is told where there is none."""

from __future__ import annotations

import re

import pytest

from holdfast.kit.semver import Range, Version

EDGES = ["0.0.0", "0.0.3", "0.0.4", "0.1.0", "1.0.0", "1.1.9", "1.2.0", "1.2.3", "1.2.4", "1.3.0", "2.0.0"]


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("~1", ["1.0.0", "1.1.9", "1.2.0", "1.2.3", "1.2.4", "1.3.0"]),
        ("~1.2", ["1.2.0", "1.2.3", "1.2.4"]),
        ("~1.2.3", ["1.2.3", "1.2.4"]),
        ("^1", ["1.0.0", "1.1.9", "1.2.0", "1.2.3", "1.2.4", "1.3.0"]),
        ("^0.0.3", ["0.0.3"]),
        ("^0.0", ["0.0.0", "0.0.3", "0.0.4"]),
        ("^0", ["0.0.0", "0.0.3", "0.0.4", "0.1.0"]),
        ("^0.0.0", ["0.0.0"]),
        (">1", ["2.0.0"]),
        (">=1.2.3", ["1.2.3", "1.2.4", "1.3.0", "2.0.0"]),
        (">=1.2", ["1.2.0", "1.2.3", "1.2.4", "1.3.0", "2.0.0"]),
        ("<1.2", ["0.0.0", "0.0.3", "0.0.4", "0.1.0", "1.0.0", "1.1.9"]),
        ("<=1", ["0.0.0", "0.0.3", "0.0.4", "0.1.0", "1.0.0", "1.1.9", "1.2.0", "1.2.3", "1.2.4", "1.3.0"]),
        ("<=1.2.3", ["0.0.0", "0.0.3", "0.0.4", "0.1.0", "1.0.0", "1.1.9", "1.2.0", "1.2.3"]),
        ("=1.2.3", ["1.2.3"]),
        ("=1.2", ["1.2.0", "1.2.3", "1.2.4"]),
        ("1", ["1.0.0", "1.1.9", "1.2.0", "1.2.3", "1.2.4", "1.3.0"]),
        ("1.2.*", ["1.2.0", "1.2.3", "1.2.4"]),
        ("1.X", ["1.0.0", "1.1.9", "1.2.0", "1.2.3", "1.2.4", "1.3.0"]),
        ("1.2.3 - 1.3", ["1.2.3", "1.2.4", "1.3.0"]),
        ("1.2.3 - 1.3.0 - 2", None),
        ("<=1.2.3-beta", ["0.0.0", "0.0.3", "0.0.4", "0.1.0", "1.0.0", "1.1.9", "1.2.0"]),
        ("=1.2.3-beta", []),
        ("", EDGES),
        ("x", EDGES),
        ("X", EDGES),
        ("*", EDGES),
        ("x.1", EDGES),
    ],
)
def test_each_sign_fits_what_node_semver_says(text: str, fits: list[str] | None) -> None:
    if fits is None:
        with pytest.raises(ValueError, match="cannot read version range"):
            Range.parse(text)
    else:
        assert [each for each in EDGES if Range.parse(text).fits(Version.parse(each))] == fits


@pytest.mark.parametrize("text", ["foo", ">=foo", "1.2 - foo", "foo - 1.2", "1.2 || foo"])
def test_what_is_no_range_is_told_whole_and_in_part(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"cannot read version range {text!r}: 'foo' is no version")):
        Range.parse(text)


def test_what_is_no_version_says_why() -> None:
    with pytest.raises(ValueError, match=re.escape("cannot read version '1.2': expected MAJOR.MINOR.PATCH")):
        Version.parse("1.2")
    with pytest.raises(ValueError, match=re.escape("cannot read version '1.2.3-01': a number in the pre-release starts with 0")):
        Version.parse("1.2.3-01")


def test_a_pre_release_may_hold_noughts_that_do_not_lead() -> None:
    assert [Version.parse(f"1.2.3-{pre}").pre for pre in ("0", "10", "0a", "a0.0")] == [("0",), ("10",), ("0a",), ("a0", "0")]


def test_the_bound_above_a_range_is_its_first_pre_release() -> None:
    assert Range.parse("^1.2").alternatives == ((((">=", Version(1, 2, 0))), ("<", Version(2, 0, 0, ("0",)))),)


def test_equal_versions_have_one_hash() -> None:
    assert len({Version.parse(text) for text in ("1.2.3", "v1.2.3+build", "1.2.3-rc.1")}) == 2
    assert hash(Version(1, 2, 3)) != hash(Version(1, 2, 4))


def test_a_range_of_three_says_what_cannot_be_read() -> None:
    with pytest.raises(ValueError, match=re.escape("'2 - 3' is no version")):
        Range.parse("1 - 2 - 3")
