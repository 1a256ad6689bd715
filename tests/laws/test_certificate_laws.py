"""Laws of a certificate's life: renewed before its last third, issuers spared, no wait that a clock can make endless."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge import certificate_life as life
from holdfast.edge.certificate_life import DAY, HOUR, Course, Failed, Fault, Held, Leaf, Obtained, Queue, Source, Window
from holdfast.kit.canonical import Json

NOW = 1_800_000_000.0
ROUNDING_S = 0.001
FIELDS: dict[str, Json] = {"hosts": ["shop.example.com"]}
UNITS = st.floats(0, 1, exclude_max=True)
LIVES = st.sampled_from([6.6 * DAY, 45 * DAY, 64 * DAY, 90 * DAY, 398 * DAY]) | st.floats(HOUR, 400 * DAY)


def leaf(life_s: float, *, begins: float = NOW, serial: str = "a1") -> Leaf:
    return Leaf(
        serial=serial,
        names=("shop.example.com",),
        not_before=begins,
        not_after=begins + life_s,
        issuer="Test CA",
        key="ecdsa-p256",
        digest=serial * 4,
    )


def held(found: Leaf | None, source: Source = Source.ISSUED, issuer: str = "first") -> Held:
    return Held(application="shop", fields=FIELDS, version="1", leaf=found, source=source, issuer=issuer)


@given(LIVES, UNITS)
def test_a_certificate_is_renewed_while_more_than_a_third_of_its_life_is_left(life_s: float, unit: float) -> None:
    found = leaf(life_s)
    at = life.renew_at(found, Course(unit=unit))
    assert found.not_before < at < found.not_after
    assert found.left_share(at) > life.LAST_SHARE
    assert not life.is_late(found, at)


@given(LIVES, UNITS, st.floats(-1, 2), st.floats(0.001, 2), UNITS)
def test_whatever_window_an_issuer_gives_the_renewal_is_in_it_and_never_late(
    life_s: float, unit: float, start: float, length: float, choice: float
) -> None:
    found = leaf(life_s)
    window = Window(start=NOW + start * life_s, end=NOW + (start + length) * life_s)
    course = life.taught(Course(unit=unit), found, life.RenewalInfo(window=window, retry_after_s=None), NOW, choice)
    at = life.renew_at(found, course)
    latest = found.not_after - life_s * (life.LAST_SHARE + life.LEAD_SHARE)
    assert min(window.start, latest) - ROUNDING_S <= at <= min(window.end, latest) + ROUNDING_S
    assert not life.is_late(found, max(at, NOW))


@given(LIVES, UNITS, st.floats(0, 100 * DAY), st.floats(0, 10 * DAY))
def test_an_empty_window_says_nothing(life_s: float, unit: float, start: float, length: float) -> None:
    found = leaf(life_s)
    empty = Window(start=NOW + start, end=NOW + start - length)
    course = life.taught(Course(unit=unit), found, life.RenewalInfo(window=empty, retry_after_s=None), NOW, 0.5)
    assert life.renew_at(found, course) == life.renew_at(found, Course(unit=unit))


@given(LIVES, st.lists(UNITS, min_size=2, max_size=20))
def test_the_moment_in_a_window_is_chosen_once(life_s: float, choices: list[float]) -> None:
    """Chosen anew at each question it would drift towards the start of the window, where everybody is."""
    found = leaf(life_s)
    info = life.RenewalInfo(window=Window(start=NOW, end=NOW + life_s / 2), retry_after_s=60.0)
    course = Course()
    moments = set()
    for choice in choices:
        course = life.taught(course, found, info, NOW, choice)
        moments.add(course.chosen_at)
    assert len(moments) == 1


@given(st.none() | st.floats(-1e9, 1e9))
def test_an_issuer_is_asked_when_to_renew_at_least_daily_and_at_most_once_a_minute(retry_after_s: float | None) -> None:
    course = life.taught(Course(), leaf(90 * DAY), life.RenewalInfo(window=None, retry_after_s=retry_after_s), NOW, 0.5)
    assert course.ask_at is not None
    assert 60.0 <= course.ask_at - NOW <= DAY


FAILURES = st.builds(
    Failed,
    fault=st.sampled_from(Fault),
    code=st.just("HF3144"),
    message=st.just("no"),
    retry_after_s=st.none() | st.floats(0, 30 * DAY),
)


@given(st.lists(UNITS, min_size=40, max_size=40))
def test_a_refusing_issuer_is_asked_at_most_five_times_in_any_hour(units: list[float]) -> None:
    """Let's Encrypt takes five failed validations of a name in an hour."""
    refusal = Failed(fault=Fault.REFUSED, code="HF3145", message="no")
    course, now, asked = Course(), NOW, []
    for unit in units:
        asked.append(now)
        course = life.failed(course, "first", refusal, now, unit)
        waited = life.act(held(None), course, ("first",), {}, now)
        assert isinstance(waited, life.Wait)
        now = waited.until
    assert max(sum(1 for at in asked if begin <= at < begin + HOUR) for begin in asked) <= 5


