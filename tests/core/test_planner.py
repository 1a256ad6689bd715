"""What the cases do not tell: the code of each refusal, and what stands but is not remembered so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.core.plan_inputs import ONE, PRUNES, TWO, A, B, C, D, desired, inventory, owned, resource, stands

from holdfast.core.order import held_up
from holdfast.core.planner import gone, plan, unrecorded
from holdfast.core.world import EXCLUSIVE, subjects
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live, Observation
from holdfast.model.plan import Inventory, Owned, Plan, Policy, Verb
from holdfast.model.resource import Desired, Origin, ResourcePolicy
from holdfast.model.state import State


def codes(found: Plan) -> dict[str, str]:
    return {id.name: blocked.code for id, blocked in found.blocked.items()}


KEPT = owned(resource(A, policy=ResourcePolicy(protect=True)))
MANY = tuple(owned(resource(ResourceId("host", "Process", "shop", f"x{number}"))) for number in range(9))
REFUSED: dict[str, tuple[Desired, Live, Inventory, Policy]] = {
    "HF2001": (desired(resource(A)), Live(observed={}, unreachable={A: "no answer"}), {}, PRUNES),
    "HF2002": (desired(resource(A)), stands(A), {}, PRUNES),
    "HF2004": (
        desired(resource(B)),
        stands(B, *(it.resource.id for it in MANY)),
        inventory(owned(resource(B)), *MANY),
        PRUNES,
    ),
    "HF2005": (desired(), stands(A), inventory(owned(resource(A))), PRUNES),
    "HF2006": (desired(resource(B)), stands(A, B), inventory(KEPT, owned(resource(B))), PRUNES),
    "HF2008": (
        desired(resource(B)),
        stands(A, B),
        inventory(owned(resource(A)), owned(resource(B))),
        replace(PRUNES, rolling_back=frozenset()),
    ),
    "HF2016": (desired(resource(B)), stands(A, B), inventory(owned(resource(A)), owned(resource(B))), replace(PRUNES, rewound=True)),
}

REASONS = {
    "HF2001": "unknown: no answer",
    "HF2002": "is there already and not ours: adopt it, rename it or remove it",
    "HF2004": "would delete 9 of 10 declared resources: a person must confirm",
    "HF2005": "nothing is declared any more: emptying needs allowEmpty or a person",
    "HF2006": "is protected: deleting it needs a person",
    "HF2008": "a rollback deletes only what the failed operation created: a person must confirm",
    "HF2016": "Git went back to before it was declared: a person must confirm",
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_is_refused_says_its_code_and_why(code: str) -> None:
    found = plan(*REFUSED[code])
    assert set(codes(found).values()) == {code}
    assert {blocked.reason for blocked in found.blocked.values()} == {REASONS[code]}


def test_what_waits_for_something_blocked_says_so() -> None:
    found = plan(desired(resource(A), resource(B, needs=frozenset({A}))), Live(observed={B: Observation(state=None)}), {}, PRUNES)
    assert codes(found) == {"a": "HF2001", "b": "HF2009"}
    assert found.blocked[B].reason == "waits for Process/shop/a, which is blocked"


def test_what_stands_and_is_remembered_so_is_no_news() -> None:
    it = resource(A, origin=Origin(path="a", line=1, revision="r1"))
    moved = replace(it, origin=Origin(path="b", line=9, revision="r2"))
    assert unrecorded(desired(moved), stands(A), inventory(owned(it))) == ()


@pytest.mark.parametrize(
    ("known", "more"),
    [
        (owned(resource(A, wave=2)), {}),
        (owned(resource(A, needs=frozenset({B}))), {}),
        (owned(resource(A, state=TWO)), {}),
        (owned(resource(A), is_applied=False), {}),
        (None, {"owned": True}),
    ],
)
def test_what_stands_and_is_remembered_otherwise_is_news(known: Owned | None, more: dict[str, Any]) -> None:
    it = resource(A)
    assert unrecorded(desired(it), stands(A, **more), inventory(*([known] if known else []))) == (it,)


@pytest.mark.parametrize(
    ("live", "known"),
    [
        (stands(A, state=TWO), ()),
        (Live(observed={A: Observation(state=None)}), ()),
        (Live(observed={}), ()),
        (Live(observed={A: Observation(state=ONE)}, unreachable={A: "no answer"}), ()),
        (stands(A, owned=False), ()),
        (stands(A), (owned(resource(A, wave=2), application="blog"),)),
        (stands(A), (owned(resource(A), application="blog", is_applied=False),)),
    ],
)
def test_what_does_not_stand_or_is_not_ours_is_no_news(live: Live, known: tuple[Owned, ...]) -> None:
    assert unrecorded(desired(resource(A)), live, inventory(*known)) == ()


def test_what_is_forgotten_and_seen_to_be_gone_leaves_the_inventory() -> None:
    known = inventory(owned(resource(A)), owned(resource(B)), owned(resource(C), application="blog"))
    live = Live(observed={A: Observation(state=None), B: Observation(state=ONE), C: Observation(state=None)})
    assert set(gone(desired(), live, known)) == {A}


def test_what_is_looked_at_is_what_is_in_scope_what_it_needs_and_what_goes_before() -> None:
    known = inventory(owned(resource(A)), owned(resource(B, needs=frozenset({A}))), owned(resource(C), application="blog"))
    wanted = desired(resource(B, needs=frozenset({D})), resource(D))
    assert subjects(wanted, known) == {A, B, D}
    assert subjects(wanted, known, [D]) == {D}
    assert subjects(wanted, known, [B]) == {B, D}
    assert subjects(wanted, known, [A]) == {A, B}


def test_who_restarts_with_one_that_may_be_replaced_is_looked_at_with_it() -> None:
    follower = resource(B, policy=ResourcePolicy(restart_with=frozenset({A})))
    known = inventory(owned(resource(A)), owned(follower))
    replaceable = resource(A, policy=ResourcePolicy(replace_on=frozenset({"version"})))
    assert subjects(desired(replaceable), known, [A]) == {A, B}
    assert subjects(desired(resource(A), follower), known, [A]) == {A}


def test_a_replacement_that_fails_holds_up_who_went_down_for_it() -> None:
    """B goes down before A is replaced and comes up after; where A fails B's second half waits."""
    first = resource(A, policy=ResourcePolicy(replace_on=frozenset({"version"})))
    follower = resource(B, policy=ResourcePolicy(restart_with=frozenset({A})))
    wanted = desired(replace(first, state=TWO), follower, resource(C))
    known = inventory(owned(first), owned(follower), owned(resource(C, state=TWO)))
    found = plan(wanted, Live(observed={id: Observation(state=it.resource.state) for id, it in known.items()}), known, PRUNES)
    assert {(change.id.name, change.verb) for change in found} == {("a", Verb.REPLACE), ("b", Verb.REPLACE), ("c", Verb.UPDATE)}
    assert held_up(found, wanted, known, [A]) == {B}
    assert held_up(found, wanted, known, [C]) == frozenset()


