"""The kit by example: what each reader makes of what people write."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from holdfast.kit.cron import Cron
from holdfast.kit.duration import parse_duration
from holdfast.kit.quantity import parse_cpu, parse_pm2_size, parse_size
from holdfast.kit.semver import Range, Version
from holdfast.kit.suggest import did_you_mean


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1h30m", 5400), ("500ms", 0.5), ("1d", 86400), ("1.5s", 1.5), ("250us", 0.00025)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "s", "1h30", "-1s", "1 h", "1x"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="cannot read duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"), [("512Mi", 512 << 20), ("1G", 10**9), ("64k", 64000), ("1e3", 1000), ("1.5Ki", 1536), ("100m", 1), (7, 7)]
)
def test_sizes(text: str | int, size: int) -> None:
    assert parse_size(text) == size


def test_pm2_counts_in_1024s() -> None:
    assert [parse_pm2_size(text) for text in ("300M", "1G", "100K", "5", 5)] == [300 << 20, 1 << 30, 100 << 10, 5, 5]
    with pytest.raises(ValueError, match="cannot read size"):
        parse_pm2_size("1T")


def test_cpus() -> None:
    assert (parse_cpu("250m"), parse_cpu("1.5"), parse_cpu(2)) == (0.25, 1.5, 2.0)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("cron", "after", "expected", "zone"),
    [
        ("*/15 * * * *", "2026-01-01T00:00", "2026-01-01T00:15", "UTC"),
        ("0 3 * * *", "2026-01-01T03:00", "2026-01-02T03:00", "UTC"),
        ("0 0 29 feb *", "2026-01-01T00:00", "2028-02-29T00:00", "UTC"),
        ("0 0 13 * fri", "2026-01-01T00:00", "2026-01-02T00:00", "UTC"),
        ("30 8-17/3 * * mon-fri", "2026-01-02T17:30", "2026-01-05T08:30", "UTC"),
        ("0 12 * * 7", "2026-01-01T00:00", "2026-01-04T12:00", "UTC"),
        ("@monthly", "2026-01-01T00:00", "2026-02-01T00:00", "UTC"),
        # Berlin skips 02:00 to 03:00 on 29 March 2026 (01:00 UTC), and has 02:30 twice on 25 October.
        ("30 2 * * *", "2026-03-28T12:00", "2026-03-29T01:00", "Europe/Berlin"),
        ("30 2 * * *", "2026-10-24T12:00", "2026-10-25T00:30", "Europe/Berlin"),
        ("30 2 * * *", "2026-10-25T00:30", "2026-10-26T01:30", "Europe/Berlin"),
    ],
)
def test_next_times(cron: str, after: str, expected: str, zone: str) -> None:
    assert Cron.parse(cron).next_after(at(after), zone) == at(expected)


def test_previous_time() -> None:
    assert Cron.parse("0 3 * * *").previous_at_or_before(at("2026-01-02T02:59")) == at("2026-01-01T03:00")
    assert Cron.parse("0 3 * * *").previous_at_or_before(at("2026-01-02T03:00")) == at("2026-01-02T03:00")
    assert Cron.parse("0 0 30 2 *").next_after(0) is None


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "* * 0 * *", "*/0 * * * *", "5-1 * * * *", "@never", "* * * foo *", "*/² * * * *"]
)
def test_what_is_no_cron(text: str) -> None:
    with pytest.raises(ValueError, match="cannot read cron"):
        Cron.parse(text)


@pytest.mark.parametrize("zone", ["", "Nowhere/Town", "Europe", "../etc/passwd"])
def test_what_is_no_time_zone(zone: str) -> None:
    with pytest.raises(ValueError, match="cannot find time zone"):
        Cron.parse("@daily").next_after(0, zone)


def test_versions_are_ordered_as_semver_says() -> None:
    texts = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "2.0.0",
    ]
    assert sorted(set(texts), key=Version.parse) == texts
    assert Version.parse("1.0.0+a") == Version.parse("v1.0.0+b")


@pytest.mark.parametrize(
    ("text", "fits", "not_"),
    [
        ("^1.2", ["1.2.0", "1.9.9"], ["2.0.0", "1.1.9", "2.0.0-rc.1"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0"]),
        ("~1.2", ["1.2.7"], ["1.3.0"]),
        ("1.x", ["1.0.0", "1.99.0"], ["2.0.0", "1.5.0-rc.1"]),
        (">1.2", ["1.3.0"], ["1.2.9", "1.3.0-rc.1"]),
        (">1.2.3", ["1.2.4", "1.3.0"], ["1.2.3", "1.2.4-rc.1"]),
        (">1.2.3-rc.1", ["1.2.3-rc.2", "1.2.3"], ["1.2.3-rc.1", "1.2.4-rc.1"]),
        ("<=1.2.3", ["1.2.3"], ["1.2.4", "1.2.3-rc.1"]),
        ("<=1.2", ["1.2.9"], ["1.3.0", "1.3.0-rc.1"]),
        (">=1 <2", ["1.0.0"], ["2.0.0", "0.9.9"]),
        ("*", ["0.0.1"], ["1.0.0-rc.1"]),
        ("1.2 || 2.x", ["1.2.3", "2.5.0"], ["1.3.0"]),
        ("1.2 - 1.4", ["1.4.9"], ["1.5.0"]),
        ("1.2.3", ["1.2.3"], ["1.2.4"]),
        ("^1.2.3-beta.2", ["1.2.3-beta.4", "1.3.0"], ["1.3.0-beta.1"]),
    ],
)
def test_ranges(text: str, fits: list[str], not_: list[str]) -> None:
    allowed = Range.parse(text)
    assert [v for v in fits + not_ if allowed.fits(Version.parse(v))] == fits


def test_best_tag() -> None:
    assert Range.parse("^1.2").best(["v1.2.0", "latest", "v1.10.0", "v2.0.0"]) == "v1.10.0"
    assert Range.parse("^3").best(["v1.2.0"]) is None


def test_did_you_mean() -> None:
    assert did_you_mean("replica", ["replicas", "restart"]) == "replicas"
    assert did_you_mean("WORKINGDIR", ["workingDir"]) == "workingDir"
    assert did_you_mean("xyz", ["replicas"]) is None
