"""Outage: what waits while the store is down, in the order in which it happened, and how much of it was lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from holdfast.model.event import Event

RING = 10_000
"""Events that wait at most; then the oldest are dropped, and counted."""


@dataclass(slots=True, kw_only=True)
class Outage:
    """`opening` says that the store failed; None where that was told already, and only later events wait."""

    opening: Event | None
    tried_at: float
    """When the store was tried last (monotonic)."""
    room: int = RING
    dropped: int = 0
    _waiting: deque[Event] = field(default_factory=deque)
    _in_hand: tuple[Event, ...] = ()

    def keep(self, events: Iterable[Event]) -> None:
        self._waiting.extend(events)
        while len(self._waiting) > self.room:
            self._waiting.popleft()
            self.dropped += 1

    @property
    def pending(self) -> tuple[Event, ...]:
        """Return all that is not stored, in order."""
        return (*self._opening(), *self._in_hand, *self._waiting)

    @property
    def is_over(self) -> bool:
        return not self.pending

    def take(self) -> tuple[Event, ...]:
        """Return what is to be stored now; what comes meanwhile waits for the next time."""
        self._in_hand, self._waiting = (*self._in_hand, *self._waiting), deque()
        return (*self._opening(), *self._in_hand)

    def stored(self) -> None:
        """Say that what was taken is stored."""
        self.opening, self._in_hand, self.dropped = None, (), 0

    def failed(self, opening: Event, now: float) -> None:
        """Say that what was taken could not be stored; `opening` is told where the failure before was told already."""
        self._put_back()
        self.opening, self.tried_at = self.opening or opening, now

    def forget(self, found: Iterable[Event]) -> None:
        """Leave out what was found in the store after all: it was written, and only the answer was lost."""
        self._put_back()
        for event in (replace(event, seq=0) for event in found):
            if event == self.opening:
                self.opening = None
            elif event in self._waiting:
                self._waiting.remove(event)

    def _put_back(self) -> None:
        later, self._waiting = tuple(self._waiting), deque()
        self.keep((*self._in_hand, *later))
        self._in_hand = ()

    def _opening(self) -> tuple[Event, ...]:
        return () if self.opening is None else (self.opening,)
