"""Certificates in words: one in a line of a table, one by itself, and how long something is away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from holdfast.cli.ink import Ink, table
from holdfast.kit.duration import format_duration

HEADING: Sequence[str] = ("CERTIFICATE", "HOSTS", "ISSUER", "EXPIRES", "RENEWED", "STATE")
NOTHING = "there is no certificate; a Site asks for one, or declare a Certificate"
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0


def list_lines(data: Mapping[str, Any], now: float, ink: Ink, width: int | None) -> Iterator[str]:
    """Yield the lines for a `Certificates`."""
    rows = data["certificates"]
    if not rows:
        yield NOTHING
    else:
        yield from table([HEADING, *(_row(each, now) for each in rows)], ink, width)
    for authority in data["authorities"]:
        yield ""
        yield f"issuer {authority['issuer']} is an authority of this host; `holdfast certificate root` says how its root is installed"


def _row(it: Mapping[str, Any], now: float) -> Sequence[str]:
    return (it["id"], ", ".join(it["hosts"]), issuer(it), until(it["not_after"], now), renewal(it, now), state(it, now))


def issuer(it: Mapping[str, Any]) -> str:
    """Return who gave it, by the name that people wrote; of what nobody gave, what it is instead."""
    return str(it["issuer"] or it["source"])


def until(at: float | None, now: float) -> str:
    """Return how far away an instant is."""
    if at is None:
        return ""
    return f"in {rough(at - now)}" if at > now else f"{rough(now - at)} ago"


def rough(seconds: float) -> str:
    """Return a span without what is too small to matter: `54d`, `7h`, `1h12m`, `3s`."""
    for unit in (DAY, HOUR, MINUTE):
        if seconds >= 2 * unit:
            return format_duration(seconds // unit * unit)
    return format_duration(float(max(0, round(seconds))))


def renewal(it: Mapping[str, Any], now: float) -> str:
    """Return when it is renewed, or by whom."""
    if it["source"] == "adopted" and not it["is_taken_over"]:
        return "by certbot"
    if it["renew_at"] is None:
        return "by whoever writes its files" if it["source"] == "files" else "never"
    if it["renew_at"] > now:
        return f"in {rough(it['renew_at'] - now)}"
    return "now" if it["next_at"] is None or it["next_at"] <= now else f"due, asked in {rough(it['next_at'] - now)}"


def state(it: Mapping[str, Any], now: float) -> str:
    """Return what is wrong with it, else `ok`."""
    told = [*it["drift"], *([it["awaited"]] if it["awaited"] else [])]
    if it["not_after"] is not None and it["not_after"] <= now and "expired" not in told:
        told.append("expired")
    if it["message"]:
        told.append(it["message"])
    return "; ".join(told) or "ok"


def renewed_lines(data: Mapping[str, Any], now: float) -> Iterator[str]:
    """Yield what came of a `Renewal`."""
    it, outcome = data["certificate"], data["outcome"]
    if outcome == "rehearsed":
        tried = data["rehearsal"]
        where = "its directory for tests" if tried["is_staging"] else "its own directory, up to the signing"
        yield f"{it['id']}: issuer {tried['issuer']} would give it: every host was proven at {where}, {tried['directory']}"
        yield "nothing was signed, and what is served stays"
    elif outcome == "not_due":
        yield f"{it['id']} is not due: it is renewed {renewal(it, now)}, and expires {until(it['not_after'], now)}"
        yield f"`holdfast certificate renew {it['id']} --force` renews it all the same"
    elif outcome == "kept":
        yield f"{it['id']}: issuer {issuer(it)} has no newer one; it expires {until(it['not_after'], now)}"
    else:
        yield served_line(it, now)


def served_line(it: Mapping[str, Any], now: float) -> str:
    """Return what is served of a certificate."""
    return f"{it['id']} is served: serial {it['serial']} by {issuer(it)}, expires {until(it['not_after'], now)}"
