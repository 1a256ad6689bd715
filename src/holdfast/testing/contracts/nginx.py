"""What the nginx engine keeps, on a real nginx and on the simulated one: one law each, run against a world that the test can disturb.

Use: `for name, law in LAWS.items(): await law(world)`, each in a world of its own in which an Edge is applied and the engine runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import Any, Protocol

from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.part import KIND, fields_of
from holdfast.edge.route_spec import RawSpec
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.typed import write
from holdfast.engines.nginx.port import Nginx
from holdfast.errors import EngineError
from holdfast.kit.tasks import all_of
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Observation
from holdfast.model.resource import Origin, Resource
from holdfast.model.state import Facts, State

EDGE = ResourceId(HOST, "Edge", "holdfast", "edge")


class NginxWorld(Protocol):
    """An engine that runs, what it told, and what others may do to its nginx."""

    @property
    def nginx(self) -> Nginx: ...

    async def apply(self, resource: Resource) -> None: ...

    async def delete(self, id: ResourceId) -> None: ...

    async def seen(self, id: ResourceId) -> Observation: ...

    async def until_seen(self, id: ResourceId, holds: Callable[[Observation], bool], what: str) -> Observation:
        """Wait until what is seen of an id is as `holds` says."""
        ...

    async def until_told(self, type: str, count: int = 1) -> Event:
        """Wait for so many events of a type; return the last of them."""
        ...

    def events(self, type: str) -> list[Event]: ...

    async def status(self, host: str) -> int | None:
        """Visit a host as a browser would; None where nobody answers for it."""
        ...

    def edit(self, old: str, new: str) -> None:
        """Change the configuration that is read next, as a person with an editor would."""
        ...

    def reload_by_hand(self) -> None: ...

    def kill_master(self) -> None: ...

    def take_port(self) -> int:
        """Have another program hold a port, until the world ends; return it."""
        ...

    def restarted(self) -> AbstractAsyncContextManager[None]:
        """End the daemon, and have a new one run within the block."""
        ...


def edge(**fields: Any) -> Resource:
    """Return an Edge that can run on any machine."""
    spec = EdgeSpec(**{"bind": ("127.0.0.1",), "connections": 256, "workers": 2, "reload_window": 0.2, **fields})
    return Resource(id=EDGE, state=State.of(write(EdgeSpec, spec, {})), labels={APPLICATION: "platform"})


def site(name: str, spec: SiteSpec | None = None, *, application: str = "shop", release: str | None = None) -> Resource:
    """Return the part of a Site; without a spec one whose application does not answer, which the edge can serve all the same."""
    id = ResourceId(HOST, KIND, application, name)
    wanted = spec or SiteSpec(hosts=(f"{name}.example.com",), targets=("127.0.0.1:9",))
    return Resource(
        id=id,
        state=State.of(fields_of(wanted, Facts(), id, application, release)),
        labels={APPLICATION: application},
        origin=Origin(path=f"{name}.yaml", line=3, revision="c" * 40),
    )


def refused_site(name: str) -> Resource:
    """Return a part that only nginx itself finds wrong, and names the line."""
    raw = (RawSpec(directive="limit_rate", args=("abc",)),)
    return site(name, SiteSpec(hosts=(f"{name}.example.com",), targets=("127.0.0.1:9",), raw=raw))


async def fails(code: str, asked: Awaitable[object]) -> EngineError:
    """Check that what is asked fails with this code; return the error."""
    error = await error_of(asked)
    assert error is not None, f"not refused: {code}"
    assert error.code == code, f"{error.code}: {error.message} {error.log}"
    return error


async def error_of(asked: Awaitable[object]) -> EngineError | None:
    try:
        await asked
    except EngineError as error:
        return error
    return None


async def what_is_applied_is_served_and_seen(world: NginxWorld) -> None:
    assert (await world.seen(site("a").id)).state is None
    await world.apply(site("a"))
    seen = await world.seen(site("a").id)
    assert seen.state == site("a").state
    assert seen.handle is not None
    assert (seen.handle["phase"], seen.handle["hosts"]) == ("serving", ["a.example.com"])
    assert await world.status("a.example.com") is not None
    assert await world.status("b.example.com") is None


async def what_is_deleted_is_served_no_more(world: NginxWorld) -> None:
    await world.apply(site("a"))
    await world.apply(site("b"))
    await world.delete(site("a").id)
    assert (await world.seen(site("a").id)).state is None
    assert await world.status("a.example.com") is None
    assert await world.status("b.example.com") is not None


async def without_anything_applied_nginx_ends(world: NginxWorld) -> None:
    await world.apply(site("a"))
    await world.delete(site("a").id)
    await world.delete(EDGE)
    assert world.nginx.master() is None
    assert world.nginx.current() is None
    await world.apply(site("a"))
    assert world.nginx.master() is not None


async def what_comes_together_goes_in_one_reload(world: NginxWorld) -> None:
    await world.apply(site("first"))
    before = len(world.events("edge.reloaded"))
    await all_of(*(world.apply(site(name)) for name in "abcdef"))
    assert len(world.events("edge.reloaded")) == before + 1
    assert await world.status("f.example.com") is not None


async def what_nginx_refuses_fails_alone(world: NginxWorld) -> None:
    await world.apply(site("a"))
    errors = await all_of(error_of(world.apply(refused_site("bad"))), error_of(world.apply(site("good"))))
    assert errors[1] is None
    assert errors[0] is not None
    assert (errors[0].code, [str(where) for where in errors[0].where]) == ("HF3181", ["bad.yaml:3"])
    assert "limit_rate" in errors[0].message
    assert (await world.seen(site("bad").id)).state is None
    assert await world.status("good.example.com") is not None


async def a_refused_version_leaves_the_one_before(world: NginxWorld) -> None:
    await world.apply(site("a"))
    generation = await world.nginx.answer()
    await fails("HF3181", world.apply(refused_site("a")))
    assert (await world.seen(site("a").id)).state == site("a").state
    assert await world.nginx.answer() == generation
    assert world.nginx.current() == generation


async def a_reload_that_is_refused_leaves_the_one_before(world: NginxWorld) -> None:
    """A port that somebody holds is seen by no test."""
    await world.apply(site("a"))
    generation = await world.nginx.answer()
    error = await fails("HF3183", world.apply(edge(http=world.take_port())))
    assert "could not bind()" in " ".join(error.log)
    assert await world.nginx.answer() == generation
    assert world.nginx.current() == generation
    refused = world.events("edge.refused")[-1]
    assert (refused.data["code"], refused.data["serving"]) == ("HF3183", (generation or "")[:12])
    await world.apply(site("b"))
    assert await world.status("b.example.com") is not None


async def an_edit_is_told_and_put_right(world: NginxWorld) -> None:
    await world.apply(site("a"))
    await world.apply(site("b"))
    world.edit("server_name a.example.com", "server_name x.example.com")
    told = await world.until_told("edge.edited")
    assert "-        server_name a.example.com;" in str(told.data["diff"])
    assert told.data["application"] == "shop"
    seen = await world.until_seen(site("a").id, lambda seen: seen.state != site("a").state, "a drifted")
    assert seen.state is not None
    assert "changed by somebody else" in str(seen.state.fields["drift"])
    assert (await world.seen(site("b").id)).state == site("b").state
    reloads = len(world.events("edge.reloaded"))
    await world.apply(site("a"))
    assert (await world.seen(site("a").id)).state == site("a").state
    assert world.nginx.edits() == ()
    assert len(world.events("edge.reloaded")) == reloads, "what the workers hold was never changed"


async def a_reload_of_an_edit_by_hand_is_seen_and_undone(world: NginxWorld) -> None:
    await world.apply(site("a"))
    world.edit("server_name a.example.com", "server_name x.example.com")
    world.reload_by_hand()
    await world.until_told("edge.edited")
    await world.until_told("edge.drifted")
    await world.until_seen(EDGE, lambda seen: seen.state != edge().state, "the Edge drifted")
    await world.apply(edge())
    await world.apply(site("a"))
    assert (await world.seen(EDGE)).state == edge().state
    assert await world.status("a.example.com") is not None
    assert await world.status("x.example.com") is None


async def a_master_that_dies_is_started_again(world: NginxWorld) -> None:
    await world.apply(site("a"))
    starts = len(world.events("edge.reloaded"))
    world.kill_master()
    await world.until_told("edge.exited")
    await world.until_told("edge.reloaded", starts + 1)
    assert await world.status("a.example.com") is not None
    assert (await world.seen(site("a").id)).state == site("a").state


async def a_new_daemon_takes_over_without_a_reload(world: NginxWorld) -> None:
    await world.apply(site("a"))
    generation, master, reloads = await world.nginx.answer(), world.nginx.master(), len(world.events("edge.reloaded"))
    assert master is not None
    async with world.restarted():
        seen = await world.seen(site("a").id)
        assert seen.state == site("a").state
        now = world.nginx.master()
        assert now is not None
        assert (now.pid, now.accepting, await world.nginx.answer()) == (master.pid, master.accepting, generation)
        assert len(world.events("edge.reloaded")) == reloads
        await world.apply(site("b"))
        assert await world.status("b.example.com") is not None


async def a_step_that_is_told_again_does_nothing(world: NginxWorld) -> None:
    await world.apply(site("a"))
    reloads = len(world.events("edge.reloaded"))
    await world.apply(site("a"))
    await world.delete(site("nobody").id)
    assert len(world.events("edge.reloaded")) == reloads


LAWS: Mapping[str, Callable[[NginxWorld], Awaitable[None]]] = MappingProxyType(
    {
        law.__name__.replace("_", " "): law
        for law in (
            what_is_applied_is_served_and_seen,
            what_is_deleted_is_served_no_more,
            without_anything_applied_nginx_ends,
            what_comes_together_goes_in_one_reload,
            what_nginx_refuses_fails_alone,
            a_refused_version_leaves_the_one_before,
            a_reload_that_is_refused_leaves_the_one_before,
            an_edit_is_told_and_put_right,
            a_reload_of_an_edit_by_hand_is_seen_and_undone,
            a_master_that_dies_is_started_again,
            a_new_daemon_takes_over_without_a_reload,
            a_step_that_is_told_again_does_nothing,
        )
    }
)