def test_what_cannot_be_reached_is_not_taken_for_what_was_seen_of_it() -> None:
    known = Live(observed={A: Observation(state=ONE)}, unreachable={A: "no answer"})
    adopts = resource(A, policy=ResourcePolicy(adopt=True))
    assert unrecorded(desired(adopts), stands(A), {}) == (adopts,)
    assert unrecorded(desired(adopts), known, {}) == ()


def test_nothing_goes_down_with_what_cannot_be_replaced() -> None:
    """A is to be replaced, but D goes down with it and is out of scope: so A stays, and B, which would go down with it too, goes on."""
    first = resource(A, origin=Origin(path="a.yaml", line=2, revision="r2"), policy=ResourcePolicy(replace_on=frozenset({"version"})))
    with_it = ResourcePolicy(restart_with=frozenset({A}))
    follower, outside = resource(B, policy=with_it), resource(D, policy=with_it)
    wanted = desired(replace(first, state=TWO), follower, outside)
    known = inventory(owned(first), owned(follower), owned(outside))
    seen = Live(observed={id: Observation(state=ONE) for id in (A, B, D)})
    found = plan(wanted, seen, known, replace(PRUNES, only=frozenset({A, B})))
    assert list(found) == []
    assert codes(found) == {"a": "HF2009"}
    assert found.blocked[A].reason == "waits for Process/shop/d, which goes down with it and is no part of this plan"
    assert found.blocked[A].origin == first.origin is not None
    gone = replace(seen, observed={**seen.observed, D: Observation(state=None)})
    assert A in {change.id for change in plan(wanted, gone, known, replace(PRUNES, only=frozenset({A, B})))}, (
        "who is gone goes down with nobody"
    )


