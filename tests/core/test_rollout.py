"""Rollout: which steps, what is undone, what runs at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.rollout import compensation, lanes, steps
from holdfast.model.ids import ResourceId
from holdfast.model.operation import RolloutStyle, Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.resource import Derived, Resource
from holdfast.model.state import State

WEB = ResourceId("host", "Process", "shop", "web")
OLD, NEW = State.of({"version": 1}), State.of({"version": 2})


def change(verb: Verb, id: ResourceId = WEB) -> Change:
    before = None if verb is Verb.CREATE else OLD
    return Change(id=id, verb=verb, reason=Reason.DECLARED, before=before, after=None if verb is Verb.DELETE else NEW)


def text(found: tuple[Step, ...]) -> str:
    return " ".join(f"{step.verb}{'*' if step.private else ''}" for step in found)


def rolled(verb: Verb, style: RolloutStyle) -> tuple[Step, ...]:
    return steps(change(verb), Resource(id=WEB, state=NEW), style, "op", 60.0)


TABLE = {
    (Verb.CREATE, RolloutStyle.IN_PLACE): "apply",
    (Verb.CREATE, RolloutStyle.START_FIRST): "start gate switch",
    (Verb.CREATE, RolloutStyle.START_FIRST_PRIVATE): "start* gate* discard* start gate switch",
    (Verb.CREATE, RolloutStyle.STOP_FIRST): "start gate switch",
    (Verb.UPDATE, RolloutStyle.IN_PLACE): "apply",
    (Verb.UPDATE, RolloutStyle.START_FIRST): "start gate switch drain stop",
    (Verb.UPDATE, RolloutStyle.START_FIRST_PRIVATE): "start* gate* discard* start gate switch drain stop",
    (Verb.UPDATE, RolloutStyle.STOP_FIRST): "stop start gate switch",
    (Verb.REPLACE, RolloutStyle.IN_PLACE): "delete apply",
    (Verb.REPLACE, RolloutStyle.START_FIRST): "delete start gate switch",
    (Verb.REPLACE, RolloutStyle.START_FIRST_PRIVATE): "delete start* gate* discard* start gate switch",
    (Verb.REPLACE, RolloutStyle.STOP_FIRST): "delete start gate switch",
}


@pytest.mark.parametrize(("verb", "style"), TABLE)
def test_steps(verb: Verb, style: RolloutStyle) -> None:
    assert text(rolled(verb, style)) == TABLE[verb, style]


@pytest.mark.parametrize("style", RolloutStyle)
def test_a_deletion_is_one_step_without_a_resource(style: RolloutStyle) -> None:
    found = steps(change(Verb.DELETE), None, style, "op", 60.0)
    assert text(found) == "delete"
    assert found[0].resource is None


def test_the_halves_of_a_replace_in_two_waves() -> None:
    down = Change(id=WEB, verb=Verb.REPLACE, reason=Reason.DECLARED, before=OLD, after=None)
    up = Change(id=WEB, verb=Verb.REPLACE, reason=Reason.DECLARED, before=None, after=NEW)
    resource = Resource(id=WEB, state=NEW)
    assert text(steps(down, resource, RolloutStyle.START_FIRST, "op", 60.0)) == "delete"
    assert text(steps(up, resource, RolloutStyle.START_FIRST, "op", 60.0)) == "start gate switch"


UNDONE = {
    "start gate switch drain stop": ["discard", "discard", "discard", "stop", "stop"],
    "start* gate* discard* start gate switch drain stop": [*["discard*"] * 3, *["discard"] * 3, "stop", "stop"],
    "stop start gate switch": ["", "discard", "discard", "discard"],
    "apply": [""],
}


@pytest.mark.parametrize("style", RolloutStyle)
def test_what_is_undone_when_a_step_fails(style: RolloutStyle) -> None:
    found = rolled(Verb.UPDATE, style)
    assert [text(compensation(step, found[:at])) for at, step in enumerate(found)] == UNDONE[text(found)]


@given(st.sampled_from(Verb), st.sampled_from(RolloutStyle))
def test_there_is_never_less_to_serve_than_the_style_says(verb: Verb, style: RolloutStyle) -> None:
    """What serves ends before its successor serves only in stop-first and replace; at the end one instance is there."""
    serving, candidates = (0 if verb is Verb.CREATE else 1), 0
    for step in steps(change(verb), Resource(id=WEB, state=NEW), style, "op", 60.0):
        match step.verb:
            case StepVerb.START:
                candidates += 1
            case StepVerb.DISCARD:
                candidates -= 1
            case StepVerb.SWITCH:
                assert candidates == 1
                serving, candidates = serving + 1, 0
            case StepVerb.STOP | StepVerb.DELETE:
                serving -= 1
            case StepVerb.APPLY:
                serving = 1
        if verb is Verb.UPDATE and style is not RolloutStyle.STOP_FIRST:
            assert serving >= 1
        assert 0 <= candidates <= 1
    assert (serving, candidates) == (0 if verb is Verb.DELETE else 1, 0)


def replicas(count: int, surge: int = 1) -> dict[ResourceId, Resource]:
    ids = [ResourceId("host", "Process", "shop", f"web.{at}") for at in range(count)]
    return {id: Resource(id=id, state=State.of({"surge": surge}), owner=Derived((WEB,))) for id in ids}


def laned(verbs: list[Verb], surge: int = 1) -> list[list[str]]:
    known = replicas(len(verbs), surge)
    wave = tuple(change(verb, id) for verb, id in zip(verbs, known, strict=True))
    return [[it.id.name for it in lane] for lane in lanes(wave, known.get)]


def test_replicas_change_one_after_another() -> None:
    assert laned([Verb.UPDATE] * 3) == [["web.0", "web.1", "web.2"]]


def test_surge_lets_that_many_at_once() -> None:
    assert laned([Verb.UPDATE] * 5, surge=2) == [["web.0", "web.2", "web.4"], ["web.1", "web.3"]]
    assert laned([Verb.UPDATE] * 2, surge=5) == [["web.0"], ["web.1"]]


@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.DELETE])
def test_what_only_comes_or_only_goes_does_so_at_once(verb: Verb) -> None:
    assert laned([verb] * 3) == [["web.0"], ["web.1"], ["web.2"]]


def test_new_replicas_come_before_others_change_and_old_ones_go_last() -> None:
    assert laned([Verb.DELETE, Verb.UPDATE, Verb.CREATE]) == [["web.2", "web.1", "web.0"]]


def test_different_resources_run_at_once() -> None:
    ids = [ResourceId("host", "File", "shop", name) for name in "ab"]
    wave = tuple(change(Verb.UPDATE, id) for id in ids)
    assert lanes(wave, lambda its: Resource(id=its, state=OLD)) == ((wave[0],), (wave[1],))
    assert lanes(wave, lambda its: None) == ((wave[0],), (wave[1],))


def test_a_step_carries_what_its_engine_needs() -> None:
    resource = Resource(id=WEB, state=NEW)
    found = steps(change(Verb.REPLACE), resource, RolloutStyle.IN_PLACE, "op", 7.0)
    assert [(step.operation, step.change, step.deadline_s) for step in found] == [("op", change(Verb.REPLACE), 7.0)] * 2
    assert [step.resource for step in found] == [None, resource]


def test_a_surge_that_is_no_number_is_one_lane() -> None:
    known = {id: Resource(id=id, state=State.of({"surge": "many"}), owner=Derived((WEB,))) for id in replicas(3)}
    wave = tuple(change(Verb.UPDATE, id) for id in known)
    assert len(lanes(wave, known.get)) == 1
    nothing_said = {id: Resource(id=id, state=NEW, owner=Derived((WEB,))) for id in known}
    assert len(lanes(wave, nothing_said.get)) == 1
    half = {WEB: Resource(id=WEB, state=NEW)}
    assert lanes((change(Verb.UPDATE), change(Verb.CREATE)), half.get) == ((change(Verb.CREATE), change(Verb.UPDATE)),)


def test_where_nothing_was_started_nothing_is_discarded() -> None:
    stop, gate = (Step(operation="op", verb=verb, change=change(Verb.UPDATE), resource=None) for verb in (StepVerb.STOP, StepVerb.GATE))
    assert compensation(gate, (stop,)) == ()
