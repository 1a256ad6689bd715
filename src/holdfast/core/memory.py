"""Memory: what is remembered of one Application across restarts, beside its resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.core.retry import Retrying
from holdfast.core.rollback import Healthy, Pin
from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Desired

KEPT_HEALTHY = 10
"""How many revisions can be gone back to (Argo CD `revisionHistoryLimit`)."""


@dataclass(slots=True)
class Memory:
    """JSON round trip: `from_json(to_json())` is the same."""

    healthy: list[Healthy] = field(default_factory=list)
    """Revisions whose operation succeeded, newest last, each digest once."""
    pin: Pin | None = None
    suspended: str | None = None
    retrying: Retrying | None = None
    created: list[ResourceId] = field(default_factory=list)
    """What unfinished operations set out to create: what a rollback of the next may delete."""
    rewound: str | None = None
    """Digest of what Git was rewound to: nothing is pruned for it without a person."""

    def to_json(self) -> dict[str, Json]:
        return {
            "healthy": [healthy.to_json() for healthy in self.healthy],
            "pin": self.pin.to_json() if self.pin else None,
            "suspended": self.suspended,
            "retrying": self.retrying.to_json() if self.retrying else None,
            "created": [list(id) for id in self.created],
            "rewound": self.rewound,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Memory:
        return cls(
            healthy=[Healthy.from_json(entry) for entry in data["healthy"]],
            pin=Pin.from_json(data["pin"]) if data["pin"] else None,
            suspended=data["suspended"],
            retrying=Retrying.from_json(data["retrying"]) if data["retrying"] else None,
            created=[ResourceId(*entry) for entry in data["created"]],
            rewound=data.get("rewound"),
        )

    @property
    def newest(self) -> Healthy | None:
        """Return what stood healthy last."""
        return self.healthy[-1] if self.healthy else None

    def now_healthy(self, desired: Desired) -> None:
        """Remember that `desired` stands and is healthy: the newest revision to go back to."""
        others = [healthy for healthy in self.healthy if healthy.digest != desired.digest]
        self.healthy = [*others, Healthy(revision=desired.revision, digest=desired.digest)][-KEPT_HEALTHY:]

    def healthy_before(self, digest: str) -> Healthy | None:
        """Return the newest healthy revision that asks for something else than `digest`."""
        others = [healthy for healthy in self.healthy if healthy.digest != digest]
        return others[-1] if others else None