def test_who_restarts_goes_down_whoever_is_not_there_and_whoever_went_down_before() -> None:
    """A is replaced. B, which would go down with it, is not there yet; C does, and D with C."""
    first = resource(A, policy=ResourcePolicy(replace_on=frozenset({"version"})))
    absent, second = (resource(id, policy=ResourcePolicy(restart_with=frozenset({A}))) for id in (B, C))
    third = resource(D, policy=ResourcePolicy(restart_with=frozenset({C})))
    known = inventory(owned(first), owned(second), owned(third))
    live = Live(observed={**stands(A, C, D).observed, B: Observation(state=None)})
    found = plan(desired(replace(first, state=TWO), absent, second, third), live, known, PRUNES)
    down = {change.id for change in found if change.verb is Verb.REPLACE and change.after is None}
    assert down == {C, D}


def test_what_holds_data_and_seems_renamed_asks_for_both() -> None:
    holder = resource(A, policy=ResourcePolicy(holds=True))
    live = Live(observed={**stands(A, C).observed, B: Observation(state=None)})
    found = plan(desired(resource(B), resource(C)), live, inventory(owned(holder), owned(resource(C))), replace(PRUNES, prune_share=1.0))
    assert codes(found) == {"a": "HF2017", "b": "HF2017"}


HERE, THERE = Origin(path="web.yaml", line=3, revision="r2"), Origin(path="old.yaml", line=7, revision="r1")
OURS = inventory(owned(resource(A, origin=THERE)), owned(resource(B)))


@pytest.mark.parametrize(
    ("live", "policy", "code", "reason"),
    [
        (stands(A, B), replace(PRUNES, complete=False), "HF2007", "the source did not render completely: nothing is pruned"),
        (stands(A, B), replace(PRUNES, rewound=True), "HF2016", "Git went back to before it was declared: a person must confirm"),
        (replace(stands(B), unreachable={A: "no answer"}), PRUNES, "HF2001", "unknown: no answer"),
        (
            replace(stands(B), observed={**stands(A, owned=False).observed, **stands(B).observed}),
            PRUNES,
            "HF2002",
            "is to be deleted, but what is there is no longer ours",
        ),
    ],
)
def test_what_may_not_be_deleted_says_why_and_where_it_was_declared(live: Live, policy: Policy, code: str, reason: str) -> None:
    found = plan(desired(resource(B)), live, OURS, policy).blocked[A]
    assert (found.code, found.reason, found.origin) == (code, reason, THERE)


@pytest.mark.parametrize(("live", "code"), [(Live(observed={}, unreachable={A: "no answer"}), "HF2001"), (stands(A), "HF2002")])
def test_what_may_not_be_touched_says_where_it_is_declared(live: Live, code: str) -> None:
    found = plan(desired(resource(A, origin=HERE)), live, {}, PRUNES).blocked[A]
    assert (found.code, found.origin) == (code, HERE)


