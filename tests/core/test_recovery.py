"""After a crash: what is superseded, and what is planned again."""

from __future__ import annotations

from holdfast.core.recovery import recover
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Phase, Trigger

A, B = (ResourceId("host", "Process", "shop", name) for name in "ab")


def operation(id: str, trigger: Trigger, at: float, application: str = "shop", created: tuple[ResourceId, ...] = ()) -> Operation:
    return Operation(
        id=id,
        application=application,
        trigger=trigger,
        revision=f"r-{id}",
        desired_digest=f"d-{id}",
        plan_digest="p",
        phase=Phase.RUNNING,
        started_at=at,
        created=created,
    )


def test_the_newest_operation_of_an_application_is_planned_again() -> None:
    found = recover([operation("2", Trigger.ROLLBACK, 2.0, created=(B,)), operation("1", Trigger.COMMIT, 1.0, created=(A,))], 9.0)
    assert [it.id for it in found.superseded] == ["1", "2"]
    assert {it.phase for it in found.superseded} == {Phase.SUPERSEDED}
    assert {it.finished_at for it in found.superseded} == {9.0}
    [again] = found.again
    assert (again.application, again.trigger, again.revision, again.desired_digest) == ("shop", Trigger.ROLLBACK, "r-2", "d-2")
    assert again.created == {A, B}


def test_a_heal_is_superseded_without_a_plan_of_its_own() -> None:
    found = recover([operation("1", Trigger.DRIFT, 1.0)], 9.0)
    assert len(found.superseded) == 1
    assert found.again == ()


def test_applications_do_not_mix() -> None:
    found = recover([operation("1", Trigger.COMMIT, 1.0, created=(A,)), operation("2", Trigger.MANUAL, 2.0, application="blog")], 9.0)
    assert [(it.application, it.created) for it in found.again] == [("blog", frozenset()), ("shop", frozenset({A}))]
    assert recover([], 9.0).again == ()


def test_what_was_cut_off_says_so() -> None:
    [found] = recover([operation("1", Trigger.COMMIT, 1.0)], 9.0).superseded
    assert found.message == "the daemon stopped in the middle; the work is planned again from what is live"
