"""What a person who waits is told."""

from __future__ import annotations

import pytest

from holdfast.app.progress import lines_of
from holdfast.core import events
from holdfast.core.policy import Decision, Kind
from holdfast.errors import DeclarationError, SourceError, Where, declaration_errors
from holdfast.kit.canonical import Json
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId

WEB = ResourceId("host", "Process", "shop", "web")


def exited(*, exit_code: int | None = 1, signal: str | None = None, expected: bool = False) -> Event:
    return events.process_exited(
        at=1.0, application="shop", id=WEB, pid=7, slot=0, exit_code=exit_code, signal=signal, seconds=2.0, expected=expected
    )


def told(event: Event) -> list[str]:
    return [line.text for line in lines_of(event)]


def test_the_loud_ones_are_told_with_their_application_and_severity() -> None:
    event = events.source_failed(at=1.0, application="shop", error=SourceError("HF4001", "cannot read /srv/shop: it is gone"))
    [line] = lines_of(event)
    assert (line.text, line.application, line.severity) == ("cannot read /srv/shop: it is gone", "shop", "warning")


def test_an_exit_that_was_asked_for_is_not_told() -> None:
    assert told(exited(expected=True)) == []


@pytest.mark.parametrize(
    ("exit_code", "signal", "how"),
    [(3, None, "exit code 3"), (0, None, "exit code 0"), (None, "SIGKILL", "signal SIGKILL"), (None, None, "nobody saw how")],
)
def test_an_exit_is_told_by_how_it_came(exit_code: int | None, signal: str | None, how: str) -> None:
    assert told(exited(exit_code=exit_code, signal=signal)) == [f"Process/shop/web ended after 2.0 s: {how}"]


def test_every_error_of_a_tree_is_told_with_its_place_and_advice() -> None:
    errors = [
        DeclarationError("HF1020", "cannot read comand", where=[Where(path="a.yaml", line=3, column=5)], hint="did you mean command?")
    ]
    errors.append(DeclarationError("HF1101", "cannot find it"))
    event = events.render_failed(at=1.0, application="shop", revision="r", error=declaration_errors(errors))
    assert told(event) == ["a.yaml:3:5: cannot read comand (did you mean command?)", "cannot find it"]


def test_the_last_line_of_what_failed_is_told_once() -> None:
    def failed(message: str) -> Event:
        failure: dict[str, Json] = {"message": message, "log": ["starting", "no"]}
        return Event(type="change.failed", subject=str(WEB), at=1.0, data={"application": "shop", "failure": failure})

    assert told(failed("cannot prepare it: exit code 1")) == ["cannot prepare it: exit code 1; last line: no"]
    assert told(failed("cannot start it: its last line: no")) == ["cannot start it: its last line: no"]


def test_what_holds_an_operation_is_told_with_what_lets_it_go_on() -> None:
    def held(kind: Kind) -> list[str]:
        decision = Decision(kind=kind, reason="suspended by ada")
        return told(events.operation_held(at=1.0, application="shop", revision="r", decision=decision))

    assert held(Kind.SUSPENDED) == ["held: suspended by ada; `holdfast resume shop` lets it go on"]
    assert held(Kind.WINDOW) == ["held: suspended by ada"]


def test_what_nobody_waits_for_says_nothing() -> None:
    assert told(events.daemon_started(at=1.0, version="1", pid=1)) == []
    assert told(events.plan_approved(at=1.0, application="shop", digest="d", by="me")) == []
