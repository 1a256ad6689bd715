"""What the Kubernetes engine keeps beyond what every engine keeps, on a simulated API server and on a real one: one law each.

The trouble that API servers give (a lost answer, throttling, a conflict, a watch with a gap, a list of yesterday, news told twice, an
admission that changes what was said, a finalizer that hangs) makes nothing absent that is there, and touches nothing that is not ours.

Use: `for name, law in LAWS.items(): await law(world)`, each in a world of its own in which the engine runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol

from holdfast.engines.kubernetes.engine import KubernetesEngine
from holdfast.errors import EngineError
from holdfast.kit.tasks import Tasks
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.resource import Resource
from holdfast.testing.contracts import engine
from holdfast.testing.contracts.engine import DEADLINE_S, LOOK_AGAIN_S, end_of, listening, see, walk
from holdfast.testing.moody_wire import MoodyWire

RETRY_AFTER_S = 1
HOLD = "example.com/hold"
ARGO = "argocd-controller"
JSON_PATCH = "application/json-patch+json"


class ClusterWorld(engine.EngineWorld, Protocol):
    """A namespace of a cluster; its resources are ConfigMaps, and things of a definition that gives their parts a default colour."""

    @property
    def engine(self) -> KubernetesEngine: ...

    @property
    def moods(self) -> MoodyWire: ...

    @property
    def maps(self) -> str:
        """Return the path of the list of all ConfigMaps of the cluster."""
        ...

    def config_map(self, name: str, **data: str) -> Resource: ...

    def elsewhere(self, name: str) -> Resource:
        """Return a ConfigMap of a namespace that is not there."""
        ...

    def definition(self) -> Resource: ...

    def thing(self, name: str) -> Resource:
        """Return a thing with one part, which says no colour: a list that we own whole."""
        ...

    async def by_hand(self, name: str, patch: Any, manager: str = "somebody") -> None:
        """Merge `patch` into a ConfigMap, as another manager."""
        ...

    async def apply_as(self, name: str, manager: str, **data: str) -> None:
        """Apply a ConfigMap on the server's side, by force, as another manager."""
        ...

    async def take(self, name: str) -> None:
        """Delete a ConfigMap, as somebody else."""
        ...

    async def there(self, name: str) -> Mapping[str, Any] | None:
        """Return a ConfigMap as the cluster has it."""
        ...


