"""Retry: when an automated operation that failed may be tried again (Argo CD `syncPolicy.retry`).

A retry belongs to the digest that failed: another digest starts anew, and after the limit only that or a person goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Argo CD's fields and defaults: five retries after the first failure, 5 s, 10 s, 20 s … at most 3 min apart."""

    limit: int = 5
    """Retries after the first failure; 0: none; below 0: without end."""
    duration_s: float = 5.0
    factor: float = 2.0
    max_duration_s: float = 180.0

    def delay_s(self, attempt: int) -> float:
        """Return the wait before retry `attempt`, counted from 1."""
        return Backoff(first_s=self.duration_s, factor=self.factor, cap_s=self.max_duration_s).ceiling(attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """What is remembered of a digest whose operation failed."""

    digest: str
    failures: int
    next_at: Instant | None
    """None: the limit is reached; it waits for another digest or a person."""
    failed_at: Instant = 0.0

    def is_due(self, now: Instant) -> bool:
        """Say whether it may be tried again: its time has come, or the clock was set back to before it failed."""
        return self.next_at is not None and not self.failed_at <= now < self.next_at

    def to_json(self) -> dict[str, Json]:
        return {"digest": self.digest, "failures": self.failures, "next_at": self.next_at, "failed_at": self.failed_at}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Retrying:
        return cls(digest=data["digest"], failures=data["failures"], next_at=data["next_at"], failed_at=data.get("failed_at", 0.0))


def failed(before: Retrying | None, digest: str, policy: RetryPolicy, now: Instant) -> Retrying:
    """Return what to remember when the operation for `digest` failed at `now`."""
    failures = before.failures + 1 if before and before.digest == digest else 1
    is_spent = 0 <= policy.limit < failures
    return Retrying(digest=digest, failures=failures, next_at=None if is_spent else now + policy.delay_s(failures), failed_at=now)
