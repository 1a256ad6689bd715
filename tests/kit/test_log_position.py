"""How far a log was told: nothing twice, nothing left out, wherever a stream breaks and however coarsely it can be asked again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kit.log_position import LogPosition


def test_a_line_is_told_without_its_time_and_once() -> None:
    position = LogPosition()
    stamps = ("00.5", "00.5", "00.500000001", "01")
    lines = [f"2026-01-02T12:00:{stamp}Z line {number}" for number, stamp in enumerate(stamps)]
    assert position.begin() == ""
    assert [position.take(line) for line in lines[:2]] == ["line 0", "line 1"]
    assert position.begin() == "2026-01-02T12:00:00.500000000"
    assert [position.take(line) for line in lines] == [None, None, "line 2", "line 3"]
    position.begin()
    assert [position.take(line) for line in lines] == [None, None, None, None]


def test_a_time_without_a_fraction_is_before_every_fraction_of_its_second() -> None:
    position = LogPosition()
    lines = [f"2026-01-02T12:00:{stamp} {number}" for number, stamp in enumerate(("00Z", "00.5Z", "01+00:00"))]
    assert [position.take(line) for line in lines] == ["0", "1", "2"]
    assert position.begin() == "2026-01-02T12:00:01.000000000"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("no time at all", "no time at all"),
        ("2026-01-02T12:00:00Z", ""),
        ("2026-01-02T12:00:00.123+00:00 utc", "utc"),
        ("2026-01-02T12:00:00+02:00 elsewhere", "elsewhere"),
    ],
)
def test_a_line_that_cannot_be_placed_is_told(line: str, text: str) -> None:
    position = LogPosition()
    assert position.take("2026-01-01T12:00:00Z before") == "before"
    assert position.take(line) == text


@pytest.mark.parametrize("digits", [19, 29], ids=["since a second", "since a nanosecond"])
@given(
    times=st.lists(st.integers(min_value=0, max_value=5) | st.integers(min_value=0, max_value=3 * 10**9), max_size=12).map(sorted),
    breaks=st.lists(st.integers(min_value=0, max_value=12), max_size=5),
)
def test_a_stream_that_breaks_anywhere_tells_every_line_once(digits: int, times: list[int], breaks: list[int]) -> None:
    written = [f"2026-01-02T03:04:0{at // 10**9}.{at % 10**9:09d}Z {number}" for number, at in enumerate(times)]
    position, told = LogPosition(), []
    for upto in [*sorted(breaks), len(written)]:
        since = position.begin()[:digits]
        again = [each for each in written if each[:digits] >= since]
        until = max(0, upto - (len(written) - len(again)))
        told += [text for each in again[:until] if (text := position.take(each)) is not None]
    assert told == [str(number) for number in range(len(times))]
