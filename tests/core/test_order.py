"""When changes run: cases of the order that chance seldom makes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.plan_inputs import PRUNES, TWO, A, B, C, D, desired, inventory, owned, resource, stands

from holdfast.core.planner import plan
from holdfast.core.world import EXCLUSIVE
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live, Observation
from holdfast.model.plan import Change, Inventory, Plan, Policy, Verb
from holdfast.model.resource import Desired, Resource, ResourcePolicy

FREE = replace(PRUNES, prune_share=1.0)
REPLACED = ResourcePolicy(replace_on=frozenset({"version"}))
ABSENT = Observation(state=None)


def told(change: Change) -> str:
    """Return the name, with a sign where only one half of a replacement is meant: `-` down, `+` up."""
    is_half = change.verb is Verb.REPLACE and None in (change.before, change.after)
    half = ("-" if change.after is None else "+") if is_half else ""
    return f"{half}{change.id.name}"


def waves(found: Plan) -> list[list[str]]:
    assert not found.blocked
    return [[told(change) for change in wave] for wave in found.waves]


def with_(*ids: ResourceId) -> ResourcePolicy:
    return ResourcePolicy(restart_with=frozenset(ids))


def upgraded(*changed: Resource, unchanged: tuple[Resource, ...] = ()) -> tuple[Desired, Live, Inventory, Policy]:
    """Return the inputs of a plan by which `changed` get another version; all stand."""
    everything = (*changed, *unchanged)
    wanted = desired(*(replace(each, state=TWO) for each in changed), *unchanged)
    return wanted, stands(*(each.id for each in everything)), inventory(*map(owned, everything)), FREE


def test_what_restarts_comes_up_right_after_what_it_restarts_with_whatever_else_is_replaced() -> None:
    """B restarts with A. D is replaced too, later, for it needs C: B does not wait for D."""
    first, last = resource(A, policy=REPLACED), resource(D, policy=REPLACED, needs=frozenset({C}))
    found = plan(*upgraded(first, resource(C), last, unchanged=(resource(B, policy=with_(A)),)))
    assert waves(found) == [["-b"], ["a", "c"], ["+b", "d"]]


@pytest.mark.parametrize(("one", "other"), [(A, B), (B, A)], ids=["the one comes first by name", "the other does"])
def test_what_is_needed_by_what_it_restarts_with_is_down_before_and_up_before(one: ResourceId, other: ResourceId) -> None:
    """`other` needs `one`, which restarts with it: neither order can be kept whole, and a need weighs more.

    D restarts with C, which is replaced at once: both go down in one wave.
    """
    replaced = resource(other, policy=REPLACED, needs=frozenset({one}))
    staying = (resource(one, policy=with_(other)), resource(D, policy=with_(C)))
    found = plan(*upgraded(replaced, resource(C, policy=REPLACED), unchanged=staying))
    assert waves(found) == [[f"-{one.name}", "-d"], [f"+{one.name}", "c"], [other.name, "+d"]]


def port(number: int) -> dict[str, str]:
    return {EXCLUSIVE: f"tcp:{number}"}


def gone_for(*comes: Resource, goes: tuple[Resource, ...], stay: tuple[Resource, ...] = ()) -> tuple[Desired, Live, Inventory, Policy]:
    """Return the inputs of a plan by which `comes` are made and `goes` are forgotten; `stay` stand and are declared."""
    there = stands(*(each.id for each in (*goes, *stay)))
    live = Live(observed={**there.observed, **{each.id: ABSENT for each in comes}})
    return desired(*comes, *stay), live, inventory(*map(owned, (*goes, *stay))), FREE


def test_what_needed_the_holder_of_a_port_goes_before_it() -> None:
    """B holds the port that A wants, and C needed B."""
    found = plan(*gone_for(resource(A, labels=port(80)), goes=(resource(B, labels=port(80)), resource(C, needs=frozenset({B})))))
    assert waves(found) == [["c"], ["b"], ["a"]]


def test_each_holder_of_a_port_goes_right_before_its_own_successor() -> None:
    """C holds the port of A, D that of B; B needs A, so D may stay a while longer."""
    comes = (resource(A, labels=port(80)), resource(B, labels=port(81), needs=frozenset({A})))
    found = plan(*gone_for(*comes, goes=(resource(C, labels=port(80)), resource(D, labels=port(81)))))
    assert waves(found) == [["c"], ["a"], ["d"], ["b"]]


def test_who_makes_room_for_what_is_blocked_goes_with_the_others() -> None:
    """A is protected from its replacement, which wants the port that C holds; C goes when D goes."""
    held = resource(A, labels=port(80), policy=replace(REPLACED, protect=True))
    before = owned(replace(held, labels={}))
    wanted = desired(replace(held, state=TWO), resource(B))
    known = inventory(before, owned(resource(B)), owned(resource(C, labels=port(80))), owned(resource(D)))
    found = plan(wanted, stands(A, B, C, D), known, FREE)
    assert set(found.blocked) == {A}
    assert [[told(change) for change in wave] for wave in found.waves] == [["c", "d"]]


def test_old_records_that_need_one_another_still_go() -> None:
    goes = (resource(A, needs=frozenset({B})), resource(B, needs=frozenset({A})))
    assert waves(plan(*gone_for(goes=goes, stay=(resource(C),)))) == [["b"], ["a"]]


def test_who_may_still_need_it_is_not_known_to_have_moved_on() -> None:
    """B needed A and does no longer. It was seen so, and does not answer now: A stays."""
    known = inventory(owned(resource(A)), owned(resource(B, needs=frozenset({A}))))
    live = replace(stands(A, B), unreachable={B: "no answer"})
    found = plan(desired(resource(B)), live, known, FREE)
    assert {id: blocked.code for id, blocked in found.blocked.items()} == {A: "HF2009", B: "HF2001"}
    assert not found.waves


def test_who_needed_it_and_has_moved_on_holds_nothing_up() -> None:
    """B needed A and needs C now. C may not be replaced without a person; A, which nobody needs any more, goes."""
    held = resource(C, policy=replace(REPLACED, protect=True))
    known = inventory(owned(resource(A)), owned(resource(B, needs=frozenset({A}))), owned(held))
    wanted = desired(resource(B, needs=frozenset({C})), replace(held, state=TWO))
    found = plan(wanted, stands(A, B, C), known, FREE)
    assert set(found.blocked) == {C}
    assert [[told(change) for change in wave] for wave in found.waves] == [["a"]]


def test_what_is_pruned_last_is() -> None:
    goes = (resource(A, policy=ResourcePolicy(last=True)), resource(B), resource(D, wave=-3))
    assert waves(plan(*gone_for(goes=goes, stay=(resource(C),)))) == [["b"], ["d"], ["a"]]


def test_what_is_not_there_yet_holds_up_nobody_that_it_would_go_down_with() -> None:
    """B would restart with A and is not there; that it cannot come yet is no matter of A."""
    first = resource(A, policy=REPLACED)
    comes = resource(B, policy=with_(A), needs=frozenset({D}))
    live = Live(observed={**stands(A).observed, B: ABSENT, D: ABSENT})
    found = plan(desired(replace(first, state=TWO), comes), live, inventory(owned(first)), FREE)
    assert set(found.blocked) == {B}
    assert [[told(change) for change in wave] for wave in found.waves] == [["a"]]
