"""The written form of what is remembered: stable keys, sorted sets, tolerant of what is newer, strict about what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.model.codec import decode, encode
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Phase, Trigger
from holdfast.model.plan import Blocked, Change, Owned, Plan, Reason, Verb
from holdfast.model.resource import Acquired, Declared, Derived, Resource, ResourcePolicy
from holdfast.model.state import State

WEB = ResourceId("host", "Process", "shop", "web")
DB = ResourceId("host", "Process", "shop", "db")
STATE = State.of({"command": ["run"], "env": {"A": None}})
OPERATION = Operation(
    id="1",
    application="shop",
    trigger=Trigger.COMMIT,
    revision="r1",
    desired_digest="d",
    plan_digest="p",
    phase=Phase.RUNNING,
    started_at=1.5,
    created=(WEB,),
)


def written(value: Any) -> Any:
    return encode(value)


def test_the_written_form_of_a_resource() -> None:
    resource = Resource(
        id=WEB, state=STATE, needs=frozenset({WEB, DB}), owner=Derived((DB,)), policy=ResourcePolicy(replace_on=frozenset("ba"))
    )
    found = written(resource)
    assert found["id"] == ["host", "Process", "shop", "web"]
    assert found["state"] == {"fields": {"command": ["run"], "env": {"A": None}}, "digest": STATE.digest}
    assert found["needs"] == [list(DB), list(WEB)]
    assert found["owner"] == {"kind": "derived", "parents": [list(DB)]}
    assert found["policy"]["replace_on"] == ["a", "b"]


@pytest.mark.parametrize("owner", [Declared(), Derived((DB, WEB)), Acquired("guard", 12.0)])
def test_each_owner_comes_back_as_itself(owner: Declared | Derived | Acquired) -> None:
    resource = Resource(id=WEB, state=STATE, owner=owner)
    assert decode(Resource, encode(resource)).owner == owner


def test_a_plan_comes_back_with_what_is_blocked() -> None:
    change = Change(id=WEB, verb=Verb.UPDATE, reason=Reason.DRIFTED, before=None, after=STATE)
    plan = Plan(waves=((change,),), blocked={WEB: Blocked(reason="why", refused=True), DB: Blocked(reason="b")}, digest="x")
    assert decode(Plan, encode(plan)) == plan
    assert [pair[0] for pair in written(plan)["blocked"]] == [list(DB), list(WEB)]


def test_what_a_newer_version_adds_is_ignored() -> None:
    found = written(Owned(application="shop", resource=Resource(id=WEB, state=STATE), revision="r", operation="1"))
    newer = {**found, "colour": "red", "resource": {**found["resource"], "taste": ["sweet"]}}
    assert decode(Owned, newer) == decode(Owned, found)


def test_what_an_older_version_did_not_know_takes_its_default() -> None:
    found = written(OPERATION)
    del found["created"], found["message"]
    older = decode(Operation, found)
    assert (older.created, older.message) == ((), "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"phase": "Dancing"}, "Dancing"),
        ({"id": 7}, "7"),
        ({"created": "web"}, "web"),
        ({"created": [["host"]]}, "missing"),
        ({"outcomes": [{}]}, "lacks id"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"cannot read Operation: .*{words}"):
        decode(Operation, {**written(OPERATION), **change})


def test_a_missing_field_is_named() -> None:
    found = written(OPERATION)
    del found["revision"]
    with pytest.raises(ValueError, match="lacks revision"):
        decode(Operation, found)
