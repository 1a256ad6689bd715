"""Running the hooks of an operation: each anew, in its phase, until it has ended; and the book of what ran.

Used by the walker. A hook is entered in the book before it is made and again when it has ended, so that a daemon which is started anew
waits for the one that runs and runs none of them twice for one operation that was cut off. Laws: hooks of a lower wave come first; the
first that fails stops what comes after; a hook that runs is not left alone because something newer came, one that does not run yet is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import groupby
from typing import Any, Protocol

from holdfast.core import events, hook_events
from holdfast.errors import EngineError, Rejected, TimedOut
from holdfast.kit.canonical import Json, digest
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import all_of
from holdfast.model.codec import decode, encode
from holdfast.model.hook import DeletePolicy, HookPhase
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Live, Observation, Status
from holdfast.model.operation import Applied, Failure, Operation, Outcome, Step, StepVerb
from holdfast.model.plan import Change, Plan, Reason, Verb
from holdfast.model.ports import Engine, Journal, Records
from holdfast.model.resource import Desired, Hook, Resource

SPACE = "hooks"
"""The book's space of records."""
IN_SYNC = frozenset({HookPhase.PRE_SYNC, HookPhase.SYNC, HookPhase.POST_SYNC, HookPhase.SYNC_FAIL})
LOOK_AGAIN_S = 0.5
REMOVAL_S = 120.0
LEFT = 100
"""How many objects of hooks are remembered, to be taken away when the Application goes."""


