"""The life of a certificate by examples: the calendar of the coming years, issuers in order, and what makes one due."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.edge import certificate_life as life
from holdfast.edge.certificate_life import DAY, HOUR, Course, Failed, Fault, Held, Leaf, Obtained, Queue, Source, Window
from holdfast.kit.canonical import Json
from holdfast.model.codec import decode, encode

NOW = 1_800_000_000.0
BOTH = ("first", "second")


def leaf(days: float, *names: str, key: str = "ecdsa-p256") -> Leaf:
    return Leaf(
        serial="a1",
        names=names or ("shop.example.com",),
        not_before=NOW,
        not_after=NOW + days * DAY,
        issuer="Test CA",
        key=key,
        digest="d1",
    )


def held(found: Leaf | None = None, source: Source = Source.ISSUED, issuer: str = "first", **more: Json) -> Held:
    fields: dict[str, Json] = {"hosts": ["shop.example.com"], **more}
    return Held(application="shop", fields=fields, version="1", leaf=found, source=source, issuer=issuer)


@pytest.mark.parametrize(
    ("days", "earliest", "latest"),
    [(90, 53.7, 58.2), (64, 38.1, 41.4), (45, 26.8, 29.1), (47, 28.0, 30.4), (200, 119.3, 129.4), (6.6, 2.8, 3.2)],
)
def test_the_calendar_of_the_coming_years(days: float, earliest: float, latest: float) -> None:
    for unit in (0.0, 0.5, 0.999):
        assert NOW + earliest * DAY <= life.renew_at(leaf(days), Course(unit=unit)) <= NOW + latest * DAY


def test_what_an_issuer_says_of_another_certificate_does_not_count() -> None:
    course = Course(serial="another", window=Window(start=NOW, end=NOW + 1), chosen_at=NOW)
    assert life.renew_at(leaf(90), course) == life.renew_at(leaf(90), Course())


def test_a_window_in_the_past_means_now() -> None:
    """An issuer that must revoke moves the window into the past (RFC 9773 §4.2)."""
    info = life.RenewalInfo(window=Window(start=NOW - DAY, end=NOW - HOUR), retry_after_s=None)
    course = life.taught(Course(), leaf(90), info, NOW, 0.5)
    assert life.act(held(leaf(90)), course, BOTH, {}, NOW) == life.Obtain(BOTH)


def test_the_first_issuer_is_asked_first_and_the_next_one_while_it_wants_to_be_left_alone() -> None:
    failed = life.failed(Course(), "first", Failed(fault=Fault.LIMITED, code="HF3143", message="slow", retry_after_s=DAY), NOW, 0.5)
    assert life.act(held(), Course(), BOTH, {}, NOW) == life.Obtain(BOTH)
    assert life.act(held(), failed, BOTH, {}, NOW) == life.Obtain(("second",))
    assert life.act(held(), failed, BOTH, {}, NOW + DAY) == life.Obtain(BOTH)


def test_an_issuer_that_is_down_is_not_asked_for_the_next_certificate_either() -> None:
    queue = life.queued(Queue(), Failed(fault=Fault.UNANSWERED, code="HF3140", message="down"), NOW, 0.5)
    assert life.act(held(), Course(), BOTH, {"first": queue}, NOW) == life.Obtain(("second",))
    assert life.act(held(), Course(), ("first",), {"first": queue}, NOW) == life.Wait(queue.until)
    assert life.queued(queue, None, NOW, 0.5) == Queue()


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (held(None), "nothing is there"),
        (held(leaf(90), Source.BOOTSTRAP, ""), "it signed itself for the time being"),
        (held(leaf(90), Source.FILES, ""), "it came from files before"),
        (held(leaf(90, "www.example.com")), "it is for other names"),
        (held(leaf(90, key="rsa-2048")), "its key is of another kind"),
        (held(leaf(90), issuer="third"), "its issuer is declared no longer"),
    ],
)
def test_what_makes_a_certificate_due_at_any_age(there: Held, why: str) -> None:
    assert life.act(there, Course(obtained_at=NOW - 10 * DAY), BOTH, {}, NOW) == life.Obtain(BOTH), why


def test_a_wildcard_is_for_one_label() -> None:
    there = replace(held(leaf(90, "*.example.com")), fields={"hosts": ["a.example.com"]})
    assert life.due(there, Course(), BOTH, NOW) > NOW
    assert life.due(replace(there, fields={"hosts": ["a.b.example.com"]}), Course(), BOTH, NOW) == 0.0


def test_what_nobody_can_give_is_never_due() -> None:
    assert life.act(held(None), Course(), (), {}, NOW) == life.Wait(life.NEVER)


@pytest.mark.parametrize(
    "there", [held(leaf(90)), held(leaf(90), Source.ADOPTED), held(leaf(90, "www.example.com")), held(leaf(90), Source.FILES, "")]
)
def test_what_somebody_gave_is_served_on_where_nobody_is_left_but_one_that_signs_itself(there: Held) -> None:
    """Issuers that are taken out of Git by mistake must not cost visitors a certificate that they believe."""
    assert life.act(there, Course(), (life.SELF_SIGNED,), {}, NOW) == life.Wait(NOW + 90 * DAY)
    assert life.act(there, Course(), (life.SELF_SIGNED,), {}, NOW + 91 * DAY) == life.Obtain((life.SELF_SIGNED,))
    wanted = replace(there, fields={**there.fields, "issuer": "selfSigned"})
    assert life.act(wanted, Course(), (life.SELF_SIGNED,), {}, NOW) == life.Obtain((life.SELF_SIGNED,))


def test_what_was_adopted_is_looked_at_hourly() -> None:
    there = held(leaf(90), Source.ADOPTED)
    assert life.act(there, Course(), BOTH, {}, NOW) == life.Obtain(BOTH)
    looked = life.obtained(Course(), Obtained(leaf=leaf(90), issuer="first", is_news=False), NOW, 0.5)
    assert life.act(there, looked, BOTH, {}, NOW) == life.Wait(NOW + HOUR)


def test_an_issuer_is_asked_when_to_renew_before_anything_else_is_waited_for() -> None:
    assert life.act(held(leaf(90)), Course(), BOTH, {}, NOW) == life.Ask()
    silent = life.unanswered(Course(), NOW, None)
    assert life.act(held(leaf(90)), silent, BOTH, {}, NOW) == life.Wait(NOW + HOUR)
    mute = life.taught(Course(), leaf(90), None, NOW, 0.5)
    assert life.act(held(leaf(90)), mute, BOTH, {}, NOW) == life.Wait(NOW + DAY)


def test_less_than_a_third_is_late_and_so_is_one_of_the_future() -> None:
    assert not life.is_late(leaf(90), NOW + 59 * DAY)
    assert life.is_late(leaf(90), NOW + 61 * DAY)
    assert life.is_late(leaf(90), NOW - HOUR)


def test_what_is_remembered_survives_the_store() -> None:
    course = life.failed(Course(unit=0.25), "first", Failed(fault=Fault.REFUSED, code="HF3145", message="no"), NOW, 0.5)
    course = life.taught(course, leaf(90), life.RenewalInfo(window=Window(start=NOW, end=NOW + 1), retry_after_s=5), NOW, 0.5)
    there = replace(held(leaf(90)), order=life.Order(issuer="first", url="https://ca.example/order/1"))
    assert decode(Course, encode(course)) == course
    assert decode(Held, encode(there)) == there
    assert there.spec.hosts == ("shop.example.com",)
    assert decode(Queue, encode(Queue(failures=2, tried_at=NOW, until=NOW + 1))) == Queue(failures=2, tried_at=NOW, until=NOW + 1)
