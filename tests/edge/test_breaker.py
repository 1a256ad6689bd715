"""The breaker: when it opens, how it tries, and what a line of the log says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.breaker import (
    REST,
    SUFFIX,
    TRIAL,
    TRIALS,
    WINDOW_S,
    Answer,
    Breaker,
    Phase,
    flags_of,
    phase_of,
    read,
    take,
    turn,
)
from holdfast.edge.fold import fold
from holdfast.edge.route_spec import AuthSpec, Backend, BasicAuth, BreakerSpec, ConcurrencySpec, SecretRef
from holdfast.edge.site_spec import SiteSpec
from holdfast.testing.sites import part, world_at

SPEC = BreakerSpec(error_ratio=0.5, min_requests=10, open=5.0)
OPEN = Breaker(phase=Phase.OPEN, since=100.0)


def answers(at: float, *statuses: int, seconds: float = 0.01) -> list[Answer]:
    return [Answer(at=at, began_at=at, status=status, seconds=seconds) for status in statuses]


def after(breaker: Breaker, now: float, *statuses: int, spec: BreakerSpec = SPEC, seconds: float = 0.01) -> Breaker:
    return turn(take(breaker, answers(now, *statuses, seconds=seconds), spec), now, spec)


def test_it_opens_where_half_of_enough_answers_fail() -> None:
    assert after(Breaker(), 1.0, *[502] * 9).phase is Phase.CLOSED
    assert after(Breaker(), 1.0, *[502] * 5, *[200] * 6).phase is Phase.CLOSED
    assert after(Breaker(), 1.0, *[502] * 5, *[404] * 5) == Breaker(phase=Phase.OPEN, since=1.0)


def test_answers_beyond_the_window_are_forgotten() -> None:
    held = after(Breaker(), 1.0, *[502] * 9)
    assert after(held, 1.0 + WINDOW_S + 1, 502).phase is Phase.CLOSED
    assert after(held, 2.0, 502).phase is Phase.OPEN


def test_it_opens_where_more_than_a_hundredth_is_slower_than_the_limit() -> None:
    spec = replace(SPEC, latency_p99=1.0)
    fast = take(Breaker(), answers(1.0, *[200] * 199), spec)
    assert after(fast, 1.0, 200, spec=spec, seconds=2.0).phase is Phase.CLOSED
    assert after(fast, 1.0, 200, 200, 200, spec=spec, seconds=2.0).phase is Phase.OPEN


def test_it_stays_open_as_long_as_it_is_said_and_then_tries() -> None:
    assert after(OPEN, 104.9, *[200] * 50) == OPEN
    half = after(OPEN, 105.0)
    assert half == Breaker(phase=Phase.HALF_OPEN, since=105.0)
    assert after(half, 106.0, *[200] * (TRIALS - 1)).phase is Phase.HALF_OPEN
    assert after(half, 106.0, *[200] * TRIALS).phase is Phase.CLOSED
    assert after(half, 106.0, *[200] * 2, *[500] * 3).phase is Phase.OPEN
    assert after(half, 110.0, 500).phase is Phase.OPEN
    assert after(half, 110.0).phase is Phase.CLOSED


def test_what_was_asked_before_does_not_count_against_the_trial() -> None:
    half = after(OPEN, 105.0)
    late = [Answer(at=106.0, began_at=99.0, status=504, seconds=7.0)] * TRIALS
    assert take(half, late, SPEC) == half


worlds = st.lists(st.tuples(st.floats(0.0, 3.0), st.lists(st.sampled_from([200, 404, 500, 502, 0]), max_size=12)), max_size=40)


@given(worlds, st.integers(1, 30), st.floats(0.01, 1.0))
def test_it_keeps_its_laws(world: list[tuple[float, list[int]]], least: int, ratio: float) -> None:
    spec = BreakerSpec(error_ratio=ratio, min_requests=least, open=4.0)
    breaker, now = Breaker(), 0.0
    for wait, statuses in world:
        now += wait
        counted = take(breaker, answers(now, *statuses), spec)
        following = turn(counted, now, spec)
        total = counted.total(now)
        match (breaker.phase, following.phase):
            case (Phase.CLOSED, Phase.OPEN):
                assert total.requests >= least
                assert total.errors >= ratio * total.requests
            case (Phase.OPEN, Phase.HALF_OPEN):
                assert now - breaker.since >= spec.open
            case (Phase.HALF_OPEN, Phase.OPEN):
                assert total.errors > 0
            case (Phase.HALF_OPEN, Phase.CLOSED):
                assert total.requests >= TRIALS or now - breaker.since >= spec.open
            case (before, same):
                assert before is same, f"{before} → {same}"
        assert len(following.counts) <= WINDOW_S
        breaker = following


@pytest.mark.parametrize("phase", Phase)
def test_files_say_the_phase(phase: Phase) -> None:
    assert phase_of("web", flags_of("web", phase) | flags_of("other", Phase.OPEN)) is phase


def test_a_half_open_one_lets_one_share_through() -> None:
    assert flags_of("web", Phase.OPEN) == {f"web{TRIAL}{SUFFIX}", f"web{REST}{SUFFIX}"}
    assert flags_of("web", Phase.HALF_OPEN) == {f"web{REST}{SUFFIX}"}
    assert flags_of("web", Phase.CLOSED) == frozenset()


@pytest.mark.parametrize(
    ("line", "status", "seconds"),
    [
        ("web|1000.500|0.500|200|0.010|0.400", 200, 0.01),
        ("web|1000.500|0.500|502, 200|0.001, 0.010|0.001, 0.010", 200, 0.011),
        ("web|1000.500|0.500|504|-|30.000", 504, 30.0),
        ("web|1000.500|0.500|502, 504|0.100, -|0.100, 3.000", 504, 3.1),
        ("web|1000.500|0.500|502 : 200|0.001 : 0.010|0.001 : 0.010", 200, 0.011),
        ("web|1000.500|0.500|-|-|2.000", 0, 2.0),
    ],
)
def test_a_line_tells_of_the_last_answer_and_the_time_to_its_head(line: str, status: int, seconds: float) -> None:
    found = read(line, ahead_s=900.0)
    assert found is not None
    assert found[0] == "web"
    assert found[1].status == status
    assert found[1].seconds == pytest.approx(seconds)
    assert (found[1].at, found[1].began_at) == pytest.approx((100.5, 100.0))


@pytest.mark.parametrize("line", ["web|1000.500|0.500|-|-|-", "|1000.500|0.500|200|0.010|0.400", "", "web|1|2", "web|x|0.5|200|0.1|0.1"])
def test_where_no_application_was_asked_nothing_is_told(line: str) -> None:
    assert read(line, ahead_s=0.0) is None


def test_nothing_is_written_for_it_where_nobody_wants_one() -> None:
    plain = fold([part(spec=SiteSpec(hosts=("a.b",), targets=("10.0.0.1:80",)))], world_at())
    assert "holdfast_share" not in plain.text
    assert "answers.log" not in plain.text


def test_who_may_ask_holds_for_the_fallback_too() -> None:
    spec = SiteSpec(
        hosts=("a.b",),
        targets=("10.0.0.1:80",),
        breaker=BreakerSpec(fallback=Backend(targets=("10.0.0.2:80",))),
        allow=("10.0.0.0/8",),
        auth=AuthSpec(basic=BasicAuth(users=SecretRef(secret="users"))),
        concurrency=ConcurrencySpec(limit=3),
    )
    fallback = fold([part(spec=spec)], world_at()).text.partition("location @holdfast_fallback_")[2].partition("location ")[0]
    assert all(words in fallback for words in ("deny all;", "auth_basic_user_file ", "limit_conn ", 'set $holdfast_guarded "";'))
