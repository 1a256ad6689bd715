"""Sync windows: Argo CD's table of what allows and denies, and when the answer changes."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from holdfast.core.policy import WindowVerdict
from holdfast.delivery.project_spec import SyncWindowSpec
from holdfast.delivery.sync_window import SyncWindow, concerns, verdict


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def window(kind: str, schedule: str = "0 22 * * *", hours: float = 2.0, *, manual: bool = False, zone: str = "UTC") -> SyncWindow:
    spec = SyncWindowSpec(
        kind="deny" if kind == "deny" else "allow", schedule=schedule, duration=hours * 3600, manual_sync=manual, time_zone=zone
    )
    return SyncWindow.of(spec)


NIGHT = at("2026-03-10 23:00")
DAY = at("2026-03-10 12:00")


def answers(*windows: SyncWindow) -> str:
    """Return whether it is allowed: by night and by day, automated and by hand."""
    asked = ((NIGHT, False), (NIGHT, True), (DAY, False), (DAY, True))
    return " ".join("yes" if verdict(windows, now, manual).allowed else "no" for now, manual in asked)


@pytest.mark.parametrize(
    ("windows", "answer"),
    [
        ((), "yes yes yes yes"),
        ((window("allow"),), "yes yes no no"),
        ((window("deny"),), "no no yes yes"),
        ((window("allow", manual=True),), "yes yes no yes"),
        ((window("deny", manual=True),), "no yes yes yes"),
        # Deny wins, also over an allow window that is open.
        ((window("allow"), window("deny")), "no no no no"),
        ((window("allow"), window("deny", manual=True)), "no yes no no"),
        # Manual syncs need every window that holds back to let them through.
        ((window("deny", manual=True), window("deny")), "no no yes yes"),
        ((window("allow", manual=True), window("allow", "0 21 * * *", 3.0)), "yes yes no no"),
        # One allow window that is open is enough.
        ((window("allow"), window("allow", "0 11 * * *")), "yes yes yes yes"),
        ((window("deny", "0 11 * * *"), window("allow", "0 0 1 1 *", manual=True)), "no yes no no"),
    ],
)
def test_the_table(windows: tuple[SyncWindow, ...], answer: str) -> None:
    assert answers(*windows) == answer


def test_a_window_is_open_from_its_start_until_before_its_end() -> None:
    one = window("deny")
    assert [one.is_open(at(text)) for text in ("2026-03-10 21:59:59", "2026-03-10 22:00", "2026-03-10 23:59:59", "2026-03-11 00:00")] == [
        False,
        True,
        True,
        False,
    ]


def test_the_verdict_says_why_and_until_when() -> None:
    assert verdict([window("deny")], NIGHT, False) == WindowVerdict(
        allowed=False, reason="sync window '0 22 * * *' for 2h (UTC) denies it", until=at("2026-03-11 00:00")
    )
    assert verdict([window("deny")], DAY, False) == WindowVerdict(allowed=True, until=at("2026-03-10 22:00"))
    assert verdict([window("allow"), window("allow", "0 6 * * *", 1.0)], DAY, False) == WindowVerdict(
        allowed=False,
        reason="outside of sync window '0 22 * * *' for 2h (UTC) and '0 6 * * *' for 1h (UTC)",
        until=at("2026-03-10 22:00"),
    )
    assert verdict([], DAY, False) == WindowVerdict()


def test_until_looks_past_edges_that_change_nothing() -> None:
    """Two windows that run into each other, and one that is denied throughout."""
    both = [window("deny", "0 22 * * *", 2.0), window("deny", "0 0 * * *", 3.0)]
    assert verdict(both, NIGHT, False).until == at("2026-03-11 03:00")
    hourly = [window("deny", "0 * * * *", 1.5), window("allow")]
    assert verdict(hourly, NIGHT, False).allowed is False


def test_openings_that_overlap_are_one_opening() -> None:
    assert window("deny", "0,30 22 * * *", 1.0).edge_after(at("2026-03-10 22:10")) == at("2026-03-10 23:30")
    # Open without an end: some later moment, at which it is looked at again.
    until = verdict([window("deny", "* * * * *", 1.0)], DAY, False).until
    assert until is not None
    assert until > DAY + 3600


def test_a_schedule_that_never_comes_leaves_the_answer_for_good() -> None:
    never = window("allow", "0 0 30 2 *")
    assert (verdict([never], DAY, False).allowed, verdict([never], DAY, False).until) == (False, None)


def test_windows_keep_their_local_hours_when_the_clocks_change() -> None:
    berlin = window("allow", "0 22 * * *", 2.0, zone="Europe/Berlin")
    for day in ("2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25"):
        assert berlin.is_open(at(f"{day} 22:30", "Europe/Berlin"))
        assert not berlin.is_open(at(f"{day} 21:30", "Europe/Berlin"))
    assert berlin.is_open(datetime(2026, 1, 1, 21, 30, tzinfo=UTC).timestamp())
    assert not berlin.is_open(datetime(2026, 7, 1, 22, 30, tzinfo=UTC).timestamp())


def spec(
    *, apps: tuple[str, ...] = (), spaces: tuple[str, ...] = (), clusters: tuple[str, ...] = (), every: bool = False
) -> SyncWindowSpec:
    return SyncWindowSpec(
        kind="deny", schedule="0 0 * * *", duration=60.0, applications=apps, namespaces=spaces, clusters=clusters, and_operator=every
    )


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (spec(), False),
        (spec(every=True), False),
        (spec(apps=("*",)), True),
        (spec(apps=("blog", "sh?p")), True),
        (spec(apps=("blog",)), False),
        (spec(apps=("blog",), spaces=("prod*",)), True),
        (spec(apps=("blog",), spaces=("prod*",), every=True), False),
        (spec(apps=("shop",), spaces=("prod*",), every=True), True),
        (spec(clusters=("host://*",)), True),
        (spec(clusters=("*",)), True),
        (spec(clusters=("https://*",)), False),
        (spec(apps=("shop",), clusters=("https://*",), every=True), False),
    ],
)
def test_whom_a_window_concerns(asked: SyncWindowSpec, answer: bool) -> None:
    assert concerns(asked, "shop", "production", ["host://local"]) is answer
