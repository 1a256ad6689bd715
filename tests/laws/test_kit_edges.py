"""Durations, sizes, delays, windows and short digests at their edges."""

from __future__ import annotations

import re

import pytest

from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import short
from holdfast.kit.diff import Difference, diff
from holdfast.kit.duration import format_duration, parse_duration
from holdfast.kit.quantity import format_quantity, parse_quantity
from holdfast.kit.suggest import did_you_mean
from holdfast.kit.window import SlidingWindow


def test_equal_jitter_spreads_over_the_upper_half() -> None:
    assert [Backoff(first_s=8.0).equal_jitter(1, unit) for unit in (0.0, 0.5, 1.0)] == [4.0, 6.0, 8.0]


def test_people_are_shown_twelve_characters() -> None:
    assert short("0123456789abcdef") == "0123456789ab"


def test_a_difference_of_the_whole_has_no_path() -> None:
    assert diff(1, 2) == (Difference(path="", before=1, after=2),)
    assert [each.path for each in diff({"a": {"b": [1]}}, {"a": {"b": [2]}})] == ["a.b[0]"]


def test_a_negative_duration_says_so() -> None:
    assert (format_duration(-90.0), format_duration(0.0)) == ("-1m30s", "0s")


def test_an_empty_duration_is_told_as_such() -> None:
    with pytest.raises(ValueError, match=r"^cannot read duration '': it is empty$"):
        parse_duration(" ")


def test_sizes_are_told_in_the_largest_unit_that_divides_them() -> None:
    assert [format_quantity(size) for size in (0, 1, 1536, 2048, 3 << 30, (1 << 40) + 1)] == [
        "0",
        "1",
        "1536",
        "2Ki",
        "3Gi",
        str((1 << 40) + 1),
    ]


def test_what_is_no_quantity_is_shown() -> None:
    with pytest.raises(
        ValueError, match=re.escape("cannot read quantity '1.2.3': expected a number with a unit such as Mi, Gi, k, M or m")
    ):
        parse_quantity("1.2.3")


def test_a_word_that_is_near_to_none_has_no_guess() -> None:
    assert did_you_mean("abcde", ["abcdefghijkl"]) is None
    assert did_you_mean("abcdefg", ["abcdefghijkl"]) == "abcdefghijkl"


def test_a_window_forgets_at_its_edge_and_counts_up_to_its_limit() -> None:
    window = SlidingWindow(10.0, limit=2)
    for at in (1.0, 2.0, 3.0):
        window.add(at)
    assert window.to_json() == [2.0, 3.0]
    assert (window.count(11.9), window.count(12.0), window.count(13.0)) == (2, 1, 0)
    again = SlidingWindow.from_json(10.0, [1.0, 2.0], limit=2)
    again.add(3.0)
    assert (again.to_json(), SlidingWindow.from_json(10.0, []).limit) == ([2.0, 3.0], 1000)
