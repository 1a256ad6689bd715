"""Proof, the third axis: sync says Git equals runtime, health says it runs, proof says the outside sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.ids import ResourceId


class Verdict(StrEnum):
    PROVEN = "proven"
    REFUTED = "refuted"
    UNKNOWN = "unknown"
    """The look could not be made, or came to nothing that proves or refutes."""
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence about the outside that can be looked at: `answers on port 3000`."""

    text: str
    method: str
    """How it is looked at: `tcp`, `http`, `unix`; `closed` to strangers, `open` to who needs it; or as whoever made it says."""
    target: Mapping[str, Json] = field(default_factory=dict)
    """For tcp and http: host, port (and path); for unix: path; for closed and open: ports or path, and who comes (workload.private)."""
    valid_for_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The result of one active look. It expires: after `proven_at + valid_for_s` its verdict reads stale."""

    claim: str
    subject: ResourceId
    method: str
    verdict: Verdict
    evidence: str
    """A short excerpt of what was seen."""
    proven_at: Instant
    valid_for_s: float

    def at(self, now: Instant) -> Verdict:
        return self.verdict if now < self.proven_at + self.valid_for_s else Verdict.STALE