def test_all_that_is_ours_is_all_though_a_person_named_each() -> None:
    everything = replace(PRUNES, only=frozenset({A}), prune_free=1)
    assert codes(plan(desired(), stands(A), inventory(owned(resource(A))), everything)) == {"a": "HF2005"}


def test_a_field_that_is_fixed_and_stays_is_no_reason_to_replace() -> None:
    before, after, other = (State.of({"image": image, "version": version}) for image, version in (("a", 1), ("a", 2), ("b", 2)))
    fixed = resource(A, after, policy=ResourcePolicy(replace_on=frozenset({"image"})))
    known = inventory(owned(resource(A, before)))
    for wanted, verb in ((fixed, Verb.UPDATE), (replace(fixed, state=other), Verb.REPLACE)):
        assert [change.verb for change in plan(desired(wanted), stands(A, state=before), known, PRUNES)] == [verb]


def test_a_change_says_where_it_was_declared() -> None:
    deleted = plan(desired(resource(B)), stands(A, B), OURS, PRUNES)
    assert [(change.id, change.origin) for change in deleted] == [(A, THERE)]
    first = resource(A, policy=ResourcePolicy(replace_on=frozenset({"version"})))
    follower = resource(B, origin=HERE, policy=ResourcePolicy(restart_with=frozenset({A})))
    known = inventory(owned(first), owned(follower))
    restarted = plan(desired(replace(first, state=TWO), follower), stands(A, B), known, PRUNES)
    assert {change.origin for change in restarted if change.id == B} == {HERE}


@pytest.mark.parametrize(
    ("there", "here", "reason"),
    [
        (None, None, "is owned by Application blog"),
        (THERE, None, "is owned by Application blog (old.yaml:7)"),
        (None, HERE, "is owned by Application blog; web.yaml:3 declares it again"),
    ],
)
def test_what_is_anothers_says_whose_and_where_both_are_declared(there: Origin | None, here: Origin | None, reason: str) -> None:
    known = inventory(owned(resource(A, origin=there), application="blog"))
    found = plan(desired(resource(A, origin=here)), stands(A), known, PRUNES).blocked[A]
    assert (found.code, found.reason, found.origin) == ("HF2003", reason, here)


def test_a_share_that_is_just_reached_is_no_reason_to_ask() -> None:
    half = replace(PRUNES, prune_share=0.5, prune_free=0)
    assert [change.id for change in plan(desired(resource(B)), stands(A, B), OURS, half)] == [A]


@pytest.mark.parametrize("taken", ["tcp:80", "tcp:81"])
def test_each_of_several_exclusive_things_is_one(taken: str) -> None:
    """B takes one of the two ports that A holds: A goes first."""
    both, one = ({EXCLUSIVE: text} for text in ("tcp:80, tcp:81", taken))
    known = inventory(owned(resource(A, labels=both)))
    live = Live(observed={**stands(A).observed, B: Observation(state=None)})
    found = plan(desired(resource(B, labels=one)), live, known, replace(PRUNES, prune_share=1.0))
    assert [[change.id for change in wave] for wave in found.waves] == [[A], [B]]


def test_what_is_unknown_is_not_there_to_be_needed() -> None:
    known = inventory(owned(resource(A)))
    live = Live(observed={**stands(A).observed, B: Observation(state=None)}, unreachable={A: "no answer"})
    assert codes(plan(desired(resource(A), resource(B, needs=frozenset({A}))), live, known, replace(PRUNES, only=frozenset({B})))) == {
        "b": "HF2009"
    }


