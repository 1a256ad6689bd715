"""Targets and breakers on the simulated nginx: when they are looked at, what is written, and what a new daemon knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.engines.nginx_stage import Stage, play

from holdfast.edge.breaker import Phase, flags_of
from holdfast.edge.route_spec import BreakerSpec, HealthSpec
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.target_health import Check
from holdfast.engines.nginx.checking import JITTER, LEAST_S, visit_of
from holdfast.errors import Unavailable
from holdfast.testing.contracts.nginx import site
from holdfast.testing.simulated_nginx import SimulatedNginx


class Marking:
    """An nginx whose flags are written otherwise."""

    def __init__(self, nginx: SimulatedNginx, mark: Callable[[str, frozenset[str]], Awaitable[None]]) -> None:
        self._nginx = nginx
        self.mark = mark

    def __getattr__(self, name: str) -> object:
        return getattr(self._nginx, name)


HEALTH = HealthSpec(path="/ready", interval=2.0, passes=2, fails=3, expect=(200,))
SITE = site("a").id


def targets(count: int) -> tuple[str, ...]:
    return tuple(f"10.0.0.{at}:80" for at in range(count))


def checked(count: int, spec: HealthSpec = HEALTH) -> SiteSpec:
    return SiteSpec(hosts=("a.example.com",), targets=targets(count), health=spec)


async def begin(stage: Stage, count: int) -> None:
    stage.nginx.targets = dict.fromkeys(targets(count), 200)
    await stage.apply(site("a", checked(count)))


async def later(stage: Stage, seconds: float) -> None:
    await stage.nginx.clock.sleep(seconds)


def out(stage: Stage) -> set[str]:
    return {flag for flag in stage.nginx.there if flag.endswith(".out")}


def test_a_target_goes_after_its_failures_and_no_sooner_and_comes_back_after_its_passes() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, 3)
        await later(stage, HEALTH.interval * 2)
        reloads, began = stage.nginx.reloads, stage.nginx.clock.monotonic()
        del stage.nginx.targets["10.0.0.1:80"]
        event = await stage.until_told("edge.target_failed")
        took = stage.nginx.clock.monotonic() - began
        assert 2 * HEALTH.interval * (1 - JITTER) <= took <= 3 * HEALTH.interval * (1 + JITTER) + 0.5
        assert event.data["message"] == "connection refused"
        assert len(out(stage)) == 1
        stage.nginx.targets["10.0.0.1:80"] = 200
        await stage.until_told("edge.target_returned")
        assert out(stage) == set()
        assert stage.nginx.reloads == reloads

    for seed in range(5):
        play(story, seed=seed)


def test_nothing_is_written_told_or_read_again_while_nobody_changes_sides() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, 3)
        stage.nginx.targets["10.0.0.0:80"] = 500
        await stage.until_told("edge.target_failed")
        marked, told, reloads = stage.nginx.marked, len(stage.told), stage.nginx.reloads
        await later(stage, 60.0)
        assert (stage.nginx.marked, len(stage.told), stage.nginx.reloads) == (marked, told, reloads)

    play(story)


def test_the_only_target_stays_in_and_its_site_says_so() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, 1)
        stage.nginx.targets.clear()
        event = await stage.until_told("edge.target_failed")
        assert (event.data["left_out"], out(stage)) == (0, set())
        handle = (await stage.seen(SITE)).handle or {}
        assert (handle["failing"], handle["targets"], handle["left_out"]) == (["10.0.0.0:80: connection refused"], 1, 0)

    play(story)


def test_a_flag_that_somebody_takes_away_or_puts_there_is_put_right() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, 3)
        del stage.nginx.targets["10.0.0.0:80"]
        await stage.until_told("edge.target_failed")
        flags = out(stage)
        stage.nginx.there -= flags
        stage.nginx.there.add("somebody.out")
        await later(stage, HEALTH.interval * 2)
        assert out(stage) == flags

    play(story)


@pytest.mark.parametrize(("count", "reloads"), [(4, 0), (6, 2)])
def test_what_has_no_group_of_its_own_is_read_again_and_a_new_daemon_takes_it_over(count: int, reloads: int) -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, count)
        before = stage.nginx.reloads
        for address in targets(2):
            del stage.nginx.targets[address]
        await stage.until_told("edge.target_failed", 2)
        await later(stage, 5.0)
        assert stage.nginx.reloads == before + reloads // 2
        assert len(out(stage)) == 2
        async with stage.restarted():
            await later(stage, 30.0)
            assert stage.nginx.reloads == before + reloads // 2, "it serves what should be served"
            assert len(stage.events("edge.target_failed")) == 2, "it is nothing new"
            stage.nginx.targets |= dict.fromkeys(targets(2), 200)
            await stage.until_told("edge.target_returned", 2)
            await later(stage, 5.0)
            assert out(stage) == set()
            assert stage.nginx.reloads == before + reloads

    play(story)


def test_targets_that_are_gone_leave_no_flag() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, 3)
        del stage.nginx.targets["10.0.0.0:80"]
        await stage.until_told("edge.target_failed")
        await stage.apply(site("a", SiteSpec(hosts=("a.example.com",), targets=targets(3))))
        await later(stage, 1.0)
        assert out(stage) == set()
        assert "failing" not in ((await stage.seen(SITE)).handle or {})

    play(story)


def test_looks_are_spread_over_their_interval() -> None:
    async def story(stage: Stage) -> None:
        clock = stage.nginx.clock
        stage.nginx.targets = dict.fromkeys(targets(40), 200)
        await stage.apply(site("a", checked(40)))
        began = clock.monotonic()
        await later(stage, HEALTH.interval)
        first = sorted(at - began for at in stage.nginx.visited_at)[:40]
        assert len(first) == 40
        assert first[30] - first[10] > HEALTH.interval / 6

    play(story)


def test_flags_that_cannot_be_written_now_are_written_later_and_stop_nothing() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, 3)
        mark, is_full = stage.nginx.mark, True

        async def refused(suffix: str, wanted: frozenset[str]) -> None:
            if is_full and wanted:
                raise Unavailable("HF3101", "cannot write: no space left on device")
            await mark(suffix, wanted)

        stage.engine._checking._nginx = Marking(stage.nginx, refused)  # type: ignore[assignment]
        del stage.nginx.targets["10.0.0.0:80"]
        await stage.until_told("edge.target_failed")
        assert out(stage) == set()
        is_full = False
        await later(stage, HEALTH.interval * 2)
        assert len(out(stage)) == 1

    play(story)


def test_an_interval_of_nothing_is_bounded() -> None:
    async def story(stage: Stage) -> None:
        stage.nginx.targets = {"10.0.0.0:80": 200}
        await stage.apply(site("a", checked(1, HealthSpec(interval=0.0))))
        await later(stage, 10.0)
        assert len(stage.nginx.visited_at) <= 10.0 / (LEAST_S * (1 - JITTER)) + 1

    play(story)


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("10.0.0.1:80", "10.0.0.1", 80), ("[::1]:8080", "::1", 8080), ("unix:/run/a.sock", "unix:/run/a.sock", 0)],
)
def test_a_target_is_visited_at_its_address(address: str, host: str, port: int) -> None:
    check = Check(site=SITE, path="shop/a", group="g", targets=(address,), spec=HEALTH, host="a.example.com")
    visit = visit_of(check, address)
    assert (visit.address, visit.port, visit.host, visit.path) == (host, port, "a.example.com", "/ready")


def breaking() -> SiteSpec:
    return SiteSpec(hosts=("a.example.com",), targets=("10.0.0.1:80",), breaker=BreakerSpec(min_requests=10, open=5.0))


def answer(stage: Stage, key: str, status: int, count: int) -> None:
    at = stage.nginx.clock.now()
    stage.nginx.answer_lines += [f"{key}|{at:.3f}|0.000|{status}|0.001|0.001"] * count


async def key_of(stage: Stage) -> str:
    await stage.apply(site("a", breaking()))
    assert stage.nginx.link is not None
    return stage.nginx.generations[stage.nginx.link].text.partition("set $holdfast_guarded ")[2].partition(";")[0]


def test_a_breaker_opens_tries_and_closes_by_files_alone() -> None:
    async def story(stage: Stage) -> None:
        key = await key_of(stage)
        reloads = stage.nginx.reloads
        answer(stage, key, 502, 9)
        await later(stage, 1.0)
        assert stage.nginx.there == set()
        answer(stage, key, 502, 1)
        await stage.until_told("edge.breaker_opened")
        began = stage.nginx.clock.monotonic()
        assert stage.nginx.there == flags_of(key, Phase.OPEN)
        assert ((await stage.seen(SITE)).handle or {})["broken"] == ["shop/a: 10 of 10 answers failed"]
        await stage.until_told("edge.breaker_half_opened")
        assert 5.0 <= stage.nginx.clock.monotonic() - began < 6.5
        assert stage.nginx.there == flags_of(key, Phase.HALF_OPEN)
        answer(stage, key, 200, 5)
        await stage.until_told("edge.breaker_closed")
        assert stage.nginx.there == set()
        assert stage.nginx.reloads == reloads

    play(story)


def test_an_open_breaker_outlives_a_daemon_that_crashes() -> None:
    async def story(stage: Stage) -> None:
        key = await key_of(stage)
        answer(stage, key, 502, 10)
        await stage.until_told("edge.breaker_opened")
        there = set(stage.nginx.there)
        await stage.end()
        assert stage.nginx.there == set(), "one that ends in order leaves none open"
        stage.nginx.there = there  # as one that crashed would have left it
        await stage.begin()
        assert "broken" in ((await stage.seen(SITE)).handle or {})
        await stage.until_told("edge.breaker_closed")
        assert stage.nginx.there == set()

    play(story)


def test_where_no_path_has_a_breaker_the_log_is_not_read() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        stage.nginx.answer_lines.append("x")
        await asyncio.sleep(30.0)
        assert stage.nginx.answer_lines == ["x"]

    play(story)
