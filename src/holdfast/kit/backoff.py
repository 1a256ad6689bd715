"""Exponential backoff with jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The ceiling of attempt n is `first_s * factor ** (n - 1)`, at most `cap_s`; attempt 0 and below wait for nothing."""

    first_s: float
    factor: float = 2.0
    cap_s: float = 60.0

    def ceiling(self, attempt: int) -> float:
        """Return the longest delay before attempt `attempt` + 1, in seconds."""
        if attempt < 1:
            return 0.0
        try:
            return min(self.cap_s, self.first_s * self.factor ** (attempt - 1))
        except OverflowError:
            return self.cap_s

    def full_jitter(self, attempt: int, unit: float) -> float:
        """Return a delay in [0, ceiling), evenly spread; `unit` in [0, 1) is the caller's random number."""
        return self.ceiling(attempt) * unit

    def equal_jitter(self, attempt: int, unit: float) -> float:
        """Return a delay in [ceiling / 2, ceiling)."""
        return self.ceiling(attempt) * (1 + unit) / 2
