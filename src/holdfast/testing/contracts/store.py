"""The contract of `model.ports.Store`: what every store must do, the real one and the simulated one.

Each check takes an empty store. Run all of CONTRACT against a new store of yours:

    @pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
    def test_the_store_keeps_its_contract(check): asyncio.run(...)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from holdfast.core import events as say
from holdfast.kit.canonical import Json
from holdfast.kit.tasks import all_of
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.operation import Applied, Failure, Operation, Outcome, Phase, Trigger
from holdfast.model.plan import Owned
from holdfast.model.ports import (
    Append,
    DropOwned,
    DropRecord,
    PutOperation,
    PutOwned,
    PutRecord,
    PutSnapshot,
    Snapshot,
    Store,
    Write,
)
from holdfast.model.proof import Claim
from holdfast.model.resource import Derived, Origin, Resource, ResourcePolicy
from holdfast.model.state import State

Check: TypeAlias = Callable[[Store], Awaitable[None]]

CONCURRENT = 1_000


def event(number: int, *, at: float | None = None, application: str = "shop") -> Event:
    return say.application_suspended(at=float(number) if at is None else at, application=application, by="ann", reason=f"number {number}")


def owned(name: str, *, revision: str = "r1") -> Owned:
    """Return an entry with something in every field."""
    id = ResourceId(HOST, "Process", "shop", name)
    resource = Resource(
        id=id,
        state=State.of({"command": ["run", name], "env": {"WORD": "ünï\u2028code"}, "limit": 1.5, "none": None}),
        needs=frozenset([ResourceId(HOST, "File", "shop", "conf")]),
        wave=-2,
        owner=Derived((ResourceId(HOST, "Process", "shop", "web"),)),
        policy=ResourcePolicy(prune=False, replace_on=frozenset({"user"}), restart_with=frozenset([id])),
        origin=Origin(path="shop/web.yaml", line=3, revision=revision),
        labels={"tier": "front"},
        claims=(Claim(text="answers on port 3000", method="tcp", target={"host": "127.0.0.1", "port": 3000}),),
    )
    return Owned(application="shop", resource=resource, revision=revision, operation="op-1")


def operation(id: str, *, phase: Phase = Phase.RUNNING, application: str = "shop", started_at: float = 1.0) -> Operation:
    subject = ResourceId(HOST, "Process", "shop", "web")
    failure = Failure(code="HF3001", message="it died", log=("line 1", "line 2"), dead=True)
    outcome = Outcome(id=subject, status=Applied.FAILED, attempts=2, started_at=started_at, finished_at=started_at + 1, failure=failure)
    is_running = phase is Phase.RUNNING
    return Operation(
        id=id,
        application=application,
        trigger=Trigger.COMMIT,
        revision="r1",
        desired_digest="d",
        plan_digest="p",
        phase=phase,
        started_at=started_at,
        finished_at=None if is_running else started_at + 2,
        outcomes=() if is_running else (outcome,),
        created=(subject,),
    )


async def appended_events_are_numbered_and_read_back(store: Store) -> None:
    assert await store.events() == ()
    first = await store.commit(Append(event(1)), PutRecord("space", "key", 1), Append(event(2)))
    second = await store.commit(Append(event(3)))
    assert [it.seq for it in (*first, *second)] == [1, 2, 3]
    assert [replace(it, seq=0) for it in (*first, *second)] == [event(1), event(2), event(3)]
    assert await store.events() == (*first, *second)
    assert await store.commit(PutRecord("space", "key", 2)) == ()


async def events_are_chosen_by_place_time_and_application(store: Store) -> None:
    told = [event(1, at=1.0), event(2, at=5.0, application="blog"), event(3, at=3.0), event(4, at=4.0)]
    a, b, c, d = await store.commit(*map(Append, told))
    assert await store.events(after=2) == (c, d)
    assert await store.events(after=4) == ()
    assert await store.events(until=4.0) == (a, c, d)
    assert await store.events(until=0.5) == ()
    assert await store.events(application="blog") == (b,)
    assert await store.events(limit=2) == (a, b)
    assert await store.events(limit=2, newest=True) == (c, d)
    assert await store.events(limit=1, newest=True, until=3.5, application="shop") == (c,)
    assert await store.events(newest=True) == (a, b, c, d)
    assert await store.events(limit=0) == ()


async def concurrent_commits_are_whole_and_in_order(store: Store) -> None:
    told = await all_of(*(store.commit(Append(event(2 * n)), Append(event(2 * n + 1))) for n in range(CONCURRENT)))
    stored = await store.events()
    assert [it.seq for it in stored] == list(range(1, 2 * CONCURRENT + 1))
    assert sorted(told, key=lambda pair: pair[0].seq) == list(zip(stored[::2], stored[1::2], strict=True))
    assert [replace(it, seq=0) for it in stored] == [event(n) for n in range(2 * CONCURRENT)]


async def the_inventory_holds_what_was_put_last(store: Store) -> None:
    assert await store.inventory() == {}
    a, b = owned("a"), owned("b")
    await store.commit(PutOwned(b), PutOwned(a))
    assert list((await store.inventory()).items()) == [(a.resource.id, a), (b.resource.id, b)]
    newer = owned("a", revision="r2")
    await store.commit(PutOwned(newer), DropOwned(b.resource.id), DropOwned(ResourceId(HOST, "File", "shop", "never")))
    assert await store.inventory() == {a.resource.id: newer}


async def operations_come_newest_first_and_keep_their_place(store: Store) -> None:
    await store.commit(PutOperation(operation("1")), PutOperation(operation("2", application="blog")))
    await store.commit(PutOperation(operation("3")))
    ended = operation("1", phase=Phase.FAILED)
    await store.commit(PutOperation(ended))
    assert await store.operations() == (operation("3"), operation("2", application="blog"), ended)
    assert await store.operations(application="shop", limit=1) == (operation("3"),)
    assert [it.id for it in await store.operations(unfinished=True)] == ["3", "2"]
    assert [it.id for it in await store.operations(unfinished=True, application="shop")] == ["3"]


async def records_live_in_spaces(store: Store) -> None:
    value: Json = {"pid": 7, "list": [1, 2.5, None, True], "text": "ünï"}
    await store.commit(PutRecord("one", "b", value), PutRecord("one", "a", "x"), PutRecord("two", "a", None))
    assert list((await store.records("one")).items()) == [("a", "x"), ("b", value)]
    await store.commit(PutRecord("one", "a", "y"), DropRecord("one", "b"), DropRecord("one", "never"))
    assert await store.records("one") == {"a": "y"}
    assert await store.records("two") == {"a": None}
    assert await store.records("three") == {}


async def the_newest_snapshot_of_a_time_is_found(store: Store) -> None:
    assert await store.snapshot() is None
    old, new = Snapshot(seq=1, at=10.0, view={"a": [1]}), Snapshot(seq=5, at=20.0, view={"a": [2]})
    await store.commit(PutSnapshot(old), PutSnapshot(new))
    assert await store.snapshot() == new
    assert await store.snapshot(until=20.0) == new
    assert await store.snapshot(until=19.9) == old
    assert await store.snapshot(until=9.0) is None


async def only_what_a_snapshot_covers_is_pruned(store: Store) -> None:
    await store.commit(*(Append(event(n, at=float(n))) for n in range(1, 11)))
    assert await store.prune_events(before=100.0) == 0
    await store.commit(PutSnapshot(Snapshot(seq=3, at=3.0, view={})), PutSnapshot(Snapshot(seq=6, at=6.0, view={})))
    await store.commit(PutSnapshot(Snapshot(seq=9, at=9.0, view={})))
    assert await store.prune_events(before=8.0) == 6
    assert [it.seq for it in await store.events()] == [7, 8, 9, 10]
    assert await store.snapshot(until=8.0) == Snapshot(seq=6, at=6.0, view={})
    assert await store.snapshot(until=5.0) is None
    assert await store.prune_events(before=8.0) == 0
    assert await store.prune_events(before=100.0) == 3
    (added,) = await store.commit(Append(event(11)))
    assert added.seq == 11


async def ended_operations_go_with_the_events_of_their_time(store: Store) -> None:
    await store.commit(PutOperation(operation("1", phase=Phase.SUCCEEDED, started_at=1.0)), PutOperation(operation("2", started_at=1.0)))
    await store.commit(PutOperation(operation("3", phase=Phase.FAILED, started_at=50.0)))
    await store.prune_events(before=10.0)
    assert [it.id for it in await store.operations()] == ["3", "2"]


CONTRACT: Sequence[Check] = (
    appended_events_are_numbered_and_read_back,
    events_are_chosen_by_place_time_and_application,
    concurrent_commits_are_whole_and_in_order,
    the_inventory_holds_what_was_put_last,
    operations_come_newest_first_and_keep_their_place,
    records_live_in_spaces,
    the_newest_snapshot_of_a_time_is_found,
    only_what_a_snapshot_covers_is_pruned,
    ended_operations_go_with_the_events_of_their_time,
)


def writes_of_every_kind() -> tuple[Write, ...]:
    """Return one write of each kind, to be seen together or not at all."""
    return (
        Append(event(1)),
        PutOwned(owned("a")),
        PutOperation(operation("1")),
        PutRecord("space", "key", 1),
        PutSnapshot(Snapshot(seq=1, at=1.0, view={})),
    )


async def is_empty(store: Store) -> bool:
    """Say whether nothing of `writes_of_every_kind` is there."""
    found = (
        await store.events(),
        await store.inventory(),
        await store.operations(),
        await store.records("space"),
        await store.snapshot(),
    )
    return not any(found)