async def _until(world: ClusterWorld, is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await is_so():
            await world.clock.sleep(LOOK_AGAIN_S)


async def _stands(world: ClusterWorld, resource: Resource) -> None:
    await walk(world, None, resource)
    assert (await see(world, resource.id)).state == resource.state


async def _handle(world: ClusterWorld, id: ResourceId) -> Mapping[str, Any]:
    return (await see(world, id)).handle or {}


async def what_others_add_is_no_drift_and_what_they_take_says_by_whom(world: ClusterWorld) -> None:
    web = world.config_map("web", a="1")
    await _stands(world, web)
    await world.by_hand("web", {"data": {"b": "theirs"}})
    await world.by_hand("web", {"data": {"a": "theirs"}}, manager="rival")

    async def is_taken() -> bool:
        return (await see(world, web.id)).state != web.state

    await _until(world, is_taken)
    assert (await _handle(world, web.id))["taken"] == {".data.a": "rival"}
    await _stands(world, web)
    there = await world.there("web")
    assert there is not None
    assert there["data"] == {"a": "1", "b": "theirs"}


async def what_is_not_said_any_more_goes_and_what_others_own_stays(world: ClusterWorld) -> None:
    await _stands(world, world.config_map("web", a="1", b="2"))
    await world.by_hand("web", {"data": {"c": "theirs"}})
    await _stands(world, world.config_map("web", a="1"))
    there = await world.there("web")
    assert there is not None
    assert there["data"] == {"a": "1", "c": "theirs"}


async def what_argo_cd_applied_becomes_ours_alone(world: ClusterWorld) -> None:
    """Its entry goes out of the record of owners, that of anybody else stays; what Git takes out later goes, then."""
    await world.apply_as("web", ARGO, a="1", b="2", only="theirs")
    await world.by_hand("web", {"data": {"c": "rival's"}}, manager="rival")
    await _stands(world, world.config_map("web", a="1", b="2"))
    assert await _owners(world, "web") == ["holdfast", "rival"]
    await _stands(world, world.config_map("web", a="1"))
    there = await world.there("web")
    assert there is not None
    assert there["data"] == {"a": "1", "only": "theirs", "c": "rival's"}
    sent = len(world.moods.sent)
    await _stands(world, world.config_map("web", a="2"))
    assert not [question for _, question in world.moods.sent[sent:] if question.kind == JSON_PATCH], "there is nothing left to take over"


async def a_takeover_goes_on_where_somebody_else_was_faster(world: ClusterWorld) -> None:
    await world.apply_as("web", ARGO, a="1", b="2")
    world.moods.answer("PATCH", "/web", 409, "Conflict", "the object has been modified", kind=JSON_PATCH)
    await _stands(world, world.config_map("web", a="1", b="2"))
    assert await _owners(world, "web") == ["holdfast"]


async def a_takeover_that_was_cut_off_is_ended_by_the_next_apply(world: ClusterWorld) -> None:
    """Between the apply and the patch the daemon ended; what Git has taken out since must not stay as Argo CD's."""
    await world.apply_as("web", ARGO, a="1", b="2")
    world.moods.answer("PATCH", "/web", 500, "InternalError", "etcd is away", kind=JSON_PATCH)
    assert await _code(world, _apply(world.config_map("web", a="1", b="2"))) == "HF3308"
    assert await _owners(world, "web") == [ARGO, "holdfast"]
    await world.restart()
    assert (await see(world, world.config_map("web").id)).state is not None  # nobody applies what was not looked at
    await _stands(world, world.config_map("web", a="1"))
    assert await _owners(world, "web") == ["holdfast"]
    there = await world.there("web")
    assert there is not None
    assert there["data"] == {"a": "1"}


async def _owners(world: ClusterWorld, name: str) -> list[str]:
    there = await world.there(name)
    return sorted({each["manager"] for each in there["metadata"]["managedFields"]}) if there is not None else []


async def a_lost_answer_to_an_apply_is_no_harm(world: ClusterWorld) -> None:
    web = world.config_map("web", a="1")
    world.moods.lose("PATCH", "/web")
    await _stands(world, web)
    assert await world.standing(web.id) == 1


async def a_lost_answer_to_a_deletion_is_no_harm(world: ClusterWorld) -> None:
    web = world.config_map("web", a="1")
    await _stands(world, web)
    world.moods.lose("DELETE", "/web")
    await world.engine.apply(end_of(web))
    assert (await see(world, web.id)).state is None


async def who_is_asked_to_wait_waits(world: ClusterWorld) -> None:
    """A 429 with Retry-After: nothing is sent before the time is over, and then it goes on by itself."""
    web, other = world.config_map("web", a="1"), world.config_map("other", a="1")
    await _stands(world, web)
    world.moods.answer("PATCH", "/web", 429, "TooManyRequests", "slow down", **{"Retry-After": str(RETRY_AFTER_S)})
    began = len(world.moods.sent)
    async with Tasks() as tasks:
        tasks.start("one", walk(world, web, world.config_map("web", a="2"), "op-2"))
        await _until(world, lambda: _true(len(world.moods.sent) > began))
        throttled_at = world.moods.sent[began][0]
        tasks.start("other", walk(world, None, other, "op-3"))
        await tasks.ended("one")
        await tasks.ended("other")
    later = [at for at, question in world.moods.sent[began + 1 :] if question.method == "PATCH"]
    assert len(later) == 2
    assert min(later) >= throttled_at + RETRY_AFTER_S
    assert (await see(world, web.id)).state == world.config_map("web", a="2").state


async def _true(value: bool) -> bool:
    return value


async def a_conflict_is_told_and_the_same_step_may_follow(world: ClusterWorld) -> None:
    web = world.config_map("web", a="1")
    await _stands(world, web)
    changed = world.config_map("web", a="2")
    world.moods.answer("PATCH", "/web", 409, "Conflict", "the object has been modified")
    assert await _code(world, _apply(changed)) == "HF3305"
    assert (await see(world, web.id)).state == web.state
    await _stands(world, changed)


async def what_happened_while_nobody_told_is_told(world: ClusterWorld) -> None:
    """A watch breaks and the news of meanwhile are lost; nothing is absent meanwhile, and then all of it is known and told."""
    changed, gone, kept = (world.config_map(name, a="1") for name in ("changed", "gone", "kept"))
    for each in (changed, gone, kept):
        await _stands(world, each)
    async with listening(world) as told:
        world.moods.hang_up()
        await world.by_hand("changed", {"data": {"a": "2"}})
        await world.take("gone")
        told.clear()
        world.moods.listen_again()
        await _until(world, lambda: _true({changed.id, gone.id} <= told))

    async def is_known() -> bool:
        live = await world.engine.observe([changed.id, gone.id, kept.id])
        assert kept.id not in live.observed or live.observed[kept.id].state == kept.state
        return gone.id in live.observed and live.observed[gone.id].state is None and live.observed[changed.id].state != changed.state

    await _until(world, is_known)


async def a_list_of_yesterday_takes_nothing_away(world: ClusterWorld) -> None:
    """A server that lags behind lists what was before our own write: that is older than what we know of it."""
    old, new = world.config_map("old", a="1"), world.config_map("new", a="1")
    await _stands(world, old)
    await world.moods.remember(world.maps)
    await _stands(world, new)
    await _stands(world, world.config_map("old", a="2"))
    world.moods.be_stale(world.maps)
    before = await _lists(world)
    world.moods.expire(world.maps)
    world.moods.lag_s = 0.3  # the watch that goes on from yesterday takes its time to come to today
    await world.by_hand("old", {"data": {"b": "theirs"}})

    async def is_listed() -> bool:
        live = await world.engine.observe([old.id, new.id])
        for id, resource in ((old.id, world.config_map("old", a="2")), (new.id, new)):
            assert id not in live.observed or live.observed[id].state == resource.state
        return await _lists(world) > before and not live.unreachable

    await _until(world, is_listed)
    assert (await see(world, new.id)).state == new.state
    world.moods.lag_s = 0.0
    await world.take("new")

    async def is_gone() -> bool:
        return (await see(world, new.id)).state is None

    await _until(world, is_gone)


async def _lists(world: ClusterWorld) -> int:
    asked = [question for _, question in world.moods.sent if (question.method, question.path) == ("GET", world.maps)]
    return sum(("watch", "true") not in question.query or ("sendInitialEvents", "true") in question.query for question in asked)


async def news_that_are_told_twice_change_nothing(world: ClusterWorld) -> None:
    world.moods.is_repeating = True
    first, second = world.config_map("web", a="1"), world.config_map("web", a="2")
    await _stands(world, first)
    await walk(world, first, second, "op-2")
    other = world.config_map("other", a="1")
    await _stands(world, other)
    for _ in range(5):
        assert (await see(world, first.id)).state == second.state
        await world.by_hand("other", {"data": {"b": "theirs"}})
        await world.clock.sleep(LOOK_AGAIN_S)
    await world.engine.apply(end_of(second))
    assert (await see(world, second.id)).state is None


async def news_that_come_late_are_not_newer_than_our_own_write(world: ClusterWorld) -> None:
    first, second = world.config_map("web", a="1"), world.config_map("web", a="2")
    await _stands(world, first)
    world.moods.lag_s = 0.2
    for number in range(4):
        before, after = (first, second) if number % 2 == 0 else (second, first)
        await walk(world, before, after, f"op-{number}")
        for _ in range(5):
            assert (await see(world, first.id)).state == after.state
            await world.clock.sleep(LOOK_AGAIN_S)


async def what_a_watch_lost_is_found_by_a_sample(world: ClusterWorld) -> None:
    """An event never came, and nothing says so: a proof of the cache against a list of names does."""
    web, other = world.config_map("web", a="1"), world.config_map("other", a="1")
    await _stands(world, web)
    await _stands(world, other)
    await world.engine.watches.sample()  # the watch has told of all this by now
    world.moods.swallow("web")
    await world.by_hand("web", {"data": {"a": "theirs"}}, manager="rival")
    await world.by_hand("other", {"data": {"b": "theirs"}})
    assert (await see(world, web.id)).state == web.state
    await world.engine.watches.sample()

    async def is_known() -> bool:
        live = await world.engine.observe([web.id])
        return web.id in live.observed and live.observed[web.id].state != web.state

    await _until(world, is_known)
    assert (await _handle(world, web.id))["taken"] == {".data.a": "rival"}


async def what_an_admission_changes_is_no_drift(world: ClusterWorld) -> None:
    """The server writes into a list that is ours whole. Its answer to our apply counts as what we said, after a restart too."""
    definition, thing = world.definition(), world.thing("one")
    await walk(world, None, definition)

    async def is_applied() -> bool:
        return await _code(world, _apply(thing)) is None

    await _until(world, is_applied)
    assert (await see(world, thing.id)).state == thing.state
    await world.restart()
    assert (await see(world, thing.id)).state == thing.state


async def a_definition_that_comes_later_is_found(world: ClusterWorld) -> None:
    definition, thing = world.definition(), world.thing("one")
    assert (await see(world, thing.id)).state is None
    assert await _code(world, _apply(thing)) == "HF3304"
    await walk(world, None, definition)

    async def is_established() -> bool:
        return (await _handle(world, definition.id)).get("health") == "Healthy"

    await _until(world, is_established)

    async def is_applied() -> bool:
        return await _code(world, _apply(thing)) is None

    await _until(world, is_applied)
    assert (await see(world, thing.id)).state == thing.state


async def a_deletion_that_hangs_names_its_finalizer(world: ClusterWorld) -> None:
    held = world.config_map("held", a="1")
    await _stands(world, held)
    await world.by_hand("held", {"metadata": {"finalizers": [HOLD]}})
    ending = replace(end_of(held), deadline_s=1.0)
    failed = await _failure(world, ending)
    assert failed is not None
    assert (failed.code, HOLD in failed.message) == ("HF3312", True)
    assert (await _handle(world, held.id))["health"] == "Progressing"
    await world.by_hand("held", {"metadata": {"finalizers": None}})
    await world.engine.apply(ending)
    assert (await see(world, held.id)).state is None


async def what_took_the_place_of_ours_is_not_deleted(world: ClusterWorld) -> None:
    """Somebody deletes it and puts another there while our deletion waits: what was asked to go is gone."""
    held = world.config_map("held", a="1")
    await _stands(world, held)
    await world.by_hand("held", {"metadata": {"finalizers": [HOLD]}})
    async with Tasks() as tasks:
        tasks.start("ending", world.engine.apply(end_of(held)))

        async def is_asked() -> bool:
            there = await world.there("held")
            return there is not None and "deletionTimestamp" in there["metadata"]

        await _until(world, is_asked)
        await world.by_hand("held", {"metadata": {"finalizers": None}})
        await _until(world, lambda: _absent(world, "held"))
        await world.by_hand("held", {"data": {"a": "theirs"}})
        await tasks.ended("ending")
    there = await world.there("held")
    assert there is not None
    assert there["data"] == {"a": "theirs"}


async def _absent(world: ClusterWorld, name: str) -> bool:
    return await world.there(name) is None


async def a_namespace_that_is_not_there_is_said(world: ClusterWorld) -> None:
    lost = world.elsewhere("lost")
    assert await _code(world, _apply(lost)) == "HF3321"
    assert (await see(world, lost.id)).state is None


def _apply(resource: Resource) -> Step:
    change = Change(id=resource.id, verb=Verb.UPDATE, reason=Reason.DECLARED, before=None, after=resource.state)
    return Step(operation="op", verb=StepVerb.APPLY, change=change, resource=resource)


async def _code(world: ClusterWorld, step: Step) -> str | None:
    failed = await _failure(world, step)
    return failed.code if failed is not None else None


async def _failure(world: ClusterWorld, step: Step) -> EngineError | None:
    """Do a step, and return its error; None where it does not fail."""
    try:
        await world.engine.apply(step)
    except EngineError as error:
        return error
    return None


LAWS: Mapping[str, Callable[[ClusterWorld], Awaitable[None]]] = MappingProxyType(
    {
        law.__name__: law
        for law in (
            what_others_add_is_no_drift_and_what_they_take_says_by_whom,
            what_is_not_said_any_more_goes_and_what_others_own_stays,
            what_argo_cd_applied_becomes_ours_alone,
            a_takeover_goes_on_where_somebody_else_was_faster,
            a_takeover_that_was_cut_off_is_ended_by_the_next_apply,
            a_lost_answer_to_an_apply_is_no_harm,
            a_lost_answer_to_a_deletion_is_no_harm,
            who_is_asked_to_wait_waits,
            a_conflict_is_told_and_the_same_step_may_follow,
            what_happened_while_nobody_told_is_told,
            a_list_of_yesterday_takes_nothing_away,
            news_that_are_told_twice_change_nothing,
            news_that_come_late_are_not_newer_than_our_own_write,
            what_a_watch_lost_is_found_by_a_sample,
            what_an_admission_changes_is_no_drift,
            a_definition_that_comes_later_is_found,
            a_deletion_that_hangs_names_its_finalizer,
            what_took_the_place_of_ours_is_not_deleted,
            a_namespace_that_is_not_there_is_said,
        )
    }
)
