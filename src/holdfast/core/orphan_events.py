"""The event of a look for orphans, as `events` has it of resources; in its table too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.core.event_of import of_application
from holdfast.kit.clock import Instant
from holdfast.model.event import Event, Severity
from holdfast.model.terms import Orphans

SHOWN = 100
"""Orphans that are named; `count` says how many there are."""


def orphans_observed(*, at: Instant, application: str, namespace: str, warn: bool, orphans: Orphans | None) -> Event:
    """`orphans` None: they are not looked for any more."""
    is_warning = warn and orphans is not None and bool(orphans.found)
    return of_application(
        "orphans.observed",
        at,
        application,
        severity=Severity.WARNING if is_warning else Severity.INFO,
        orphans=None if orphans is None else told(namespace, orphans, warn=warn),
    )


def told(namespace: str, orphans: Orphans, *, warn: bool) -> dict[str, Any]:
    """Return {namespace, warn, count, found [{id, destination}], unknown [{kind, reason}]}."""
    unknown: Mapping[str, str] = orphans.unknown
    return {
        "namespace": namespace,
        "warn": warn,
        "count": len(orphans.found),
        "found": [{"id": str(id), "destination": id.destination} for id in orphans.found[:SHOWN]],
        "unknown": [{"kind": kind, "reason": reason} for kind, reason in sorted(unknown.items())],
    }
