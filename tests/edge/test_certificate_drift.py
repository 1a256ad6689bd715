"""What is served is told in the words of what was declared: the same where it is sound, else with what is wrong."""

from __future__ import annotations

import pytest

from holdfast.edge.certificate_drift import GRACE_S, Drift, Note, Served, awaited, drift, handle, seen
from holdfast.edge.certificate_life import DAY, Held, Leaf, Source
from holdfast.kit.canonical import Json

NOW = 1_800_000_000.0
FIELDS: dict[str, Json] = {"hosts": ["shop.example.com"]}


def leaf(*names: str, digest: str = "d1", serial: str = "a1") -> Leaf:
    return Leaf(
        serial=serial,
        names=names or ("shop.example.com",),
        not_before=NOW,
        not_after=NOW + 90 * DAY,
        issuer="Test CA",
        key="ecdsa-p256",
        digest=digest,
    )


def held(found: Leaf | None = None, source: Source = Source.ISSUED, fields: dict[str, Json] | None = None) -> Held:
    return Held(application="shop", fields=fields or FIELDS, version="1", leaf=found or leaf(), source=source, issuer="first")


def served(found: Leaf | None = None, *, key_matches: bool = True) -> Served:
    return Served(leaf=found or leaf(), key_matches=key_matches)


def test_what_is_as_it_was_put_there_is_what_was_declared() -> None:
    assert drift(served(), held(), FIELDS) == ()
    assert seen(served(), held(), FIELDS) == FIELDS


@pytest.mark.parametrize(
    ("there", "remembered", "expected", "told"),
    [
        (Served(leaf=None, key_matches=False), held(), (Drift.UNREADABLE,), {"certificate": "unreadable"}),
        (served(key_matches=False), held(), (Drift.KEY_MISMATCH,), {"keyMatches": False}),
        (served(leaf(digest="d2", serial="b2")), held(), (Drift.REPLACED,), {"certificate": "serial b2 by Test CA"}),
        (
            served(leaf("evil.example.com", digest="d2", serial="b2")),
            held(),
            (Drift.REPLACED, Drift.WRONG_NAMES),
            {"certificate": "serial b2 by Test CA", "hosts": ["evil.example.com"]},
        ),
        (served(leaf("www.example.com")), None, (Drift.WRONG_NAMES,), {"hosts": ["www.example.com"]}),
    ],
)
def test_what_somebody_else_did_is_named(
    there: Served, remembered: Held | None, expected: tuple[Drift, ...], told: dict[str, Json]
) -> None:
    assert drift(there, remembered, FIELDS) == expected
    assert seen(there, remembered, FIELDS) == {**FIELDS, **told}


def test_a_host_that_its_issuer_still_owes_is_no_drift_but_is_waited_for() -> None:
    wider: dict[str, Json] = {"hosts": ["shop.example.com", "new.example.com"]}
    owed = held(fields=wider)
    assert seen(served(), owed, wider) == wider
    assert awaited(served(), owed, NOW) == "not for new.example.com yet"


def test_a_bootstrap_is_waited_for_and_an_expired_one_too() -> None:
    assert awaited(served(), held(source=Source.BOOTSTRAP), NOW) == "self-signed until an issuer answers"
    assert awaited(served(), held(), NOW + 91 * DAY) == "expired"
    assert awaited(served(), held(), NOW) is None


def test_what_is_waited_for_is_overdue_once_issuers_have_failed_for_a_while() -> None:
    there = held(source=Source.BOOTSTRAP)
    young = Note(message="first: it is down", failing_since=NOW)
    assert handle(served(), there, FIELDS, young, NOW + 1)["overdue"] is None
    assert handle(served(), there, FIELDS, young, NOW + GRACE_S)["overdue"] == "self-signed until an issuer answers: first: it is down"
    assert handle(served(), held(), FIELDS, young, NOW + GRACE_S)["overdue"] is None


def test_people_are_shown_what_is_served() -> None:
    told = handle(served(), held(), FIELDS, Note(), NOW)
    assert (told["serial"], told["names"], told["not_after"], told["issuer"], told["chain"], told["key_matches"]) == (
        "a1",
        ["shop.example.com"],
        NOW + 90 * DAY,
        "Test CA",
        "d1",
        True,
    )
