"""The engine of Applications within Applications: what Git says of them is remembered here and served by this installation.

Their state is the manifest as it was last taken; their health is the child's own. A manifest that does not read is refused, and the last
good one goes on. Deleting lets a child go as its finalizer says, and waits until all that must go with it has gone. Decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from holdfast.errors import DeclarationError, EngineError, HoldfastError, Rejected, TimedOut, Unavailable
from holdfast.host.news import News
from holdfast.kit.canonical import Json, digest
from holdfast.kit.clock import Clock
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Live, Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.ports import Records
from holdfast.model.resource import Origin
from holdfast.model.state import State

APPLICATION = "argoproj.io/Application"
PROJECT = "argoproj.io/AppProject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One manifest that is remembered."""

    id: ResourceId
    manifest: Mapping[str, Json]
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """How a child is now."""

    health: Health
    automated: bool = True
    """Whether it syncs by itself."""


class Serving(Protocol):
    """Whoever serves Applications."""

    def check(self, child: Child) -> None:
        """Raise DeclarationError where `child` cannot be served."""
        ...

    async def take(self, child: Child) -> None:
        """Serve what was checked, and remembered since."""
        ...

    async def let_go(self, id: ResourceId) -> str | None:
        """Serve it no longer, as its finalizer says; return why it could not go yet, None when it has gone. Raises HoldfastError."""
        ...

    def served(self, id: ResourceId) -> Served | None:
        """Return how it is; None where somebody else has its name."""
        ...


class ApplicationEngine:
    """`records` remember manifests by id."""

    name = "application"
    kinds = frozenset({APPLICATION, PROJECT})

    def __init__(self, *, records: Records, serving: Serving, clock: Clock) -> None:
        self._records = records
        self._serving = serving
        self._clock = clock
        self._news = News()

    def children(self) -> Iterator[Child]:
        """Yield all that is remembered, projects first."""
        found = [_child(record) for record in self._records.all().values()]
        yield from sorted(found, key=lambda child: (child.id.kind != PROJECT, child.id))

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        return Live(observed={id: self._observation(id) for id in ids})

    def _observation(self, id: ResourceId) -> Observation:
        at = self._clock.now()
        record = self._records.get(_key(id))
        served = self._serving.served(id) if record is not None else None
        if record is None or served is None:
            return Observation(state=None, observed_at=at)
        handle: dict[str, Json] = {"health": served.health.status.value, "message": served.health.message}
        if id.kind == APPLICATION:
            handle["automated"] = served.automated
        return Observation(state=State.of(dict(_child(record).manifest)), observed_at=at, handle=handle)

    async def apply(self, step: Step) -> None:
        match step.verb:
            case StepVerb.APPLY if step.resource is not None:
                origin = step.resource.origin or Origin(path=str(step.id), line=1, revision="")
                await self._take(Child(id=step.id, manifest=step.resource.state.fields, origin=origin))
            case StepVerb.DELETE:
                await self._delete(step)
            case verb:
                raise Rejected("HF3401", f"cannot {verb} {step.id}: an Application is served or let go")

    async def _take(self, child: Child) -> None:
        try:
            self._serving.check(child)
        except DeclarationError as error:
            raise Rejected(error.code, f"{error.message} (declared at {child.origin})", where=error.where, hint=error.hint) from error
        origin = child.origin
        record: dict[str, Json] = {
            "id": [*child.id],
            "manifest": dict(child.manifest),
            "origin": [origin.path, origin.line, origin.revision],
        }
        await self._records.put(_key(child.id), record)  # before it is served: what nobody remembers would be let go at the next start
        await self._serving.take(child)
        self.noticed(child.id)

    async def _delete(self, step: Step) -> None:
        if self._records.get(_key(step.id)) is None:
            return
        try:
            async with asyncio.timeout(step.deadline_s):
                why = await self._serving.let_go(step.id)
        except TimeoutError as error:
            raise TimedOut("HF3402", f"cannot let {step.id} go: what it has is not gone after {step.deadline_s:g} s") from error
        except EngineError:
            raise
        except HoldfastError as error:
            raise Unavailable("HF3402", f"cannot let {step.id} go: {error.message}", hint=error.hint) from error
        if why is not None:
            raise Unavailable("HF3402", f"cannot let {step.id} go: {why}", hint=f"holdfast status {step.id.name}")
        await self._records.drop(_key(step.id))
        self.noticed(step.id)

    def noticed(self, id: ResourceId) -> None:
        """Say that a child may be otherwise than it was."""
        self._news.tell(id)

    def watch(self) -> AsyncIterator[ResourceId]:
        return self._news.watch()


def _key(id: ResourceId) -> str:
    return digest([*id])


def _child(record: Any) -> Child:
    path, line, revision = record["origin"]
    return Child(id=ResourceId(*record["id"]), manifest=record["manifest"], origin=Origin(path=path, line=line, revision=revision))