@given(st.lists(st.tuples(FAILURES, UNITS), min_size=1, max_size=12))
def test_a_word_of_the_issuer_is_kept_and_no_wait_is_endless(said: list[tuple[Failed, float]]) -> None:
    course, now = Course(), NOW
    for failure, unit in said:
        course = life.failed(course, "first", failure, now, unit)
        act = life.act(held(None), course, ("first",), {}, now)
        assert isinstance(act, life.Wait)
        assert now < act.until <= now + life.LONGEST_WAIT_S
        if failure.retry_after_s is not None:
            assert act.until >= now + min(failure.retry_after_s, life.LONGEST_WAIT_S)
        now = act.until
        assert life.act(held(None), course, ("first",), {}, now) == life.Obtain(("first",))


@given(st.lists(st.tuples(FAILURES, UNITS), min_size=1, max_size=12), st.floats(1, 1e9))
def test_a_clock_that_is_put_back_frees_every_wait(said: list[tuple[Failed, float]], back_s: float) -> None:
    course, queue, now = Course(), Queue(), NOW
    for failure, unit in said:
        course, queue = life.failed(course, "first", failure, now, unit), life.queued(queue, failure, now, unit)
        now += HOUR
    earlier = NOW - back_s
    assert life.act(held(None), course, ("first",), {"first": queue}, earlier) == life.Obtain(("first",))


@given(st.lists(st.tuples(FAILURES, UNITS), min_size=1, max_size=20))
def test_what_one_certificate_meets_holds_up_the_others_for_an_hour_at_most(said: list[tuple[Failed, float]]) -> None:
    queue = Queue()
    for failure, unit in said:
        queue = life.queued(queue, failure, NOW, unit)
        assert queue.until <= NOW + HOUR
        if failure.fault is Fault.REFUSED:
            assert queue == Queue()


@given(LIVES, UNITS, st.floats(-100, 400).map(lambda days: days * DAY))
def test_a_new_certificate_is_not_renewed_at_once_whatever_the_clock_says(life_s: float, unit: float, off_s: float) -> None:
    """To a clock that runs ahead it looks old already; renewing it again and again would use up every limit."""
    found = leaf(life_s)
    now = NOW + off_s
    course = life.obtained(Course(), Obtained(leaf=found, issuer="first"), now, unit)
    assert life.due(held(found), course, ("first",), now) >= now + min(DAY, life_s / 10)


@given(LIVES, UNITS, UNITS, st.sampled_from(Source), st.booleans(), st.lists(st.sampled_from("abc"), unique=True))
def test_every_certificate_has_exactly_one_thing_to_do(
    life_s: float, unit: float, share: float, source: Source, is_forced: bool, names: list[str]
) -> None:
    found = leaf(life_s)
    now = NOW + share * life_s
    act = life.act(held(found, source, "a"), Course(unit=unit, is_forced=is_forced), names, {}, now)
    match act:
        case life.Wait(until):
            assert until > now
        case life.Obtain(issuers):
            assert issuers == tuple(names)
            assert names
        case life.Ask():
            assert source is Source.ISSUED
            assert "a" in names


@given(LIVES, st.floats(0, 1))
def test_a_forced_certificate_is_asked_for_at_any_age(life_s: float, share: float) -> None:
    course = life.forced(Course(trials={"first": life.Trial(failures=9, tried_at=NOW, until=NOW + DAY, message="no")}))
    assert life.act(held(leaf(life_s)), course, ("first",), {}, NOW + share * life_s) == life.Obtain(("first",))


@given(LIVES, UNITS)
def test_after_a_certificate_came_no_failure_is_remembered(life_s: float, unit: float) -> None:
    failed = life.failed(Course(), "first", Failed(fault=Fault.REFUSED, code="HF3145", message="no"), NOW, unit)
    assert failed.failing_since == NOW
    calm = life.obtained(failed, Obtained(leaf=leaf(life_s), issuer="second"), NOW, unit)
    assert (calm.trials, calm.failing_since, calm.is_forced, calm.message) == ({}, None, False, "")
    assert replace(calm, unit=0.0).serial == "a1"
