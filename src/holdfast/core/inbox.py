"""The inbox: which resource is looked at next, and when.

Everything that hints at work (a watch, a commit, a failed probe, a sweep) says `mark(id)`: a name, never a payload. A worker says
`take`, reconciles what it finds, and says `finished`. Pure: time comes in as `now`, in seconds, and chance as `unit`; nothing waits.

Laws: one id is never in two hands; a mark while in hand is owed one more turn, and many coalesce to one; no mark is ever lost; the first
turn is immediate, failures back off; a mark ends a voluntary wait but not a backoff, which `forget_failures` (a new desired state) does;
of what is due, the longest due comes first. `take`, `mark` and `finished` cost the logarithm of what is in the inbox.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Instant
from holdfast.model.ids import ResourceId

RETRY = Backoff(first_s=0.5, factor=2.0, cap_s=60.0)
STALE_SHARE = 2
"""The heap is built anew when it holds more than this many entries per lane."""


@dataclass(slots=True)
class _Lane:
    due_at: Instant | None = None
    """When its next turn may start; None: in hand, or nothing to do."""
    is_in_hand: bool = False
    is_resting: bool = False
    is_marked: bool = False
    is_forgiven: bool = False
    """Whether failures were forgotten while it was in hand: this turn's failure belongs to the past."""
    is_dropped: bool = False
    failures: int = 0


@dataclass(slots=True)
class Inbox:
    slots: int = 16
    """How many ids may be at work at once; one that rests is in hand but takes no slot."""
    retry: Backoff = RETRY
    _lanes: dict[ResourceId, _Lane] = field(default_factory=dict)
    _due: list[tuple[Instant, ResourceId]] = field(default_factory=list)
    """A heap. An entry counts while its lane is due at that very instant; others are thrown away when they come up."""
    _at_work: int = 0

    def mark(self, id: ResourceId, now: Instant) -> None:
        """Say that `id` may need a look."""
        lane = self._lanes.setdefault(id, _Lane())
        if lane.is_in_hand:
            lane.is_marked = True
        elif lane.due_at is None or (not lane.failures and now < lane.due_at):
            self._schedule(id, lane, now)

    def forget_failures(self, id: ResourceId, now: Instant) -> None:
        """Say that what failed before no longer counts (a new desired state), and mark."""
        lane = self._lanes.setdefault(id, _Lane())
        lane.failures, lane.is_forgiven = 0, lane.is_in_hand
        self.mark(id, now)

    def drop(self, id: ResourceId) -> None:
        """Forget `id`: it is owed nothing. A turn in hand goes on to its end; a later mark counts again."""
        lane = self._lanes.get(id)
        if lane is None:
            return
        if lane.is_in_hand:
            lane.is_marked, lane.is_dropped = False, True
        else:
            del self._lanes[id]

    def take(self, now: Instant) -> ResourceId | None:
        """Put the id that has been due longest into the caller's hand, or return None if no slot or no id is free."""
        if self._at_work >= self.slots or (due_at := self._next()) is None or due_at > now:
            return None
        _, id = heappop(self._due)
        self._lanes[id] = _Lane(is_in_hand=True, failures=self._lanes[id].failures)
        self._at_work += 1
        return id

    def rest(self, id: ResourceId) -> None:
        """Say that the turn of `id` only waits from here on (a graceful stop, a gate), so that its slot is free for another."""
        lane = self._lanes[id]
        if lane.is_in_hand and not lane.is_resting:
            lane.is_resting = True
            self._at_work -= 1

    def resume(self, id: ResourceId) -> None:
        """Say that `id` works again; its slot may be one more than there are, since a turn that has begun must end."""
        lane = self._lanes[id]
        if lane.is_in_hand and lane.is_resting:
            lane.is_resting = False
            self._at_work += 1

    def finished(self, id: ResourceId, now: Instant, *, ok: bool, unit: float = 1.0, again_in: float | None = None) -> None:
        """Take `id` out of hand: to be tried again after a jittered backoff, owed a turn, back in `again_in` seconds, or done.

        `unit` is a random number of [0, 1) for the jitter.
        """
        lane = self._lanes[id]
        if not lane.is_in_hand:
            raise ValueError(f"cannot finish {id}: it is in nobody's hand")
        self._at_work -= 0 if lane.is_resting else 1
        failed = not ok and not lane.is_forgiven and not lane.is_dropped
        owed = lane.is_marked
        fresh = self._lanes[id] = _Lane(failures=lane.failures + 1 if failed else 0)
        if failed:
            self._schedule(id, fresh, now + self.retry.full_jitter(fresh.failures, unit))
        elif owed:
            self._schedule(id, fresh, now)
        elif again_in is not None and not lane.is_dropped:
            self._schedule(id, fresh, now + again_in)
        else:
            del self._lanes[id]

    def wake_at(self) -> Instant | None:
        """Return when `take` next has something to give, or None: nothing is due, or no slot is free until one is `finished`."""
        return None if self._at_work >= self.slots else self._next()

    def failures(self, id: ResourceId) -> int:
        """Return how many turns of `id` failed in a row."""
        lane = self._lanes.get(id)
        return lane.failures if lane else 0

    def __len__(self) -> int:
        """Return how many ids are in hand or due now or later."""
        return len(self._lanes)

    def _schedule(self, id: ResourceId, lane: _Lane, at: Instant) -> None:
        lane.due_at = at
        heappush(self._due, (at, id))
        if len(self._due) > STALE_SHARE * len(self._lanes) + 64:
            self._due = [(it.due_at, other) for other, it in self._lanes.items() if it.due_at is not None]
            heapify(self._due)

    def _next(self) -> Instant | None:
        """Return the instant of the first entry that counts, throwing away those before it."""
        while self._due:
            at, id = self._due[0]
            lane = self._lanes.get(id)
            if lane is not None and lane.due_at == at:
                return at
            heappop(self._due)
        return None
