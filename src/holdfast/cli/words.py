"""Sentences that several commands say: numbers of things, what is deleted, revisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

VERBS: Sequence[str] = ("create", "update", "replace", "delete")
_NAMED = ("replace", "delete")
"""Verbs that take something away: what they take is named."""
SHORT_REVISION = 10
SHORTER_REVISION = 7
"""Of each source, where there are several."""


def count(number: int, noun: str) -> str:
    """Return `1 resource`, `3 resources`; the noun's plural takes an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summary(changes: Iterable[Mapping[str, Any]]) -> str:
    """Return `3 to create, 1 to delete: Process/shop/old`. What goes is always named, all of it."""
    by_verb: dict[str, list[str]] = {}
    for change in changes:
        by_verb.setdefault(change["verb"], []).append(change["id"])
    parts = []
    for verb in (*VERBS, *sorted(by_verb.keys() - set(VERBS))):
        if ids := by_verb.get(verb):
            named = f": {', '.join(ids)}" if verb in _NAMED else ""
            parts.append(f"{len(ids)} to {verb}{named}")
    return ("; " if any(":" in part for part in parts[:-1]) else ", ").join(parts) or "nothing to change"


def revision(text: str | None) -> str:
    """Return a revision as a person reads it: commits short, the rest as it is."""
    if not text:
        return ""
    commits = text.split("+")
    are_commits = all(len(commit) in (40, 64) and all(each in "0123456789abcdef" for each in commit) for commit in commits)
    length = SHORT_REVISION if len(commits) == 1 else SHORTER_REVISION
    return "+".join(commit[:length] for commit in commits) if are_commits else text


def outcomes(told: Mapping[str, int] | Sequence[Mapping[str, Any]] | None) -> str:
    """Return `3 applied, 1 failed`, of counts or of outcomes."""
    if not told:
        return ""
    counts: dict[str, int] = {}
    if isinstance(told, Mapping):
        counts = dict(told)
    else:
        for each in told:
            counts[each["status"]] = counts.get(each["status"], 0) + 1
    return ", ".join(f"{number} {status}" for status, number in sorted(counts.items()) if number)
