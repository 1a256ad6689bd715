"""Which version is meant: as written, or the highest of a range by Helm's rules; what does not fit is said with what there is."""

from __future__ import annotations

import pytest

from holdfast.errors import SourceError
from holdfast.source.chart.choose import choose, ordered, read_version

VERSIONS = ("2.0.0-rc.1", "1.10.0", "1.9.3", "1.9.3+build.2", "v1.2.0", "0.9", "odd")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.9.3", "1.9.3"),
        ("v1.9.3", "1.9.3"),
        ("1.9.3+build.2", "1.9.3+build.2"),
        ("1.2.0", "v1.2.0"),
        ("odd", "odd"),
        ("0.9", "0.9"),
        ("^1.2", "1.10.0"),
        ("1.9.x", "1.9.3"),
        ("~1.2", "v1.2.0"),
        (">=1.0.0 <1.10.0", "1.9.3"),
        (">=1.0.0, <1.10.0 || 0.9", "1.9.3"),
        ("1", "1.10.0"),
        ("0.x", "0.9"),
        ("*", "1.10.0"),
        ("", "1.10.0"),
        ("HEAD", "1.10.0"),
        (">=2.0.0-0", "2.0.0-rc.1"),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
    ],
)
def test_a_version_is_chosen(text: str, version: str) -> None:
    assert choose(text, VERSIONS, None, "chart nginx") == version


def test_a_version_that_is_gone_is_the_one_that_is_kept_and_a_range_is_not() -> None:
    assert choose("1.0.0", VERSIONS, "1.0.0", "chart nginx") == "1.0.0"
    assert choose("1.9.3", VERSIONS, "1.9.3", "chart nginx") == "1.9.3"


@pytest.mark.parametrize("text", ["main", "--upload-pack=touch x", "1.2.3.4", ">=", "1 ||", "x" * 600, "9" * 5000])
def test_what_is_neither_version_nor_range_is_said(text: str) -> None:
    with pytest.raises(SourceError) as raised:
        choose(text, VERSIONS, None, "chart nginx")
    assert raised.value.code == "HF4022"
    assert len(raised.value.message) < 300


def test_what_does_not_fit_is_said_with_the_newest() -> None:
    with pytest.raises(SourceError) as raised:
        choose("^3", VERSIONS, None, "chart nginx")
    assert (raised.value.code, raised.value.hint) == ("HF4074", "the newest are 1.10.0, 1.9.3, 1.9.3+build.2, v1.2.0, 0.9")
    with pytest.raises(SourceError) as raised:
        choose("^3", ["1.0.0-rc.1"], None, "chart nginx")
    assert raised.value.hint == "the newest are 1.0.0-rc.1"
    with pytest.raises(SourceError) as raised:
        choose("^3", [], None, "chart nginx")
    assert raised.value.hint is None


def test_the_highest_is_first_and_of_equals_the_first() -> None:
    assert ordered(VERSIONS) == ["2.0.0-rc.1", "1.10.0", "1.9.3", "1.9.3+build.2", "v1.2.0", "0.9"]
    assert str(read_version("v1")) == str(read_version("1.0.0"))
    assert read_version("1.2.3.4") is None
