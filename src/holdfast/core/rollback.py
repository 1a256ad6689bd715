"""Rollback: whether a failed operation goes back to the last healthy revision, and how long the pin that it sets holds.

The pin stores the digest of the render that failed: an unrelated commit, which renders the same, does not deploy the bad content again.
Self-heal goes on at the pinned state. A rollback is just another plan, with `Policy.rolling_back`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.operation import Operation, Phase, Trigger

ANNOTATION = "holdfast.dev/rollback"
OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthy:
    """The last revision whose operation succeeded and was healthy."""

    revision: str
    digest: str

    def to_json(self) -> dict[str, Json]:
        return {"revision": self.revision, "digest": self.digest}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Healthy:
        return cls(revision=data["revision"], digest=data["digest"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Holds an Application at `revision` until Git asks for something else than what failed."""

    failed_digest: str
    """Digest of the Desired that failed, or that a person rolled back from."""
    failed_revision: str
    revision: str
    at: Instant
    reason: str

    def to_json(self) -> dict[str, Json]:
        return {
            "failed_digest": self.failed_digest,
            "failed_revision": self.failed_revision,
            "revision": self.revision,
            "at": self.at,
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Pin:
        return cls(**data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """Whether to go back: `pin` says where to, and is None with the `reason` why not."""

    pin: Pin | None
    reason: str

    def __bool__(self) -> bool:
        return self.pin is not None


def on_failure(operation: Operation, healthy: Healthy | None, annotation: str | None, reason: str, now: Instant) -> Rollback:
    """Decide what follows from `operation`, which failed for `reason`. `annotation` is the Application's `holdfast.dev/rollback`.

    Only what moved an Application forward is rolled back; a rollback never is, since it came from where it would go.
    """
    if operation.phase is not Phase.FAILED:
        return Rollback(pin=None, reason="the operation did not fail")
    if operation.trigger in (Trigger.ROLLBACK, Trigger.DRIFT, Trigger.EXPIRY):
        return Rollback(pin=None, reason=f"an operation triggered by {operation.trigger} is never rolled back")
    if annotation == OFF:
        return Rollback(pin=None, reason=f"the Application says {ANNOTATION}: {OFF}")
    if healthy is None:
        return Rollback(pin=None, reason="there is no healthy revision to go back to")
    if healthy.digest == operation.desired_digest:
        return Rollback(pin=None, reason="the last healthy revision asks for the same")
    return Rollback(pin=_pin(operation, healthy.revision, reason, now), reason=reason)


def by_hand(digest: str, revision: str, to: str, person: str, now: Instant) -> Pin:
    """Return the pin of `holdfast rollback`: `digest` and `revision` are what Git asks for now, `to` is where to go."""
    return Pin(failed_digest=digest, failed_revision=revision, revision=to, at=now, reason=f"rolled back by {person}")


def _pin(operation: Operation, to: str, reason: str, now: Instant) -> Pin:
    return Pin(failed_digest=operation.desired_digest, failed_revision=operation.revision, revision=to, at=now, reason=reason)


def resumes(pin: Pin, desired_digest: str) -> bool:
    """Say whether automated sync goes on by itself: Git asks for something else than what failed."""
    return desired_digest != pin.failed_digest
