"""Version constraints: what Masterminds/semver 3.5 answers to 447 constraints and 46 versions, written down by that library."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kit.constraint import Constraint, version_of
from holdfast.kit.semver import Version

ANSWERS: dict[str, Any] = json.loads(Path(__file__).with_name("constraints.json").read_text())
VERSIONS = [Version.parse(text) for text in ANSWERS["versions"]]


@pytest.mark.parametrize(("text", "fits"), ANSWERS["fits"].items())
def test_a_constraint_lets_in_what_masterminds_lets_in(text: str, fits: str | None) -> None:
    if fits is None:
        with pytest.raises(ValueError, match="cannot read version range"):
            Constraint.parse(text)
    else:
        constraint = Constraint.parse(text)
        assert "".join("01"[constraint.fits(version)] for version in VERSIONS) == fits


@pytest.mark.parametrize(
    ("text", "tags", "best"),
    [
        ("^1.2", ["1.1.9", "1.2.0", "v1.3.0", "2.0.0", "latest"], "v1.3.0"),
        ("^1.2", ["1.3.0-rc.1", "1.2.9"], "1.2.9"),
        ("^1.2-0", ["1.3.0-rc.1", "1.2.9"], "1.3.0-rc.1"),
        (">=1.0.0 <2.0.0 || >=3.0.0-0", ["1.9.9", "2.0.0", "3.0.0-beta"], "3.0.0-beta"),
        ("1.10 - 1.12", ["1.9.0", "1.10.0", "1.11.4", "1.12.7", "1.13.0"], "1.12.7"),
        ("*", ["1", "1.2", "01.2.3", "1.2.3.4", "V1.2.3", "latest", ""], None),
        ("*", ["18446744073709551616.0.0", "1.0.0"], "1.0.0"),
        ("~1.2.3", ["1.2.2", "1.3.0"], None),
        ("1.x", ["1.2.0", "v1.2.0"], "1.2.0"),
    ],
)
def test_the_highest_tag_that_fits_is_chosen(text: str, tags: list[str], best: str | None) -> None:
    assert Constraint.parse(text).highest(tags) == best


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot read version range '': an alternative is empty"),
        ("1 ||", "cannot read version range '1 ||': an alternative is empty"),
        ("1.2 or 2", "cannot read version range '1.2 or 2': '1.2 or 2' is no comparison with a version"),
        ("1.2.3-01", "cannot read version range '1.2.3-01': a number of a pre-release starts with 0"),
        ("1.2|", "cannot read version range '1.2|': '2|' is no number"),
        ("1" * 513, "cannot read version range: it is longer than 512 bytes"),
    ],
)
def test_what_is_no_constraint_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="cannot read version range") as found:
        Constraint.parse(text)
    assert str(found.value) == reason


def test_a_constraint_has_a_length() -> None:
    assert Constraint.parse("1" + " " * 511).fits(Version.parse("1.2.3"))


def test_a_hyphen_range_is_read_where_it_stands_alone() -> None:
    constraint = Constraint.parse("1 - 2 || 11 - 2 || 3.0.0")
    assert [constraint.fits(Version.parse(text)) for text in ("1.5.0", "2.0.0", "3.0.0", "11.0.0")] == [True, True, True, False]


@pytest.mark.parametrize("tag", ["18446744073709551616.0.0", "0.18446744073709551616.0", "0.0.18446744073709551616"])
def test_a_number_that_takes_more_than_64_bits_is_no_version(tag: str) -> None:
    assert version_of(tag) is None
    assert version_of(tag.replace("616", "615")) is not None


@given(st.text(max_size=40))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    version_of(text)
    with suppress(ValueError):
        Constraint.parse(text).fits(VERSIONS[0])
