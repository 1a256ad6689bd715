"""How often something happened of late."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class SlidingWindow:
    """Counts what happened in the last `span_s` seconds. Keeps at most `limit` instants: counts above it read as `limit`."""

    span_s: float
    limit: int = 1000
    _at: deque[float] = field(default_factory=deque)

    def add(self, now: float) -> None:
        self._at.append(now)
        if len(self._at) > self.limit:
            self._at.popleft()

    def count(self, now: float) -> int:
        while self._at and self._at[0] <= now - self.span_s:
            self._at.popleft()
        return len(self._at)

    def to_json(self) -> list[float]:
        return list(self._at)

    @classmethod
    def from_json(cls, span_s: float, at: Iterable[float], limit: int = 1000) -> SlidingWindow:
        return cls(span_s, limit, deque(at))
