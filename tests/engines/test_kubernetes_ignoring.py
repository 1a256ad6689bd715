"""Rules of `ignoreDifferences` with real jq: asked once for one form of an object, and not again for a while where it had to be ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from holdfast.engines.kubernetes.ignoring import REST_S, Ignoring
from holdfast.host.bounded import Answer
from holdfast.host.clock import RealClock
from holdfast.host.jq import Jq
from holdfast.kit.canonical import Json
from holdfast.model.state import State
from holdfast.model.terms import IgnoredFields

ENDLESS = "def f: f; f"
GIT = State.of({"containers": [{"name": "app", "image": "1"}, {"name": "b", "image": "1"}]})
LIVE = State.of({"containers": [{"name": "app", "image": "2"}, {"name": "b", "image": "1"}]})
OTHER = State.of({"containers": [{"name": "app", "image": "2"}, {"name": "b", "image": "2"}]})


class CountingJq(Jq):
    """The real one, which counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def paths(self, expression: str, value: Json) -> Answer:
        self.asked.append(expression)
        return await super().paths(expression, value)


class LateClock(RealClock):
    """The machine's, and some seconds later."""

    later_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.later_s


def run(work: Callable[[Ignoring, CountingJq, LateClock], Awaitable[None]]) -> None:
    async def whole() -> None:
        jq, clock = CountingJq(), LateClock()
        ignoring = Ignoring(jq, clock)
        try:
            await work(ignoring, jq, clock)
        finally:
            await ignoring.aclose()

    asyncio.run(whole())


def rule(*expressions: str) -> list[IgnoredFields]:
    return [IgnoredFields(jq_path_expressions=expressions)]


def test_what_an_expression_names_is_no_difference_and_is_asked_once() -> None:
    image = '.containers[] | select(.name == "app") | .image'

    async def work(ignoring: Ignoring, jq: CountingJq, clock: LateClock) -> None:
        for _ in range(3):
            assert await ignoring.is_same_but(rule(image), GIT, LIVE, {})
        assert jq.asked == [image, image]
        assert not await ignoring.is_same_but(rule(image), GIT, OTHER, {})
        assert len(jq.asked) == 3
        kept = await ignoring.respecting(rule(image), GIT.fields, OTHER.fields, {})
        assert kept == LIVE.fields

    run(work)


def test_an_expression_that_had_to_be_ended_rests_and_others_go_on() -> None:
    async def work(ignoring: Ignoring, jq: CountingJq, clock: LateClock) -> None:
        for live in (LIVE, OTHER, LIVE):
            with pytest.raises(ValueError, match="jqPathExpressions 'def f: f; f': it used more than 1 s of processor time"):
                await ignoring.is_same_but(rule(ENDLESS), GIT, live, {})
            assert await ignoring.is_same_but(rule(".containers[].image"), GIT, live, {})
        assert jq.asked.count(ENDLESS) == 1
        clock.later_s = REST_S + 1
        with pytest.raises(ValueError, match="processor time"):
            await ignoring.is_same_but(rule(ENDLESS), GIT, LIVE, {})
        assert jq.asked.count(ENDLESS) == 2

    run(work)


@pytest.mark.parametrize(("expression", "why"), [(".[", "syntax error"), (".", "the whole object")])
def test_an_expression_that_is_none_is_an_error_in_both_directions(expression: str, why: str) -> None:
    async def work(ignoring: Ignoring, jq: CountingJq, clock: LateClock) -> None:
        with pytest.raises(ValueError, match=why):
            await ignoring.is_same_but(rule(expression), GIT, LIVE, {})
        with pytest.raises(ValueError, match=why):
            await ignoring.respecting(rule(expression), GIT.fields, LIVE.fields, {})

    run(work)
