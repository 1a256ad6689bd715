"""What every Net keeps, the real one and the simulated one: one law each, run against a world in which the test puts up servers.

Use: `for name, law in LAWS.items(): await law(world)`, each in a world of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, TypeAlias

from holdfast.errors import EngineError
from holdfast.host.net import BODY_LIMIT
from holdfast.kit.canonical import Json
from holdfast.kit.tasks import all_of
from holdfast.model.ports import HttpAnswer, Net
from holdfast.testing.simulated_net import Asked

PATIENCE_S = 20.0
SHORT_S = 0.05
Target: TypeAlias = Mapping[str, Json]


class NetWorld(Protocol):
    """A net, and servers that answer every request alike; one with the answer None takes connections and says nothing."""

    @property
    def net(self) -> Net: ...

    async def serve(self, answer: HttpAnswer | None) -> Target:
        """Put up a server on a TCP port."""
        ...

    async def serve_unix(self, answer: HttpAnswer | None) -> Target:
        """Put up a server at a unix path."""
        ...

    def nowhere(self) -> Sequence[Target]:
        """Return a port and a unix path at which nobody listens."""
        ...

    def asked(self, target: Target) -> Sequence[Asked]:
        """Return what a server was asked, with header names in lower case; each stands for one connection."""
        ...


HELLO = HttpAnswer(status=200, body=b"hello", headers={"X-Word": "yes"})


async def refuses(code: str, asked: Awaitable[object]) -> None:
    """Check that what is asked fails with this code."""
    try:
        await asked
        found = "nothing was refused"
    except EngineError as error:
        found = error.code
    assert found == code, found


async def who_listens_can_be_connected_to(world: NetWorld) -> None:
    for target in (await world.serve(HELLO), await world.serve_unix(HELLO), await world.serve(None)):
        await world.net.connect(target, timeout_s=PATIENCE_S)


async def nobody_there_is_unavailable(world: NetWorld) -> None:
    for target in world.nowhere():
        await refuses("HF3090", world.net.connect(target, timeout_s=PATIENCE_S))
        await refuses("HF3090", world.net.http(target, timeout_s=PATIENCE_S))


async def an_answer_comes_as_it_was_given(world: NetWorld) -> None:
    for target in (await world.serve(HELLO), await world.serve_unix(HELLO)):
        answer = await world.net.http(target, timeout_s=PATIENCE_S)
        assert (answer.status, answer.body, answer.headers["X-Word"]) == (200, b"hello", "yes")


async def an_error_is_an_answer(world: NetWorld) -> None:
    target = await world.serve(HttpAnswer(status=503, body=b"busy"))
    answer = await world.net.http(target, timeout_s=PATIENCE_S)
    assert (answer.status, answer.body) == (503, b"busy")


async def who_says_nothing_is_out_of_time(world: NetWorld) -> None:
    for target in (await world.serve(None), await world.serve_unix(None)):
        await refuses("HF3091", world.net.http(target, timeout_s=SHORT_S))


async def what_is_asked_is_what_is_heard(world: NetWorld) -> None:
    target = await world.serve(HELLO)
    await world.net.http(target, method="HEAD", path="/a/b?c=d", headers={"X-Who": "us"}, timeout_s=PATIENCE_S)
    [asked] = world.asked(target)
    assert (asked.method, asked.path, asked.headers["x-who"]) == ("HEAD", "/a/b?c=d", "us")


async def a_redirect_is_not_followed(world: NetWorld) -> None:
    elsewhere = await world.serve(HELLO)
    target = await world.serve(HttpAnswer(status=302, headers={"Location": f"http://127.0.0.1:{elsewhere['port']}/"}))
    assert (await world.net.http(target, timeout_s=PATIENCE_S)).status == 302
    assert world.asked(elsewhere) == []


async def a_long_body_is_cut(world: NetWorld) -> None:
    target = await world.serve(HttpAnswer(status=200, body=b"x" * (BODY_LIMIT + 1)))
    assert len((await world.net.http(target, timeout_s=PATIENCE_S)).body) == BODY_LIMIT


async def every_look_has_a_connection_of_its_own(world: NetWorld) -> None:
    """One that is kept would show that a server took a visitor once, not that it takes new ones."""
    target = await world.serve(HELLO)
    await all_of(*(world.net.http(target, timeout_s=PATIENCE_S) for _ in range(3)))
    await world.net.http(target, timeout_s=PATIENCE_S)
    assert len(world.asked(target)) == 4


LAWS: Mapping[str, Callable[[NetWorld], Awaitable[None]]] = MappingProxyType(
    {
        law.__name__: law
        for law in (
            who_listens_can_be_connected_to,
            nobody_there_is_unavailable,
            an_answer_comes_as_it_was_given,
            an_error_is_an_answer,
            who_says_nothing_is_out_of_time,
            what_is_asked_is_what_is_heard,
            a_redirect_is_not_followed,
            a_long_body_is_cut,
            every_look_has_a_connection_of_its_own,
        )
    }
)