NEEDY = resource(B, origin=HERE, needs=frozenset({A}))
HOLDS = {EXCLUSIVE: "tcp:80"}
STAYS = ResourcePolicy(prune=False)
ELSEWHERE = owned(resource(D, needs=frozenset({A})), application="blog")
ABSENT = Observation(state=None)
BLOCKED: dict[str, tuple[ResourceId, Desired, Live, Inventory, Policy, bool]] = {
    "waits for Process/shop/a: unknown: no answer": (
        B,
        desired(resource(A), NEEDY),
        Live(observed={B: ABSENT}, unreachable={A: "no answer"}),
        {},
        replace(PRUNES, only=frozenset({B})),
        True,
    ),
    "waits for Process/shop/a, which is not there": (
        B,
        desired(resource(A), NEEDY),
        Live(observed={A: ABSENT, B: ABSENT}),
        {},
        replace(PRUNES, only=frozenset({B})),
        False,
    ),
    "waits for Process/shop/a, which stays and holds what this needs": (
        B,
        desired(resource(B, origin=HERE, labels=HOLDS)),
        Live(observed={**stands(A).observed, B: ABSENT}),
        inventory(owned(resource(A, labels=HOLDS, policy=STAYS))),
        PRUNES,
        False,
    ),
    "waits for Process/shop/a, which is blocked": (
        B,
        desired(resource(A), NEEDY),
        Live(observed={B: ABSENT}, unreachable={A: "no answer"}),
        {},
        PRUNES,
        False,
    ),
    "is still needed by Process/shop/c, which stays": (
        A,
        desired(resource(B)),
        stands(A, B, C),
        inventory(owned(resource(A, origin=HERE)), owned(resource(B)), owned(resource(C, needs=frozenset({A}), policy=STAYS))),
        PRUNES,
        False,
    ),
    "is still needed by Process/shop/d of Application blog": (
        A,
        desired(resource(B)),
        stands(A, B, D),
        inventory(owned(resource(A, origin=HERE)), owned(resource(B)), ELSEWHERE),
        PRUNES,
        False,
    ),
}


@pytest.mark.parametrize("reason", BLOCKED)
def test_what_waits_says_for_what_its_code_and_where_it_was_declared(reason: str) -> None:
    id, wanted, live, known, policy, unknown = BLOCKED[reason]
    found = plan(wanted, live, known, policy).blocked[id]
    assert (found.reason, found.unknown, found.code, found.origin) == (reason, unknown, "HF2009", HERE)


def test_what_another_application_needs_goes_once_that_is_gone_and_not_while_nobody_knows() -> None:
    known = inventory(owned(resource(A)), owned(resource(B)), ELSEWHERE)
    mute = plan(desired(resource(B)), replace(stands(A, B), unreachable={D: "no answer"}), known, PRUNES).blocked[A]
    assert (mute.unknown, mute.code) == (True, "HF2009")
    gone_ = Live(observed={**stands(A, B).observed, D: ABSENT})
    assert [change.id for change in plan(desired(resource(B)), gone_, known, PRUNES)] == [A]


def test_what_holds_its_port_already_waits_for_nobody() -> None:
    """Two of one Application may have held one port: who has it keeps it while the other goes."""
    both = inventory(owned(resource(A, labels=HOLDS)), owned(resource(B, labels=HOLDS)))
    found = plan(desired(resource(B, TWO, labels=HOLDS)), stands(A, B), both, replace(PRUNES, prune_share=1.0))
    assert [[(change.id.name, change.verb) for change in wave] for wave in found.waves] == [[("b", Verb.UPDATE)], [("a", Verb.DELETE)]]


def test_what_we_remember_as_ours_and_the_engine_does_not_is_not_touched() -> None:
    found = plan(desired(resource(A)), stands(A, owned=False), inventory(owned(resource(A))), PRUNES)
    assert codes(found) == {"a": "HF2002"}
    assert not plan(desired(resource(A)), stands(A, owned=True), inventory(owned(resource(A))), PRUNES).blocked


