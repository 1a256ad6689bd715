"""Cron times by crontab(5): five fields, names, ranges, steps, lists, and the rule that a day fits where either day field does.

Local time jumps: a time that daylight saving skips fires at the first instant after the gap; one that comes twice fires the first time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = MappingProxyType({name: at for at, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)})
_DAYS = MappingProxyType({name: at for at, name in enumerate("sun mon tue wed thu fri sat".split())})
_NO_NAMES: Mapping[str, int] = MappingProxyType({})
_FIELDS: tuple[tuple[str, int, int, Mapping[str, int]], ...] = (
    ("minute", 0, 59, _NO_NAMES),
    ("hour", 0, 23, _NO_NAMES),
    ("day of month", 1, 31, _NO_NAMES),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_NAMED = MappingProxyType(
    {
        "@hourly": "0 * * * *",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
    }
)
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")
"""Longer and wider than any name of the tz database is (its theory.html, "Timezone identifiers"), and never a path."""
_HORIZON_DAYS = 366 * 8 + 2
"""29 February may be eight years away (1896 to 1904, 2096 to 2104)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    is_either_day: bool
    """Whether both day fields are restricted, so that a day fits where either does."""

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Return what `text` says; ValueError names the field that is wrong."""
        line = text.strip().lower()
        if line.startswith("@") and line not in _NAMED:
            raise ValueError(f"cannot read cron {text!r}: expected one of {', '.join(sorted(_NAMED))}")
        parts = _NAMED.get(line, line).split()
        if len(parts) != len(_FIELDS):
            raise ValueError(f"cannot read cron {text!r}: {len(parts)} fields, expected 5 (minute hour day month weekday)")
        sets = [_field(part, *field, text) for part, field in zip(parts, _FIELDS, strict=True)]
        return cls(
            minutes=tuple(sorted(sets[0])),
            hours=tuple(sorted(sets[1])),
            days=frozenset(sets[2]),
            months=frozenset(sets[3]),
            weekdays=frozenset(day % 7 for day in sets[4]),
            is_either_day=not parts[2].startswith("*") and not parts[4].startswith("*"),
        )

    def next_after(self, instant: float, zone: str = "UTC") -> float | None:
        """Return the first time after `instant`, in epoch seconds, or None where there is none in eight years; ValueError for no zone."""
        place = _place(zone)
        day = datetime.fromtimestamp(instant, place).date()
        for offset in range(_HORIZON_DAYS):
            for at in self._times(day + timedelta(days=offset), place):
                if at > instant:
                    return at
        return None

    def previous_at_or_before(self, instant: float, zone: str = "UTC") -> float | None:
        """Return the last time at or before `instant`, in epoch seconds, or None where there was none in eight years."""
        place = _place(zone)
        day = datetime.fromtimestamp(instant, place).date()
        for offset in range(_HORIZON_DAYS):
            times = [at for at in self._times(day - timedelta(days=offset), place) if at <= instant]
            if times:
                return times[-1]
        return None

    def _fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        month_day, week_day = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return month_day or week_day if self.is_either_day else month_day and week_day

    def _times(self, day: date, place: ZoneInfo) -> list[float]:
        return sorted(set(self._instants(day, place))) if self._fits(day) else []

    def _instants(self, day: date, place: ZoneInfo) -> Iterator[float]:
        for hour in self.hours:
            for minute in self.minutes:
                yield _instant(datetime(day.year, day.month, day.day, hour, minute, tzinfo=place))


def _place(zone: str) -> ZoneInfo:
    unknown = ValueError(f"cannot find time zone {zone!r}: expected a name such as Europe/Berlin")
    if not _ZONE.fullmatch(zone):  # ZoneInfo looks for a module of what it does not know, in a package for each part before the last
        raise unknown
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise unknown from error


def _instant(local: datetime) -> float:
    """Return the first instant that reads `local`, or the end of the gap where none does."""
    at = local.timestamp()
    back = datetime.fromtimestamp(at, local.tzinfo)
    if back.replace(tzinfo=None) == local.replace(tzinfo=None):
        return at
    # In a gap fold=0 uses the offset before it, fold=1 the one after (PEP 495): the gap ends where the offset changes.
    low, high = sorted((at, local.replace(fold=1).timestamp()))
    before = datetime.fromtimestamp(low, local.tzinfo).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, local.tzinfo).utcoffset() == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC).timestamp()


def _field(part: str, name: str, low: int, high: int, names: Mapping[str, int], text: str) -> set[int]:
    found: set[int] = set()
    for item in part.split(","):
        span, slash, step_text = item.partition("/")
        step = int(step_text) if step_text.isdigit() and step_text.isascii() else 0
        if slash and not step:
            raise ValueError(f"cannot read cron {text!r}: step {step_text!r} of the {name} is no positive number")
        if span == "*":
            first, last = low, high
        else:
            start, dash, end = span.partition("-")
            first = _number(start, name, low, high, names, text)
            last = _number(end, name, low, high, names, text) if dash else high if slash else first
        if first > last:
            raise ValueError(f"cannot read cron {text!r}: range {span!r} of the {name} runs backwards")
        found.update(range(first, last + 1, step or 1))
    return found


def _number(word: str, name: str, low: int, high: int, names: Mapping[str, int], text: str) -> int:
    value = names.get(word, int(word) if word.isdigit() and word.isascii() else -1)
    if not low <= value <= high:
        raise ValueError(f"cannot read cron {text!r}: {word!r} is no {name} ({low} to {high})")
    return value
