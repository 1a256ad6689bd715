"""What people are shown of a certificate and of its renewal, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from holdfast.edge.certificate_life import NEVER, Course, Held, Queue, Source, Wait, act, due
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.ids import ResourceId


def shown(
    id: ResourceId, held: Held, course: Course, candidates: Sequence[str], queues: Mapping[str, Queue], now: Instant
) -> dict[str, Json]:
    """Return what is kept of a certificate, who may renew it, and when that is done.

    `renew_at`: from when on a new one is wanted, null where that is not ours to know; `next_at`: when somebody is asked for one, which is
    later where issuers want to be left alone. Instants are seconds since 1970.
    """
    leaf, window = held.leaf, course.window
    is_ours = held.source is not Source.ADOPTED or course.is_taken_over
    due_at = due(held, course, candidates, now) if is_ours else NEVER
    move = act(held, course, candidates, queues, now)
    next_at = due_at if now < due_at else move.until if isinstance(move, Wait) else now
    return {
        "id": str(id),
        "destination": id.destination,
        "application": held.application,
        "hosts": list[Json](held.spec.hosts),
        "source": held.source.value,
        "issuer": held.issuer or None,
        "issuers": list[Json](candidates),
        "serial": None if leaf is None else leaf.serial,
        "names": [] if leaf is None else list[Json](leaf.names),
        "not_before": None if leaf is None else leaf.not_before,
        "not_after": None if leaf is None else leaf.not_after,
        "signed_by": None if leaf is None else leaf.issuer,
        "key": None if leaf is None else leaf.key,
        "chain": None if leaf is None else leaf.digest,
        "renew_at": None if due_at == NEVER else max(due_at, now),
        "next_at": None if next_at == NEVER else next_at,
        "window": None if window is None else {"start": window.start, "end": window.end},
        "message": course.message,
        "failing_since": course.failing_since,
        "is_taken_over": course.is_taken_over,
    }