class HookBook:
    """By Application what its hooks did last; `records` outlive the daemon."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def read(self, application: str) -> dict[str, Any]:
        found: Any = self._records.get(application)
        return dict(found) if isinstance(found, dict) else {}

    async def write(self, application: str, **changes: Json) -> None:
        await self._records.put(application, {**self.read(application), **changes})

    def is_due(self, desired: Desired, plan: Plan, *, is_rollback: bool = False) -> bool:
        """Say whether an operation to `desired` runs hooks.

        With any change that is no mere drift; where the last one was cut off or failed; and where the hooks themselves are others. A heal,
        and taking over what stands already, run none.
        """
        if not any(hook.phase in IN_SYNC for hook in desired.hooks):
            return False
        if any(change.reason is not Reason.DRIFTED for change in plan):
            return True
        book = self.read(desired.application)
        if is_rollback or not book.get("digest") or plan.blocked:
            return False
        if book["digest"] == desired.digest:
            return bool(book["state"] != "done")
        return bool(book["hooks"] != seal_of(desired.hooks))

    async def note(self, desired: Desired, *, stands: bool) -> None:
        """Remember what is run when the Application goes, and, where all stands and nothing ever ran, that nothing needs to."""
        book = self.read(desired.application)
        last = [encode(hook) for hook in desired.hooks if hook.phase not in IN_SYNC]
        if last != book.get("last", []):
            await self.write(desired.application, last=last)
        if stands and desired.hooks and not book.get("digest"):
            await self.write(desired.application, digest=desired.digest, hooks=seal_of(desired.hooks), state="done", runs={})

    def last(self, application: str) -> tuple[Hook, ...]:
        """Return what is run when the Application goes."""
        return tuple(decode(Hook, each) for each in self.read(application).get("last", ()))

    def left(self, application: str) -> tuple[ResourceId, ...]:
        """Return the objects that hooks have left, which go with the Application."""
        return tuple(ResourceId(*each) for each in self.read(application).get("left", ()))

    async def forget(self, application: str) -> None:
        await self._records.drop(application)


def seal_of(hooks: Iterable[Hook]) -> str:
    lines: list[Json] = [[each.key, each.wave, each.resource.state.digest] for each in hooks]
    return digest(lines)


class World(Protocol):
    """What a run asks of the walker."""

    async def observe(self, ids: Iterable[ResourceId]) -> Live: ...

    def health(self, resource: Resource, observation: Observation) -> Health: ...

    def deadline_of(self, resource: Resource) -> float: ...

    async def news_of(self, id: ResourceId, within_s: float) -> None: ...


class HookRun:
    """The hooks of one operation. `told` takes each outcome; `is_interrupted` says that something newer came."""

    def __init__(
        self,
        hooks: Collection[Hook],
        operation: Operation,
        *,
        is_removal: bool = False,
        world: World,
        engines: Mapping[str, Engine],
        book: HookBook,
        journal: Journal,
        clock: Clock,
        is_interrupted: Callable[[], bool],
    ) -> None:
        self.hooks = tuple(hooks)
        self.is_removal = is_removal
        """Whether the Application goes."""
        self.outcomes: list[Outcome] = []
        self.failed: ResourceId | None = None
        """The first hook that failed."""
        self.is_left = False
        """Whether one was left because something newer came."""
        self._operation = operation
        self._world = world
        self._engines = engines
        self._book = book
        self._journal = journal
        self._clock = clock
        self._is_interrupted = is_interrupted
        self._done: set[str] = set()
        self._entry: dict[str, Any] = {}

    @property
    def is_stopped(self) -> bool:
        return self.failed is not None or self.is_left

    def needs(self, phase: HookPhase) -> frozenset[ResourceId]:
        return frozenset(need for hook in self.hooks if hook.phase is phase for need in hook.resource.needs)

    async def begin(self) -> None:
        """Open the book; what an operation to the same digest that was cut off has done stands in it already."""
        book, operation = self._book.read(self._operation.application), self._operation
        is_cut_off = (book.get("state"), book.get("digest")) == ("open", operation.desired_digest)
        runs = book.get("runs", {}) if is_cut_off else {}
        sealed = seal_of(self.hooks)
        self._entry = {"digest": operation.desired_digest, "hooks": sealed, "state": "open", "runs": runs, "left": book.get("left", [])}
        await self._write()

    async def end(self, *, is_good: bool) -> None:
        """Close the book, unless one was left in the middle."""
        if not self.is_left:
            self._entry["state"] = "done" if is_good else "failed"
            await self._write()

    async def run(self, phase: HookPhase, before: int | None = None) -> None:
        """Run the hooks of a phase, those of waves lower than `before`; return when all have ended, or one has failed."""
        due = [each for each in self.hooks if each.phase is phase and each.key not in self._done]
        due = [each for each in due if before is None or each.wave < before]
        for _, wave in groupby(sorted(due, key=lambda each: (each.wave, each.key)), key=lambda each: each.wave):
            if self.is_stopped and phase is not HookPhase.SYNC_FAIL:
                return
            await all_of(*(self._one(each) for each in wave))

    async def clear(self) -> None:
        """Take away what hooks have left, when the Application goes."""
        for each in [*self._entry["left"]]:
            await self._delete(ResourceId(*each))

    async def _one(self, hook: Hook) -> None:
        key = hook.key
        self._done.add(key)
        known = self._entry["runs"].get(key)
        if known and known["result"] == "succeeded":
            return
        began, name = self._clock.now(), known["name"] if known else self._name(hook)
        hook = hook.named(name)
        failure: EngineError | None = None
        try:
            await self._make(key, hook, known)
            if not await self._ended(hook):
                self.is_left = True
                return
        except EngineError as error:
            failure = error
        await self._enter(key, hook.resource.id, "failed" if failure else "succeeded")
        await self._tell(hook, began, failure)
        if (DeletePolicy.HOOK_FAILED if failure else DeletePolicy.HOOK_SUCCEEDED) in hook.policies:
            await self._delete(hook.resource.id)

    def _name(self, hook: Hook) -> str:
        name = hook.resource.id.name
        if not hook.is_generated:
            return name
        end = f"-{hook.phase.lower()}-{int(self._operation.started_at)}"
        return name[: 63 - len(end)] + end

    async def _enter(self, key: str, id: ResourceId, result: str, **more: Json) -> None:
        runs = self._entry["runs"]
        runs[key] = {**runs.get(key, {}), "name": id.name, "result": result, **more}
        await self._write()

    async def _write(self) -> None:
        await self._book.write(self._operation.application, **self._entry)

    async def _make(self, key: str, hook: Hook, known: Mapping[str, Any] | None) -> None:
        """Make its object, unless that runs already since an operation that was cut off."""
        id, operation = hook.resource.id, self._operation
        seen = await self._seen(id)
        there = None if seen.state is None else str((seen.handle or {}).get("uid", ""))
        if known and there is not None and there != known.get("before"):
            return
        if known and there is None and known.get("made"):
            hint = f"what it did stands; sync again to run it again: holdfast sync {operation.application}"
            raise Rejected("HF6021", f"cannot tell how hook {hook.phase} {id} ended: its object is gone", hint=hint)
        self._entry["left"] = [*self._others(id)[1 - LEFT :], [*id]]
        await self._enter(key, id, "started", before=there)
        if there is not None and DeletePolicy.BEFORE_HOOK_CREATION in hook.policies:
            await self._engines[id.kind].apply(self._step(hook.resource, StepVerb.DELETE))
        await self._engines[id.kind].apply(self._step(hook.resource, StepVerb.APPLY))
        await self._enter(key, id, "started", made=True)

    async def _seen(self, id: ResourceId) -> Observation:
        live = await self._world.observe([id])
        if (seen := live.observed.get(id)) is None:
            raise TimedOut("HF6020", f"cannot run hook {id}: {live.unknown(id)}")
        return seen

    async def _ended(self, hook: Hook) -> bool:
        """Wait until it has ended well; False where something newer came while it did not run.

        Raises Rejected where it failed, and at its deadline TimedOut.
        """
        resource, deadline_s = hook.resource, self._world.deadline_of(hook.resource)
        deadline = self._clock.monotonic() + deadline_s
        while True:
            seen = await self._seen(resource.id)
            if seen.state is None:
                raise Rejected("HF6021", f"cannot tell how hook {hook.phase} {resource.id} ended: its object is gone")
            health = self._world.health(resource, seen)
            words = f"{health.status}{f': {health.message}' if health.message else ''}"
            if health.status is Status.HEALTHY:
                return True
            if health.status is Status.DEGRADED:
                raise Rejected(
                    "HF6020", f"cannot go on after hook {hook.phase} {resource.id}: it is {words} (declared at {resource.origin})"
                )
            if self._is_interrupted() and not (seen.handle or {}).get("at_work"):
                return False
            left = deadline - self._clock.monotonic()
            if left <= 0:
                raise TimedOut("HF6020", f"cannot go on after hook {hook.phase} {resource.id}: it is {words} after {deadline_s:g} s")
            await self._world.news_of(resource.id, min(left, LOOK_AGAIN_S))

    async def _delete(self, id: ResourceId) -> None:
        step = Step(
            operation=self._operation.id,
            verb=StepVerb.DELETE,
            change=Change(id=id, verb=Verb.DELETE, reason=Reason.PRUNED, before=None, after=None),
            resource=None,
            deadline_s=REMOVAL_S,
        )
        try:
            await self._engines[id.kind].apply(step)
        except EngineError as error:
            await self._journal.emit(
                events.step_undo_failed(
                    at=self._clock.now(),
                    application=self._operation.application,
                    revision=self._operation.revision,
                    step=step,
                    message=error.message,
                )
            )
            return
        self._entry["left"] = self._others(id)
        await self._write()

    def _others(self, id: ResourceId) -> list[Json]:
        return [each for each in self._entry["left"] if ResourceId(*each) != id]

    def _step(self, resource: Resource, verb: StepVerb) -> Step:
        change = Change(id=resource.id, verb=Verb.CREATE, reason=Reason.DECLARED, before=None, after=resource.state, origin=resource.origin)
        return Step(operation=self._operation.id, verb=verb, change=change, resource=resource, deadline_s=REMOVAL_S)

    async def _tell(self, hook: Hook, began: float, failure: EngineError | None) -> None:
        now, id = self._clock.now(), hook.resource.id
        outcome = Outcome(
            id=id,
            status=Applied.FAILED if failure else Applied.APPLIED,
            attempts=1,
            started_at=began,
            finished_at=now,
            failure=Failure(code=failure.code, message=failure.message, hint=failure.hint) if failure else None,
        )
        self.outcomes.append(outcome)
        if failure is not None and self.failed is None:
            self.failed = id
        await self._journal.emit(
            hook_events.hook_ended(
                at=now,
                operation=self._operation,
                id=id,
                phase=hook.phase.value,
                seconds=now - began,
                failure=failure.message if failure else "",
            )
        )
