"""When a failure goes back, and how long the pin holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.core.rollback import Healthy, Pin, by_hand, on_failure, resumes
from holdfast.model.operation import Operation, Phase, Trigger

FAILED = Operation(
    id="op",
    application="shop",
    trigger=Trigger.COMMIT,
    revision="r2",
    desired_digest="bad",
    plan_digest="p",
    phase=Phase.FAILED,
    started_at=1.0,
)
HEALTHY = Healthy(revision="r1", digest="good")


def test_a_failed_commit_goes_back_to_the_last_healthy_revision() -> None:
    found = on_failure(FAILED, HEALTHY, None, "web died", 9.0)
    assert found
    assert found.pin == Pin(failed_digest="bad", failed_revision="r2", revision="r1", at=9.0, reason="web died")


@pytest.mark.parametrize("trigger", [Trigger.ROLLBACK, Trigger.DRIFT, Trigger.EXPIRY])
def test_only_what_moved_forward_is_rolled_back(trigger: Trigger) -> None:
    assert not on_failure(replace(FAILED, trigger=trigger), HEALTHY, None, "web died", 9.0)


def test_it_can_be_switched_off() -> None:
    found = on_failure(FAILED, HEALTHY, "off", "web died", 9.0)
    assert not found
    assert "holdfast.dev/rollback: off" in found.reason


def test_there_must_be_something_else_to_go_back_to() -> None:
    assert not on_failure(FAILED, None, None, "web died", 9.0)
    assert not on_failure(FAILED, Healthy(revision="r1", digest="bad"), None, "web died", 9.0)


def test_what_did_not_fail_stays() -> None:
    assert not on_failure(replace(FAILED, phase=Phase.SUCCEEDED), HEALTHY, None, "", 9.0)


def test_a_pin_holds_until_git_asks_for_something_else() -> None:
    pin = by_hand("bad", "r2", "r1", "ann", 9.0)
    assert not resumes(pin, "bad")
    assert resumes(pin, "better")
    assert Pin.from_json(pin.to_json()) == pin
    assert Healthy.from_json(HEALTHY.to_json()) == HEALTHY


SAID: dict[str, tuple[Operation, Healthy | None, str | None]] = {
    "the operation did not fail": (replace(FAILED, phase=Phase.SUPERSEDED), HEALTHY, None),
    "an operation triggered by drift is never rolled back": (replace(FAILED, trigger=Trigger.DRIFT), HEALTHY, None),
    "the Application says holdfast.dev/rollback: off": (FAILED, HEALTHY, "off"),
    "there is no healthy revision to go back to": (FAILED, None, None),
    "the last healthy revision asks for the same": (FAILED, Healthy(revision="r1", digest="bad"), None),
}


@pytest.mark.parametrize("reason", SAID)
def test_where_it_stays_it_says_why(reason: str) -> None:
    assert on_failure(*SAID[reason], "web died", 9.0).reason == reason


def test_where_it_goes_back_the_failure_is_the_reason() -> None:
    assert on_failure(FAILED, HEALTHY, None, "web died", 9.0).reason == "web died"


def test_a_person_who_goes_back_is_named() -> None:
    pin = Pin(failed_digest="bad", failed_revision="r2", revision="r1", at=9.0, reason="rolled back by ann")
    assert by_hand("bad", "r2", "r1", "ann", 9.0) == pin
