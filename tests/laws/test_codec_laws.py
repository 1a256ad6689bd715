"""What is remembered comes back exactly, whatever it holds."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.kit.canonical import Json
from holdfast.model.codec import decode, encode
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Applied, Failure, Operation, Outcome, Phase, Trigger
from holdfast.model.plan import Blocked, Change, Owned, Plan, Reason, Verb
from holdfast.model.proof import Claim
from holdfast.model.resource import Acquired, Declared, Derived, Origin, Resource, ResourcePolicy
from holdfast.model.state import State

texts = st.text(max_size=5)
names = st.sampled_from(["a", "web", "ü", "\ud800", ""])
numbers = st.floats(allow_nan=False, allow_infinity=False)
plain: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(texts, plain, max_size=2)
ids = st.builds(ResourceId, names, names, names, names)
digestible = st.text(st.characters(codec="utf-8"), max_size=5) | st.integers() | st.none()
states = st.builds(State.of, st.dictionaries(st.sampled_from("abc"), digestible, max_size=2))
origins = st.none() | st.builds(Origin, path=names, line=st.integers(), revision=names)
owners = st.one_of(
    st.just(Declared()),
    st.builds(Derived, st.lists(ids, max_size=2).map(tuple)),
    st.builds(Acquired, names, numbers | st.just(float("inf"))),
)
policies = st.builds(
    ResourcePolicy, adopt=st.booleans(), replace_on=st.frozensets(names, max_size=3), restart_with=st.frozensets(ids, max_size=2)
)
claims = st.builds(Claim, text=texts, method=names, target=objects)
resources = st.builds(
    Resource,
    id=ids,
    state=states,
    needs=st.frozensets(ids, max_size=3),
    wave=st.integers(),
    owner=owners,
    policy=policies,
    origin=origins,
    labels=st.dictionaries(names, texts, max_size=2),
    claims=st.lists(claims, max_size=2).map(tuple),
)
owned = st.builds(Owned, application=names, resource=resources, revision=names, operation=names)
failures = st.none() | st.builds(Failure, code=names, message=texts, hint=st.none() | texts, log=st.lists(texts, max_size=2).map(tuple))
outcomes = st.builds(
    Outcome,
    id=ids,
    status=st.sampled_from(Applied),
    attempts=st.integers(),
    started_at=numbers,
    finished_at=numbers,
    failure=failures,
)
operations = st.builds(
    Operation,
    id=names,
    application=names,
    trigger=st.sampled_from(Trigger),
    revision=names,
    desired_digest=names,
    plan_digest=names,
    phase=st.sampled_from(Phase),
    started_at=numbers,
    finished_at=st.none() | numbers,
    outcomes=st.lists(outcomes, max_size=2).map(tuple),
    created=st.lists(ids, max_size=2).map(tuple),
)
changes = st.builds(
    Change,
    id=ids,
    verb=st.sampled_from(Verb),
    reason=st.sampled_from(Reason),
    before=st.none() | states,
    after=st.none() | states,
    origin=origins,
)
blocked = st.builds(Blocked, reason=texts, refused=st.booleans(), unknown=st.booleans(), origin=origins, code=names)
plans = st.builds(
    Plan,
    waves=st.lists(st.lists(changes, max_size=2).map(tuple), max_size=2).map(tuple),
    blocked=st.dictionaries(ids, blocked, max_size=2),
    orphans=st.lists(ids, max_size=2).map(tuple),
    unchanged=st.integers(),
    digest=names,
)
events = st.builds(Event, type=names, subject=names, at=numbers, seq=st.integers(), key=st.none() | texts, data=objects)
remembered = st.one_of(owned, operations, plans, events)


@given(remembered)
def test_what_is_written_comes_back_equal(value: Any) -> None:
    assert decode(type(value), json.loads(json.dumps(encode(value)))) == value


@given(resources)
def test_the_fields_of_a_state_come_back_too(resource: Resource) -> None:
    """Two states are equal by digest alone, so their fields are compared here."""
    found = decode(Resource, json.loads(json.dumps(encode(resource))))
    assert (found.state.fields, found.state.digest) == (resource.state.fields, resource.state.digest)


@given(resources)
def test_equal_values_are_written_the_same(resource: Resource) -> None:
    again = decode(Resource, encode(resource))
    assert json.dumps(encode(again)) == json.dumps(encode(resource))


@given(remembered, st.dictionaries(st.text(min_size=40, max_size=44), plain, max_size=2))
def test_keys_from_the_future_change_nothing(value: Any, future: dict[str, Json]) -> None:
    found = encode(value)
    assert isinstance(found, dict)
    assert decode(type(value), {**future, **found}) == value
