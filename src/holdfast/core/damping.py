"""Damping: how fast one resource may be healed again.

Somebody else who also writes to it would make heals a silent fight. The first heal is immediate; repeated ones back off with full jitter;
after `limit` heals within `window_s` the resource is contended, which people are shown, and healed only once per `retry.cap_s`; after
`window_s` without a heal all is forgiven. A drift that comes later than its backoff is healed at once, so patience costs nothing.

Pure: time is an argument. Survives a restart as JSON. What fails to heal is the inbox's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.ids import ResourceId

RETRY = Backoff(first_s=0.1, factor=2.0, cap_s=60.0)


@dataclass(slots=True)
class _Heals:
    at: list[Instant] = field(default_factory=list)
    """Of the heals within the window, ascending, at most `limit` of them."""
    due_at: Instant = 0.0
    state: str = ""
    """Digest of what it was healed to last."""
    is_contended: bool = False


@dataclass(slots=True)
class Damping:
    limit: int = 5
    window_s: float = 600.0
    retry: Backoff = RETRY
    _heals: dict[ResourceId, _Heals] = field(default_factory=dict)

    def due_at(self, id: ResourceId, now: Instant) -> Instant:
        """Return when `id` may be healed: `now`, or later where it was healed just before."""
        heals = self._recent(id, now)
        return max(now, heals.due_at) if heals else now

    def healed(self, id: ResourceId, now: Instant, unit: float, state: str = "") -> bool:
        """Remember a heal that was made, to `state`; `unit` is a random number of [0, 1). Return True when it makes `id` contended."""
        heals = self._recent(id, now) or self._heals.setdefault(id, _Heals())
        heals.state = state
        heals.at = [*heals.at, now][-self.limit :]
        was_contended, heals.is_contended = heals.is_contended, heals.is_contended or len(heals.at) >= self.limit
        delay_s = self.retry.cap_s if heals.is_contended else self.retry.full_jitter(len(heals.at), unit)
        heals.due_at = now + delay_s
        return heals.is_contended and not was_contended

    def is_contended(self, id: ResourceId, now: Instant) -> bool:
        heals = self._recent(id, now)
        return heals is not None and heals.is_contended

    def forgive(self, id: ResourceId, state: str | None = None) -> bool:
        """Forget the heals of `id`, but for those to `state`: another is wanted, or a person said so. Return whether it was contended."""
        heals = self._heals.get(id)
        if heals is None or (state is not None and heals.state == state):
            return False
        del self._heals[id]
        return heals.is_contended

    def forgiven(self, now: Instant) -> tuple[ResourceId, ...]:
        """Return the contended ids that have been quiet long enough, and forget them and all others that have."""
        quiet = {id: heals for id, heals in self._heals.items() if self._is_quiet(heals, now)}
        for id in quiet:
            del self._heals[id]
        return tuple(sorted(id for id, heals in quiet.items() if heals.is_contended))

    def _recent(self, id: ResourceId, now: Instant) -> _Heals | None:
        heals = self._heals.get(id)
        if heals is None or self._is_quiet(heals, now):
            return None
        heals.at = [at for at in heals.at if now - at < self.window_s]
        return heals

    def _is_quiet(self, heals: _Heals, now: Instant) -> bool:
        """Say whether no heal lies in the window. One that lies ahead was made before the clock was set back: it says nothing."""
        return not heals.at or not 0 <= now - heals.at[-1] < self.window_s

    def to_json(self) -> list[Json]:
        """Return what must survive a restart, in id order."""
        return [
            {"id": list(id), "at": list(heals.at), "due_at": heals.due_at, "state": heals.state, "is_contended": heals.is_contended}
            for id, heals in sorted(self._heals.items())
        ]

    def restore(self, data: Iterable[Any]) -> None:
        """Take back what `to_json` gave."""
        self._heals = {
            ResourceId(*entry["id"]): _Heals(
                at=list(entry["at"]), due_at=entry["due_at"], state=entry.get("state", ""), is_contended=entry["is_contended"]
            )
            for entry in data
        }
