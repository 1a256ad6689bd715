"""What sync knows of an Application: how it is managed, what a person may ask, and the lane in which it is served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from holdfast.core.memory import Memory
from holdfast.core.policy import Settings, WindowVerdict, policy
from holdfast.core.retry import RetryPolicy
from holdfast.core.selection import Pattern
from holdfast.core.world import find
from holdfast.kit.clock import Instant
from holdfast.kit.tasks import Wakeup
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation
from holdfast.model.plan import Policy
from holdfast.model.resource import Desired
from holdfast.walk.walk import Interrupt

PATIENT_LOOKS = 8
"""After so many in a row nothing is expected to come of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """What an Application's own file says of how it is synced, plain."""

    name: str
    settings: Settings
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    rollback: str | None = None
    """The annotation `holdfast.dev/rollback`."""
    window: Callable[[Instant, bool], WindowVerdict] = lambda now, manual: WindowVerdict()
    """The verdict of the sync windows at an instant, for a manual operation or an automated one."""


class Ask(StrEnum):
    SYNC = "sync"
    ROLLBACK = "rollback"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asked for. `person` is who, for the event."""

    ask: Ask
    person: str
    approve: str | None = None
    """The digest of a plan that is approved."""
    resources: tuple[Pattern, ...] = ()
    """Of a sync: of these alone; empty: of all."""
    prune: bool = False
    """Of a sync: whether what Git no longer says goes, whatever the Application says of that."""
    revision: str | None = None
    """Of a rollback: where to; None: the last healthy one before."""


class Others(Protocol):
    """What other Applications declare."""

    def claimed(self, id: ResourceId, application: str) -> str | None:
        """Return which Application but `application` declares an id now."""
        ...

    def are_behind(self, application: str, revision: str) -> bool:
        """Say whether one that follows the same branch of the same repository has not read `revision` yet."""
        ...


class Alone:
    """Nobody else."""

    def claimed(self, id: ResourceId, application: str) -> str | None:
        return None

    def are_behind(self, application: str, revision: str) -> bool:
        return False


class Releases(Protocol):
    """What processes run from."""

    async def ensure(self, desired: Desired) -> None:
        """Export and prepare the release of `desired`, where it has one and it is not there yet; raises HoldfastError."""
        ...

    async def keep(self, application: str) -> None:
        """Forget releases that are neither in use nor among the newest."""
        ...


@dataclass(slots=True)
class Lane:
    """One Application while it is served: what is wanted of it, what is remembered, and what is under way."""

    managed: Managed
    memory: Memory
    desired: Desired | None = None
    is_complete: bool = True
    """False: what Git asks for now does not render; `desired` is older than the world."""
    is_rewound: bool = False
    """Whether what Git asks for now does not follow what stood healthy last."""
    request: Request | None = None
    answer: asyncio.Future[Operation | None] | None = None
    due_at: Instant | None = None
    bell: Wakeup = field(default_factory=Wakeup)
    interrupt: Interrupt | None = None
    following: str | None = None
    """Digest of what Git says that an operation walks to; None: nothing is under way, or it goes elsewhere (a rollback, a removal)."""
    held: tuple[str, str] | None = None
    looks: int = 0
    """In a row that found the world in the way of `desired`."""
    astray: frozenset[ResourceId] = frozenset()
    """What the last look handed over to heal."""
    doubted: tuple[str, frozenset[ResourceId]] | None = None
    """Digest of what was last looked at, and what is to go by it but not before a person says that Git means it."""
    is_pin_told: bool = False
    is_recalled: bool = False
    """Whether what the last run left of it was read."""
    is_idle: asyncio.Event = field(default_factory=asyncio.Event)
    gating: tuple[str, float] | None = None
    """Digest of what stands and is not healthy yet, and since when (monotonic)."""

    def allowed(self, desired: Desired) -> Policy:
        """Return what a plan to `desired` may do by itself now."""
        return policy(self.managed.settings, complete=self.is_complete, rewound=self.memory.rewound == desired.digest)

    def is_undeclared(self, id: ResourceId) -> bool:
        """Say whether Git is known not to declare `id`: it renders, nothing is pinned, and no person must say that Git means it."""
        if self.desired is None or self.doubted is None or self.memory.pin is not None or not self.is_complete:
            return False
        digest, doubted = self.doubted
        return digest == self.desired.digest and id not in doubted and find(self.desired, id) is None

    @property
    def is_asked(self) -> bool:
        """Whether a person waits for an answer."""
        return self.request is not None and self.answer is not None and not self.answer.done()

    @property
    def is_at_rest(self) -> bool:
        """Whether it is idle and waits for no time; one that has long found the world in its way only looks now and then."""
        return self.is_idle.is_set() and not self.bell.is_rung and (self.due_at is None or self.looks > PATIENT_LOOKS)
