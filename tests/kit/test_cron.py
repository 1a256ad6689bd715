"""What is told of a cron time that is none: each part with its name."""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime

import pytest

from holdfast.kit.cron import Cron


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("@never", "expected one of @annually, @daily, @hourly, @midnight, @monthly, @weekly, @yearly"),
        ("* * *", "3 fields, expected 5 (minute hour day month weekday)"),
        ("* * * * * *", "6 fields, expected 5 (minute hour day month weekday)"),
        ("60 * * * *", "'60' is no minute (0 to 59)"),
        ("* 24 * * *", "'24' is no hour (0 to 23)"),
        ("* * 32 * *", "'32' is no day of month (1 to 31)"),
        ("* * * foo *", "'foo' is no month (1 to 12)"),
        ("* * * * 8", "'8' is no day of week (0 to 7)"),
        ("* * * * mon-x", "'x' is no day of week (0 to 7)"),
        ("*/x * * * *", "step 'x' of the minute is no positive number"),
        ("* 5-1 * * *", "range '5-1' of the hour runs backwards"),
    ],
)
def test_what_is_wrong_is_named(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"cannot read cron {text!r}: {reason}")):
        Cron.parse(text)


def test_a_step_after_one_number_goes_to_the_end() -> None:
    assert Cron.parse("50/5 20/2 * * *").minutes == (50, 55)
    assert Cron.parse("50/5 20/2 * * *").hours == (20, 22)


def test_a_day_fits_either_field_only_where_both_are_restricted() -> None:
    found = [
        Cron.parse(f"0 0 {day} * {week}").is_either_day for day, week in (("1", "1"), ("*", "1"), ("1", "*"), ("*/2", "1"), ("*", "*"))
    ]
    assert found == [True, False, False, False, False]


def test_names_and_sundays() -> None:
    cron = Cron.parse("0 0 * JAN,dec SUN-tue,7")
    assert (sorted(cron.months), sorted(cron.weekdays)) == ([1, 12], [0, 1, 2])


@pytest.mark.parametrize("minute", range(60))
def test_a_time_that_a_clock_leaps_over_is_the_end_of_the_leap(minute: int) -> None:
    """In Berlin on 29 March 2026 two o'clock was three o'clock."""
    leap = datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()
    assert Cron.parse(f"{minute} 2 29 3 *").next_after(leap - 1, "Europe/Berlin") == leap


@pytest.mark.parametrize(
    "zone", ["", ".", "..", "/etc/localtime", "Europe/a.b", "Europe/" + 1000 * "e/" + "e", "a/b/c/d", "Mars/Base", "\ud800", "e\0"]
)
def test_what_is_no_time_zone_is_told(zone: str) -> None:
    """A name of a thousand parts was a thousand packages to look for: the interpreter's stack was too small."""
    with pytest.raises(ValueError, match=re.escape(f"cannot find time zone {zone!r}")):
        Cron.parse("@daily").next_after(0.0, zone)


def test_every_time_zone_that_is_known_is_one() -> None:
    known = zoneinfo.available_timezones()
    assert known
    assert all(Cron.parse("@yearly").next_after(0.0, zone) is not None for zone in known)
