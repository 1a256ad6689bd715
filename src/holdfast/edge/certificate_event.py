"""What happens in the life of a certificate, as events; `core.events` lists their shapes."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.edge.certificate_life import LAST_SHARE, Failed, Held, Leaf, Obtained
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.event import Event, Severity
from holdfast.model.ids import ResourceId


def issued(id: ResourceId, held: Held, got: Obtained, *, at: Instant, by: str | None = None) -> Event:
    """Another certificate is served; `by`: who asked for it, None where it was due."""
    return _event("certificate.issued", id, held, at, {"issuer": got.issuer, "source": held.source.value, "by": by, **_said(got.leaf)})


def failed(id: ResourceId, held: Held, issuer: str, failure: Failed, *, at: Instant, next_at: Instant) -> Event:
    """An issuer gave none; what was served before is served on. An error where less than a third of its life is left."""
    is_late = held.leaf is None or held.leaf.left_share(at) < LAST_SHARE
    data: dict[str, Json] = {
        "issuer": issuer,
        "fault": failure.fault.value,
        "code": failure.code,
        "message": failure.message,
        "hint": failure.hint,
        "next_at": next_at,
    }
    severity = Severity.ERROR if is_late else Severity.WARNING
    return _event("certificate.failed", id, held, at, data, severity=severity, key=f"certificate:{id}:{issuer}")


def expiring(id: ResourceId, held: Held, host: str, leaf: Leaf, *, at: Instant) -> Event:
    """Visitors of `host` get a certificate with less than a third of its life left: the alert of a renewal that does not arrive."""
    data: dict[str, Json] = {"host": host, "left_s": leaf.not_after - at, **_said(leaf)}
    return _event("certificate.expiring", id, held, at, data, severity=Severity.ERROR, key=f"expiring:{id}:{host}")


def fresh(id: ResourceId, held: Held, host: str, leaf: Leaf, *, at: Instant) -> Event:
    """Visitors of `host`, who got an old certificate, get a fresh one."""
    return _event("certificate.fresh", id, held, at, {"host": host, **_said(leaf)}, key=f"expiring:{id}:{host}")


def revoked(id: ResourceId, held: Held, leaf: Leaf, issuer: str, reason: str, *, at: Instant, by: str | None = None) -> Event:
    return _event("certificate.revoked", id, held, at, {"issuer": issuer, "reason": reason, "by": by, **_said(leaf)})


def taken_over(id: ResourceId, held: Held, *, at: Instant, by: str | None = None) -> Event:
    """What somebody else renewed is ours to renew from now on."""
    return _event("certificate.taken_over", id, held, at, {"issuer": held.issuer, "by": by})


def _said(leaf: Leaf) -> dict[str, Json]:
    return {
        "serial": leaf.serial,
        "names": list[Json](leaf.names),
        "not_before": leaf.not_before,
        "not_after": leaf.not_after,
    }


def _event(
    type: str,
    id: ResourceId,
    held: Held,
    at: Instant,
    data: Mapping[str, Json],
    *,
    severity: Severity = Severity.INFO,
    key: str | None = None,
) -> Event:
    whose: dict[str, Json] = {"application": held.application, "id": str(id), "destination": id.destination}
    return Event(type=type, subject=str(id), at=at, severity=severity, key=key, data={**whose, **data})
