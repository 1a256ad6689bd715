"""Laws of delivery: sync windows against a walk over the minutes, and places and suggestions for whatever is misspelt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.declare.hint import bare, element, is_spec, spec_fields, union
from holdfast.delivery.application import Context
from holdfast.delivery.application_spec import ApplicationSpec
from holdfast.delivery.project_spec import AppProjectSpec, SyncWindowSpec
from holdfast.delivery.reader import read_applications
from holdfast.delivery.sync_window import SyncWindow, verdict
from holdfast.errors import DeclarationError

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
MINUTE = 60.0


@st.composite
def schedules(draw: st.DrawFn) -> str:
    minute = draw(st.sampled_from(["0", "30", "15,45", "*/20", "59"]))
    hour = draw(st.sampled_from(["*", "0", "2", "3", "22", "8-17", "*/6"]))
    day = draw(st.sampled_from(["*", "*", "1", "15"]))
    weekday = draw(st.sampled_from(["*", "*", "1-5", "0"]))
    return f"{minute} {hour} {day} * {weekday}"


SPECS = st.builds(
    SyncWindowSpec,
    kind=st.sampled_from(["allow", "deny"]),
    schedule=schedules(),
    duration=st.sampled_from([5.0, 30.0, 60.0, 90.0, 600.0]).map(lambda minutes: minutes * MINUTE),
    manual_sync=st.booleans(),
    time_zone=st.sampled_from(ZONES),
)
# Around the changes of the clocks in Europe and America, and anywhere in two years; whole minutes.
CHANGES = ("2026-03-08T07:00", "2026-03-29T01:00", "2026-10-25T01:00", "2026-11-01T06:00")
YEARS = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2027, 12, 31, tzinfo=UTC).timestamp())
MOMENTS = st.one_of(
    st.sampled_from([int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) for text in CHANGES]), st.integers(*YEARS)
).flatmap(lambda moment: st.integers(-600, 600).map(lambda minutes: float(moment // 60 * 60 + minutes * 60)))


def starts(spec: SyncWindowSpec, first: float, last: float) -> Iterator[float]:
    """Yield when a window opens, by looking at the clock on the wall at each minute; a minute that comes twice counts once."""
    zone = ZoneInfo(spec.time_zone)
    minutes, hours, days, _, weekdays = spec.schedule.split()
    either = days != "*" and weekdays != "*"
    before = datetime.fromtimestamp(first - MINUTE, zone)
    at = first
    while at <= last:
        wall = datetime.fromtimestamp(at, zone)
        # What the clock skipped since the minute before opens now.
        skipped = int((wall.replace(tzinfo=None) - before.replace(tzinfo=None)) / timedelta(minutes=1)) - 1
        passed = [wall.replace(tzinfo=None) - timedelta(minutes=back) for back in range(wall.fold, skipped + 1)]
        for each in passed:
            day, weekday = fits(days, each.day, 1), fits(weekdays, each.isoweekday() % 7, 0)
            if fits(minutes, each.minute, 0) and fits(hours, each.hour, 0) and (day or weekday if either else day and weekday):
                yield at
                break
        before = wall
        at += MINUTE


@cache
def fits(field: str, value: int, low: int) -> bool:
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        bounds = (low, 99) if span == "*" else (int(first), int(last or first))
        if bounds[0] <= value <= bounds[1] and (value - bounds[0]) % int(step or 1) == 0:
            return True
    return False


def allowed(specs: list[SyncWindowSpec], opened: list[set[float]], at: float, manual: bool) -> bool:
    """Argo CD's rules, written down once more and plainly."""
    is_open = [
        any(at - back * MINUTE in times for back in range(int(spec.duration / MINUTE))) for spec, times in zip(specs, opened, strict=True)
    ]
    denying = [spec for spec, now in zip(specs, is_open, strict=True) if now and spec.kind == "deny"]
    if denying:
        return manual and all(spec.manual_sync for spec in denying)
    allowing = [(spec, now) for spec, now in zip(specs, is_open, strict=True) if spec.kind == "allow"]
    if not allowing or any(now for _, now in allowing):
        return True
    return manual and all(spec.manual_sync for spec, _ in allowing)


@given(st.lists(SPECS, max_size=3), MOMENTS, st.booleans())
def test_a_walk_over_the_minutes_agrees_with_the_verdict_and_its_until(specs: list[SyncWindowSpec], now: float, manual: bool) -> None:
    found = verdict([SyncWindow.of(spec) for spec in specs], now, manual)
    horizon = now + 24 * 3600
    until = horizon if found.until is None else min(found.until, horizon)
    longest = max((spec.duration for spec in specs), default=0.0)
    opened = [set(starts(spec, now - longest - MINUTE, until)) for spec in specs]
    assert allowed(specs, opened, now, manual) is found.allowed
    assert (found.reason == "") is found.allowed
    at = now + MINUTE
    while at < until:
        assert allowed(specs, opened, at, manual) is found.allowed
        at += MINUTE
    if found.until is not None:
        assert found.until > now
        # Further away than the walk, or the answer changes there, or openings went on for so long that it looks again.
        is_changed = found.until > horizon or allowed(specs, opened, found.until, manual) is not found.allowed
        assert is_changed or found.until - now > 5 * 3600


def spec_keys(spec_type: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each field of a spec: the mappings on the way to it, and its key. Lists are passed over."""
    for item in spec_fields(spec_type).values():
        yield at, item.key
        for inner in (bare(item.hint), *map(bare, union(bare(item.hint)))):
            if is_spec(inner) and element(inner) is None:
                yield from spec_keys(inner, (*at, item.key))


FIELDS = [("Application", *each) for each in spec_keys(ApplicationSpec)] + [("AppProject", *each) for each in spec_keys(AppProjectSpec)]


@pytest.mark.parametrize(("kind", "at", "key"), FIELDS, ids=lambda value: ".".join(value) if isinstance(value, tuple) else value)
def test_every_misspelt_field_is_told_at_its_key_with_the_right_one(kind: str, at: tuple[str, ...], key: str) -> None:
    wrong = key + key[-1]
    lines = ["apiVersion: argoproj.io/v1alpha1", f"kind: {kind}", "metadata: {name: shop}", "spec:"]
    lines += [f"{'  ' * depth}{step}:" for depth, step in enumerate(at, 1)]
    lines.append(f"{'  ' * (len(at) + 1)}{wrong}: x")
    with pytest.raises(DeclarationError) as caught:
        read_applications([("a.yaml", "\n".join(lines).encode())], Context())
    (error,) = [each for each in caught.value.errors or (caught.value,) if each.code == "HF1020"]
    assert (error.where[0].line, error.where[0].column) == (len(lines), 2 * (len(at) + 1) + 1)
    assert error.hint == f"did you mean {key}?"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["server", "path", "kind", "limit", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["source", "sources", "destination", "syncPolicy", "project", "info", "sourceRepos", "syncWindows", "destinations", "x"]
)


@given(st.sampled_from(["Application", "AppProject"]), st.dictionaries(KEYS, VALUES, max_size=4), VALUES)
def test_whatever_stands_in_a_file_is_read_or_refused_with_a_place(kind: str, spec: dict[str, object], metadata: object) -> None:
    value = {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": metadata or {"name": "shop"}, "spec": spec}
    try:
        read_applications([("a.json", json.dumps(value, indent=1).encode())], Context(folders={"a.json": "/srv"}))
    except DeclarationError as error:
        for each in error.errors or (error,):
            assert each.where[0].path == "a.json"
            assert each.where[0].line
            assert each.message.startswith("cannot ")
