"""What is served, told in the words of what was declared: equal where it is sound, and else with what is wrong with it.

A certificate that its issuer has not renewed or widened yet is no drift: that is work under way, shown as health. Drift is what somebody
else did: deleted (then nothing is there), replaced, key mismatch, unreadable, wrong names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from holdfast.edge.certificate import covers
from holdfast.edge.certificate_life import Held, Leaf, Source
from holdfast.edge.certificate_spec import CertificateSpec
from holdfast.edge.typed import read
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant

GRACE_S = 300.0
"""How long issuers may fail before what they owe is called a fault: a new name is often not known everywhere at once."""


class Drift(StrEnum):
    UNREADABLE = "unreadable"
    KEY_MISMATCH = "key mismatch"
    REPLACED = "replaced"
    WRONG_NAMES = "wrong names"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What lies where nginx reads it. `leaf` None: no certificate can be read from it."""

    leaf: Leaf | None
    key_matches: bool


def drift(served: Served, held: Held | None, fields: Mapping[str, Json]) -> tuple[Drift, ...]:
    """Return what is wrong with what is served; `fields` is what was asked for."""
    if served.leaf is None:
        return (Drift.UNREADABLE,)
    is_ours = held is not None and held.leaf is not None and held.leaf.digest == served.leaf.digest
    found = [] if served.key_matches else [Drift.KEY_MISMATCH]
    if held is not None and not is_ours:
        found.append(Drift.REPLACED)
    if not is_ours and not served.leaf.is_for(read(CertificateSpec, fields).hosts):
        found.append(Drift.WRONG_NAMES)
    return tuple(found)


def seen(served: Served, held: Held | None, fields: Mapping[str, Json]) -> dict[str, Json]:
    """Return the fields of the state that is live; those of `fields` exactly where nothing is wrong.

    `fields` are those that were applied, or the declared ones where nothing is remembered. Their secrets stand as they were applied.
    """
    told = dict(fields)
    wrong = drift(served, held, fields)
    if served.leaf is None:
        told["certificate"] = Drift.UNREADABLE.value
    elif Drift.REPLACED in wrong:
        told["certificate"] = f"serial {served.leaf.serial} by {served.leaf.issuer}"
    if Drift.KEY_MISMATCH in wrong:
        told["keyMatches"] = False
    if served.leaf is not None and Drift.WRONG_NAMES in wrong:
        told["hosts"] = list[Json](served.leaf.names)
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What the controller says of the renewal: the last word of the issuers that failed, and since when they do."""

    message: str = ""
    failing_since: Instant | None = None


def awaited(served: Served, held: Held | None, now: Instant) -> str | None:
    """Return what an issuer still has to give; None where what is served is what was asked for."""
    if held is None or served.leaf is None:
        return None
    if lacking := [host for host in held.spec.hosts if not covers(served.leaf.names, host)]:
        return f"not for {', '.join(lacking)} yet"
    if held.source is Source.BOOTSTRAP:
        return "self-signed until an issuer answers"
    return "expired" if now >= served.leaf.not_after else None


def handle(served: Served, held: Held | None, fields: Mapping[str, Json], note: Note, now: Instant) -> dict[str, Json]:
    """Return what people are shown: serial, names, dates, who signed it, what is wrong, and what is waited for.

    `overdue` says so where what is waited for has failed for GRACE_S; what judges health takes that for a fault.
    """
    leaf, waits = served.leaf, awaited(served, held, now)
    is_overdue = waits is not None and note.failing_since is not None and now - note.failing_since >= GRACE_S
    told: dict[str, Json] = {
        "key_matches": served.key_matches,
        "drift": list[Json](each.value for each in drift(served, held, fields)),
        "source": held.source.value if held is not None else None,
        "issuer_name": held.issuer or None if held is not None else None,
        "awaited": waits,
        "overdue": f"{waits}: {note.message}" if is_overdue else None,
        "message": note.message,
    }
    if leaf is not None:
        told |= {
            "serial": leaf.serial,
            "names": list[Json](leaf.names),
            "not_before": leaf.not_before,
            "not_after": leaf.not_after,
            "issuer": leaf.issuer,
            "chain": leaf.digest,
            "key": leaf.key,
        }
    return told
