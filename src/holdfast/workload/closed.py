"""Closed: whether what was seen from several vantages proves that a port is closed to strangers, or open to who needs it.

Pure. Laws: a port that does not answer inside proves nothing by being closed outside; one stranger who gets in refutes; a look that could
not be made, or had no answer where a refusal is what closes, is no proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from holdfast.model.vantage import Seen, Sight, Vantage

Judgement = tuple[bool | None, str]
"""Whether a claim holds (None: nobody knows), and the evidence in short."""
MOST = 16
"""Places that the evidence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen from one vantage. `may_drop`: whether what closes there throws packets away, so that silence is an answer."""

    vantage: Vantage
    seen: Sequence[Seen]
    may_drop: bool = False


def judge_closed(inside: Look, outside: Sequence[Look]) -> Judgement:
    if (silent := _unanswered(inside)) is not None:
        return None, f"{silent}, so that it is closed to others proves nothing"
    if reached := [f"{look.vantage.name} at {seen.target}" for look in outside for seen in look.seen if seen.sight is Sight.OPEN]:
        return False, f"open to {_listed(reached)}"
    unknown = [
        f"{look.vantage.name} at {seen.target} ({_words(seen)})" for look in outside for seen in look.seen if not _is_closed(look, seen)
    ]
    if unknown:
        return None, f"could not look from {_listed(unknown)}"
    closed = [f"{look.vantage.name} at {seen.target}: {seen.sight}" for look in outside for seen in look.seen]
    if not closed:
        return None, "there is nowhere to look from"
    return True, _listed(closed)


def judge_open(look: Look) -> Judgement:
    """Judge whether every port, or the socket, is open at one of its addresses."""
    made = [seen for seen in look.seen if seen.sight is not Sight.UNMADE]
    if not made:
        return None, f"could not look from {look.vantage.name}: {look.seen[0].detail if look.seen else 'no target'}"
    if (silent := _unanswered(look)) is not None:
        return False, silent
    return True, f"{look.vantage.name} at " + _listed(str(seen.target) for seen in look.seen if seen.sight is Sight.OPEN)


def _unanswered(look: Look) -> str | None:
    """Return what does not answer: a port that is open at none of its addresses, a path that is not."""
    places: dict[tuple[int, str | None], list[Seen]] = {}
    for seen in look.seen:
        places.setdefault((seen.target.port, seen.target.path), []).append(seen)
    for all_seen in places.values():
        if not any(seen.sight is Sight.OPEN for seen in all_seen):
            return f"{look.vantage.name} at {all_seen[0].target}: {_words(all_seen[0])}"
    return None if places else "no target"


def _is_closed(look: Look, seen: Seen) -> bool:
    if seen.sight is Sight.SILENT:
        return look.may_drop
    return seen.sight in (Sight.REFUSED, Sight.FORBIDDEN, Sight.UNREACHABLE)


def _words(seen: Seen) -> str:
    return f"{seen.sight}, {seen.detail}" if seen.sight is Sight.UNMADE and seen.detail else str(seen.sight)


def _listed(words: Iterable[str]) -> str:
    all_words = list(words)
    more = len(all_words) - MOST
    return "; ".join(all_words[:MOST]) + (f"; and {more} more" if more > 0 else "")
