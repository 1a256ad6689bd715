"""A walk: one plan on its way to being done, what came of it so far, and how it is ended early.

Begun by operations, walked by walker, and looked at by whoever began it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from holdfast.errors import HoldfastError
from holdfast.kit.tasks import Wakeup
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Outcome
from holdfast.model.plan import Change, Plan
from holdfast.model.resource import Desired, Resource
from holdfast.walk.hook import HookRun

LONGEST = 200
Lane: TypeAlias = tuple[Change, ...]
"""Changes that go one after another; lanes go side by side."""


class Interrupt:
    """Ends a walk early: gates are left at once, no further change begins. What began otherwise goes to its end."""

    def __init__(self) -> None:
        self.is_set = False
        self._scopes: dict[asyncio.Timeout, None] = {}

    def set(self) -> None:
        self.is_set = True
        for scope in self._scopes:
            scope.reschedule(asyncio.get_running_loop().time())

    @contextmanager
    def listening(self, scope: asyncio.Timeout) -> Iterator[None]:
        self._scopes[scope] = None
        try:
            yield
        finally:
            del self._scopes[scope]


class Queue:
    """The lanes that have begun and wait for a slot. Beyond `LONGEST` the next begin later: thousands of waiting tasks are memory."""

    def __init__(self) -> None:
        self._waiting: set[ResourceId] = set()
        self._shorter = Wakeup()

    async def begin(self, lanes: Sequence[Lane], together: int) -> AsyncIterator[Sequence[Lane]]:
        """Yield lanes that may begin, so many together, once few enough wait. For one caller at a time."""
        for at in range(0, len(lanes), together):
            some = lanes[at : at + together]
            while self._waiting and len(self._waiting) + len(some) > LONGEST:
                await self._shorter.wait()
            self._waiting.update(lane[0].id for lane in some)
            yield some

    def leave(self, id: ResourceId) -> None:
        """Say that the lane that begins with `id` has its slot, needs none, or has ended; one that is not known has left before."""
        if id in self._waiting:
            self._waiting.discard(id)
            self._shorter.wake()


class Interrupted(Exception):
    """A newer desired state took over while this change waited."""


@dataclass(kw_only=True)
class Walk:
    """One plan on its way. `retriable` and the rest are filled while it goes."""

    operation: Operation
    plan: Plan
    desired: Desired
    as_of: int
    """`Walker.moves` when the look began that the plan was made from."""
    interrupt: Interrupt = field(default_factory=Interrupt)
    is_awaited: bool = False
    """Whether an operation waits for what this heal has in hand: then it waits no more for the health of what stands as declared."""
    failed: set[ResourceId] = field(default_factory=set)
    gated: set[ResourceId] = field(default_factory=set)
    """What did not become healthy in time, or died on the way: trying the same again is no help."""
    broken: set[ResourceId] = field(default_factory=set)
    """Declared ids of which a change failed: their other lanes stop too."""
    is_retriable: bool = False
    """Whether an engine merely did not answer, or somebody else was faster: trying again may do."""
    problem: HoldfastError | None = None
    """What kept it from being walked at all."""
    outcomes: list[Outcome] = field(default_factory=list)
    queue: Queue = field(default_factory=Queue)
    hooks: HookRun | None = None
    """What is run beside the changes."""
    resources: dict[ResourceId, Resource] = field(init=False)

    def __post_init__(self) -> None:
        self.resources = {resource.id: resource for resource in self.desired}
