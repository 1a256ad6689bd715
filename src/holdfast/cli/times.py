"""Moments and spans, as people write and read them on a command line."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

from holdfast.errors import UsageError
from holdfast.kit.duration import format_duration, parse_duration

BACK = "write 2026-08-03T14:00, 2026-08-03T14:00:05+02:00, or 10m for ten minutes ago"
AHEAD = "write 30m for half an hour from now, or a moment such as 2026-08-03T14:00"


def read_instant(text: str, now: float, option: str) -> float:
    """Return seconds since 1970 of ISO 8601 (local where it names no zone) or of a duration ago such as `10m`.

    Raises UsageError (HF8009), also for a moment that is yet to come.
    """
    written = text.strip()
    try:
        at = now - parse_duration(written.removesuffix(" ago"))
    except ValueError:
        try:
            at = datetime.fromisoformat(written).timestamp()
        except (ValueError, OverflowError, OSError):
            raise _unread(text, option, "it is neither ISO 8601 nor a duration") from None
    if not math.isfinite(at) or at < 0:
        raise _unread(text, option, "it is before 1970")
    if at > now:
        raise _unread(text, option, "it is yet to come")
    return at


def read_end(text: str, now: float, option: str) -> float:
    """Return seconds since 1970 of ISO 8601 (local where it names no zone) or of a duration from now such as `30m`.

    Raises UsageError (HF8009), also for a moment that is past.
    """
    written = text.strip().removeprefix("in ")
    try:
        at = now + parse_duration(written)
    except ValueError:
        try:
            at = datetime.fromisoformat(written).timestamp()
        except (ValueError, OverflowError, OSError):
            raise _unread(text, option, "it is neither ISO 8601 nor a duration", AHEAD) from None
    if not math.isfinite(at) or at <= now:
        raise _unread(text, option, "it is past", AHEAD)
    return at


def _unread(text: str, option: str, reason: str, hint: str = BACK) -> UsageError:
    return UsageError("HF8009", f"cannot read {option} {text!r}: {reason}", hint=hint)


def show_instant(at: float, is_screen: bool, now: float | None = None) -> str:
    """Return local time for a person, today without its date; ISO 8601 in UTC for everything that is no screen."""
    if not is_screen:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    moment = time.localtime(at)
    today = time.localtime(time.time() if now is None else now)
    return time.strftime("%H:%M:%S" if moment[:3] == today[:3] else "%Y-%m-%d %H:%M:%S", moment)


def show_span(seconds: float) -> str:
    """Return a span in two digits or so: `85ms`, `3.4s`, `2m5s`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 60:
        return f"{seconds:.1f}s"
    return format_duration(float(round(seconds)))
