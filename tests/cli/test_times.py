"""Moments and spans."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.cli.times import read_instant, show_instant, show_span
from holdfast.errors import UsageError

NOW = 1_800_000_000.0


def test_a_duration_is_that_long_ago() -> None:
    assert read_instant("10m", NOW, "--at") == NOW - 600
    assert read_instant("1h30m ago", NOW, "--at") == NOW - 5400


@given(st.integers(0, int(NOW * 1000)))
def test_what_is_shown_to_scripts_is_read_back(milliseconds: int) -> None:
    at = milliseconds / 1000
    assert read_instant(show_instant(at, is_screen=False), NOW, "--at") == pytest.approx(at, abs=1e-3)


@pytest.mark.parametrize("text", ["", "soon", "10", "2026-13-01", "2100-01-01", "1960-01-01T00:00:00+00:00", "99999d"])
def test_everything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError) as told:
        read_instant(text, NOW, "--at")
    assert told.value.code == "HF8009"
    assert "10m" in (told.value.hint or "")


def test_today_needs_no_date_on_a_screen() -> None:
    assert show_instant(NOW, is_screen=True, now=NOW).count(":") == 2
    assert "-" in show_instant(NOW - 86400 * 3, is_screen=True, now=NOW)


def test_spans_read_as_short_as_they_are() -> None:
    assert [show_span(it) for it in (0.0042, 3.44, 125.2)] == ["4ms", "3.4s", "2m5s"]
