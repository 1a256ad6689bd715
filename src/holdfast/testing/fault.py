"""Faults: what goes wrong outside while the reconciler works, and for how long.

`Weather` is what is wrong with one target (an engine, the store) right now. The probability is per call; the dice are the story's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.kit.clock import Random


class Fault(StrEnum):
    """Of an engine, but for `disk-full`, which is the store's."""

    LOST_CALL = "lost-call"
    """It did not hear."""
    LOST_REPLY = "lost-reply"
    """It did it, and the answer was lost."""
    HALF_DONE = "half-done"
    """It did a part of it, then failed."""
    LATE = "late"
    """It says yes at once and does it a while later."""
    BLIND = "blind"
    """It does not answer a look."""
    LAG = "lag"
    """A look shows what stood a while ago."""
    SLOW = "slow"
    """An answer takes seconds, so that answers overtake one another."""
    SLOW_START = "slow-start"
    CONFLICT = "conflict"
    """Somebody else changed it at the same time."""
    THROTTLED = "throttled"
    """No answer to several calls in a row."""
    MISSED_NEWS = "missed-news"
    REPEATED_NEWS = "repeated-news"
    WATCH_GAP = "watch-gap"
    """The watch breaks off; what happens meanwhile is never told."""
    DISK_FULL = "disk-full"


@dataclass(slots=True)
class Weather:
    """What is wrong now: fault → probability that a call meets it."""

    dice: Random
    now: dict[Fault, float] = field(default_factory=dict)

    def strikes(self, fault: Fault) -> bool:
        probability = self.now.get(fault)
        return probability is not None and self.dice.random() < probability

    def begin(self, fault: Fault, probability: float) -> None:
        self.now[fault] = probability

    def end(self, fault: Fault) -> None:
        self.now.pop(fault, None)