def test_what_is_approved_is_just_this_plan_of_this_application() -> None:
    """Another state, another Application and another order are other plans: B goes down with A or does not."""
    absent = Live(observed={A: Observation(state=None)})
    one, two = (plan(desired(resource(A, state)), absent, {}, PRUNES).digest for state in (ONE, TWO))
    other = plan(Desired.of("blog", "r2", (resource(A),)), absent, {}, PRUNES).digest
    first, second = (resource(id, policy=ResourcePolicy(replace_on=frozenset({"version"}))) for id in (A, B))
    known, live = inventory(owned(first), owned(second)), stands(A, B)
    together = replace(second, policy=replace(second.policy, restart_with=frozenset({A})))
    apart, with_it = (
        plan(desired(replace(first, state=TWO), replace(it, state=TWO)), live, known, PRUNES).digest for it in (second, together)
    )
    assert len({one, two, other, apart, with_it, ""}) == 6


def test_where_nothing_can_be_done_there_is_nothing_to_approve() -> None:
    live = Live(observed={A: Observation(state=None), B: Observation(state=None)})
    found = plan(desired(resource(A, needs=frozenset({B}))), live, {}, PRUNES)
    assert codes(found) == {"a": "HF2009"}
    assert found.digest == ""


REMOVING = replace(PRUNES, removing=True, allow_empty=True, prune_share=1.0)


@pytest.mark.parametrize(
    ("policy", "removing", "pruned"),
    [
        (ResourcePolicy(), "goes", "goes"),
        (ResourcePolicy(delete=False), "stays", "goes"),
        (ResourcePolicy(prune=False), "stays", "stays"),
        (ResourcePolicy(protect_delete=True), "HF2006", "goes"),
        (ResourcePolicy(protect=True), "HF2006", "HF2006"),
    ],
)
def test_what_goes_with_its_application_and_what_goes_when_git_forgets_it(policy: ResourcePolicy, removing: str, pruned: str) -> None:
    known = inventory(owned(resource(A, policy=policy, origin=THERE)), owned(resource(B)))
    for wanted, how, became in ((desired(), REMOVING, removing), (desired(resource(B)), replace(PRUNES, prune_share=1.0), pruned)):
        found = plan(wanted, stands(A, B), known, how)
        blocked = found.blocked.get(A)
        said = "stays" if A in found.orphans else blocked.code if blocked is not None else "goes"
        assert said == became
        assert (A in {change.id for change in found}) == (became == "goes")
        if blocked is not None:
            assert (blocked.reason, blocked.origin) == ("is protected: deleting it needs a person", THERE)


def test_what_is_pruned_last_waits_for_what_is_declared_and_blocked() -> None:
    """D may not be replaced without a person; A, pruned last, stays meanwhile, and says for what. B, which is forgotten too, goes."""
    held = resource(D, policy=ResourcePolicy(protect=True, replace_on=frozenset({"version"})))
    last = resource(A, origin=THERE, policy=ResourcePolicy(last=True))
    known, live = inventory(owned(last), owned(resource(B)), owned(held)), stands(A, B, D)
    free = replace(PRUNES, prune_share=1.0)
    found = plan(desired(replace(held, state=TWO)), live, known, free)
    assert [change.id for change in found] == [B]
    assert set(found.blocked) == {A, D}
    said = found.blocked[A]
    assert (said.code, said.origin) == ("HF2009", THERE)
    assert said.reason == "is pruned last, and waits for Process/shop/d, which is blocked"
    assert [change.id for change in plan(desired(held), live, known, free)] == [B, A]

    kept = replace(last, policy=replace(last.policy, protect=True))
    twice = plan(desired(replace(held, state=TWO)), live, inventory(owned(kept), owned(resource(B)), owned(held)), free)
    assert twice.blocked[A].code == "HF2006", "what has a reason of its own keeps it"
    alone = plan(desired(held), live, inventory(owned(last), owned(replace(resource(B), policy=kept.policy)), owned(held)), free)
    assert [change.id for change in alone] == [A], "what is forgotten and blocked is waited for by nobody"
