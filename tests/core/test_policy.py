"""Whether an automated operation may start now, and what its plan may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from holdfast.catalogue.core import ENTRIES
from holdfast.core.policy import (
    APPROVABLE,
    CODES,
    Decision,
    Kind,
    Settings,
    WindowVerdict,
    approvable,
    decide_automated,
    deletions,
    policy,
    refusals,
    removal,
)
from holdfast.core.retry import Retrying
from holdfast.core.rollback import Pin
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Blocked, Change, Plan, Reason, Verb
from holdfast.model.state import State

WEB = ResourceId("host", "Process", "shop", "web")
PIN = Pin(failed_digest="bad", failed_revision="r2", revision="r1", at=5.0, reason="web did not become ready")
CLOSED = WindowVerdict(allowed=False, reason="deny window until 06:00", until=60.0)
SPENT = Retrying(digest="new", failures=6, next_at=None)
LATER = Retrying(digest="new", failures=1, next_at=20.0)


def decide(**given: Any) -> Decision:
    return decide_automated(**{"now": 10.0, "desired_digest": "new", "is_automated": True, **given})


DECISIONS: Mapping[str, tuple[dict[str, Any], Kind]] = {
    "nothing speaks against it": ({}, Kind.GO),
    "not automated": ({"is_automated": False}, Kind.NOT_AUTOMATED),
    "suspended": ({"suspended": "by ann"}, Kind.SUSPENDED),
    "pinned for what failed": ({"pin": PIN, "desired_digest": "bad"}, Kind.PINNED),
    "a pin lets other content through": ({"pin": PIN}, Kind.GO),
    "closed window": ({"window": CLOSED}, Kind.WINDOW),
    "open window": ({"window": WindowVerdict()}, Kind.GO),
    "waiting to try again": ({"retrying": LATER}, Kind.RETRYING),
    "time to try again": ({"retrying": LATER, "now": 20.0}, Kind.GO),
    "tried too often": ({"retrying": SPENT}, Kind.EXHAUSTED),
    "other content starts anew": ({"retrying": SPENT, "desired_digest": "newer"}, Kind.GO),
    "an approval stands for automated": ({"is_approved": True, "is_automated": False}, Kind.GO),
    "an approval lifts a spent retry": ({"is_approved": True, "retrying": SPENT}, Kind.GO),
    "an approval does not lift a suspension": ({"is_approved": True, "suspended": ""}, Kind.SUSPENDED),
    "an approval does not lift a pin": ({"is_approved": True, "pin": PIN, "desired_digest": "bad"}, Kind.PINNED),
    "an approval does not open a window": ({"is_approved": True, "window": CLOSED}, Kind.WINDOW),
}


@pytest.mark.parametrize("says", DECISIONS)
def test_decisions(says: str) -> None:
    given, kind = DECISIONS[says]
    found = decide(**given)
    assert found.kind is kind
    assert bool(found) is (kind is Kind.GO)
    assert bool(found.reason) is (kind is not Kind.GO)


def test_a_hold_that_time_lifts_says_until_when() -> None:
    assert decide(window=CLOSED).until == 60.0
    assert decide(retrying=LATER).until == 20.0
    assert decide(retrying=SPENT).until is None


def test_every_hold_has_a_code_that_is_explained() -> None:
    assert CODES.keys() == set(Kind) - {Kind.GO}
    assert {*CODES.values(), *APPROVABLE} <= ENTRIES.keys()
    assert decide(suspended="by ann").code == "HF2011"
    assert decide().code == ""


def test_settings_become_a_policy() -> None:
    found = policy(Settings(prune=True, prune_free=2), complete=False, only=[WEB], rolling_back=[])
    assert (found.prune, found.prune_free, found.complete) == (True, 2, False)
    assert (found.only, found.rolling_back) == (frozenset({WEB}), frozenset())
    assert policy(Settings()).only is None


def test_taking_down_needs_no_limit() -> None:
    assert (removal().allow_empty, removal().prune_share, removal().prune) == (True, 1.0, True)


def test_what_a_plan_asks_of_a_person() -> None:
    gone = Change(id=WEB, verb=Verb.DELETE, reason=Reason.PRUNED, before=State.of({}), after=None)
    refused = Plan(blocked={WEB: Blocked(reason="is protected", refused=True, code="HF2006")})
    foreign = Plan(blocked={WEB: Blocked(reason="not ours", refused=True, code="HF2002")})
    waiting = Plan(blocked={WEB: Blocked(reason="unknown", unknown=True, code="HF2001")})
    assert (approvable(refused), approvable(foreign), approvable(waiting)) == (True, False, False)
    assert (len(refusals(refused)), len(refusals(foreign)), len(refusals(waiting))) == (1, 1, 0)
    assert deletions(Plan(waves=((gone,),))) == (WEB,)


@pytest.mark.parametrize("name", ["prune", "allow_empty", "prune_share", "prune_free"])
def test_each_setting_reaches_the_policy(name: str) -> None:
    value: Any = {"prune_share": 0.25, "prune_free": 9}.get(name, True)
    assert getattr(policy(Settings(**{name: value})), name) == value


def test_what_is_known_of_this_plan_reaches_the_policy() -> None:
    plain, told = policy(Settings()), policy(Settings(), complete=False, rewound=True, approved="digest", rolling_back=[WEB])
    assert (plain.complete, plain.rewound, plain.approved, plain.rolling_back) == (True, False, None, None)
    assert (told.complete, told.rewound, told.approved, told.rolling_back) == (False, True, "digest", frozenset({WEB}))
    assert (removal("digest").approved, removal().approved) == ("digest", None)


REASONS: Mapping[str, tuple[dict[str, Any], str]] = {
    "nobody said why": ({"suspended": ""}, "suspended"),
    "somebody did": ({"suspended": "by ann"}, "by ann"),
    "pinned": ({"pin": PIN, "desired_digest": "bad"}, "pinned at r2aaaaaaaaaa: web did not become ready"),
    "by hand": ({"is_automated": False}, "syncs only when a person says so"),
    "window": ({"window": CLOSED}, "deny window until 06:00"),
    "later": ({"retrying": LATER}, "failed 1 times: tries again"),
    "spent": ({"retrying": SPENT}, "failed 6 times: waits for a new commit or a person"),
}


@pytest.mark.parametrize("says", REASONS)
def test_a_hold_says_why(says: str) -> None:
    given, reason = REASONS[says]
    if given.get("pin"):
        given = {**given, "pin": replace(PIN, revision="r2" + "a" * 38)}
    assert decide(**given).reason == reason


@pytest.mark.parametrize("prune", [False, True])
def test_whether_to_prune_reaches_the_policy(prune: bool) -> None:
    assert policy(Settings(prune=prune)).prune is prune


def test_taking_down_deletes_all_but_what_is_protected() -> None:
    found = removal("abc")
    assert (found.prune, found.allow_empty, found.prune_share, found.removing, found.approved) == (True, True, 1.0, True, "abc")
