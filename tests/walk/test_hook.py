"""The book of hooks: when an operation runs them, and what is remembered for the end of an Application."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from holdfast.kit.canonical import Json
from holdfast.model.hook import HookPhase
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Blocked, Change, Plan, Reason, Verb
from holdfast.model.resource import Desired, Hook, Resource
from holdfast.model.state import State
from holdfast.walk.hook import HookBook, seal_of

JOB = ResourceId("c", "batch/Job", "shop", "migrate")
MAP = ResourceId("c", "ConfigMap", "shop", "a")


class Memory:
    """Records that are kept in memory."""

    def __init__(self) -> None:
        self.held: dict[str, Json] = {}

    def get(self, key: str) -> Json:
        return self.held.get(key)

    def all(self) -> Mapping[str, Json]:
        return self.held

    async def put(self, key: str, value: Json) -> None:
        self.held[key] = value

    async def drop(self, key: str) -> None:
        self.held.pop(key, None)


def hook(phase: HookPhase = HookPhase.PRE_SYNC, version: int = 1) -> Hook:
    return Hook(resource=Resource(id=JOB, state=State.of({"metadata": {"name": "migrate"}, "version": version})), phase=phase)


def desired(*hooks: Hook) -> Desired:
    return Desired.of("shop", "r1", (), hooks=hooks)


def plan(reason: Reason) -> Plan:
    return Plan(waves=((Change(id=MAP, verb=Verb.UPDATE, reason=reason, before=None, after=None),),))


def book(state: str = "", of: Desired | None = None) -> HookBook:
    found = HookBook(Memory())
    if of is not None:
        asyncio.run(found.write("shop", digest=of.digest, hooks=seal_of(of.hooks), state=state, runs={}))
    return found


def test_a_change_runs_them_and_drift_does_not() -> None:
    assert book().is_due(desired(hook()), plan(Reason.DECLARED))
    assert book().is_due(desired(hook()), plan(Reason.ROLLED_BACK), is_rollback=True)
    assert not book().is_due(desired(hook()), plan(Reason.DRIFTED))
    assert not book().is_due(desired(), plan(Reason.DECLARED))
    assert not book().is_due(desired(hook(HookPhase.PRE_DELETE)), plan(Reason.DECLARED))


def test_without_a_change_only_what_is_unfinished_or_edited_runs() -> None:
    one, other = desired(hook()), desired(hook(version=2))
    assert not book().is_due(one, Plan())  # what stands already is taken over
    assert [book(state, one).is_due(one, Plan()) for state in ("open", "failed", "done")] == [True, True, False]
    assert book("done", one).is_due(other, Plan())
    assert not book("done", one).is_due(other, Plan(), is_rollback=True)
    assert not book("failed", one).is_due(one, Plan(blocked={MAP: Blocked(reason="it waits")}))


def test_what_is_run_at_the_end_is_remembered() -> None:
    it, last = book(), hook(HookPhase.POST_DELETE)
    asyncio.run(it.note(desired(hook(), last), stands=False))
    assert it.last("shop") == (last,)
    assert not it.is_due(desired(hook(version=2)), Plan())
    asyncio.run(it.note(desired(hook(), last), stands=True))
    assert it.is_due(desired(hook(version=2)), Plan())
    asyncio.run(it.forget("shop"))
    assert it.last("shop") == ()


def test_a_hook_under_another_name_says_so_itself() -> None:
    named = hook().named("migrate-1")
    assert named.resource.id.name == "migrate-1"
    assert named.resource.state.fields["metadata"] == {"name": "migrate-1"}
