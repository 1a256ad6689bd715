"""Redaction: no secret reaches the log, and no event is bent by it."""

from __future__ import annotations

import json
import math

import pytest

from holdfast.core import events as say
from holdfast.core.fold import fold
from holdfast.core.view import View
from holdfast.kit.canonical import Json
from holdfast.kit.secret import Redactor, Secret
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.live import Health, Status
from holdfast.model.operation import Applied, Failure, Operation, Outcome, Phase, Trigger
from holdfast.model.ports import Append, PutOperation, PutRecord
from holdfast.store.redaction import redacted, redacted_event

SECRET = "correct horse"
WEB = ResourceId(HOST, "Process", "shop", "web")


def cleaned(data: dict[str, Json], *secrets: str) -> object:
    event = Event(type="some.thing", subject="x", at=1.0, data=data)
    return redacted_event(Redactor(map(Secret, secrets or (SECRET,))), event).data


@pytest.mark.parametrize(
    "data",
    [
        {"message": f"with {SECRET} inside"},
        {"log": ["fine", SECRET]},
        {"live": {"env": {"PASSWORD": SECRET}}},
        {"errors": [{"message": SECRET, "where": [{"snippet": f"password: {SECRET}"}]}]},
        {"failure": {"log": [f"{SECRET}\n"], "hint": SECRET}},
        {"deep": [[[{"a": [SECRET]}]]]},
        {"live": {"status": SECRET, "id": SECRET}},
    ],
    ids=lambda data: next(iter(data)),
)
def test_a_secret_is_redacted_wherever_it_stands(data: dict[str, Json]) -> None:
    text = json.dumps(cleaned(data))
    assert SECRET not in text
    assert "[redacted]" in text


def test_names_stay_even_where_a_password_is_one() -> None:
    secrets = ("shop", "Healthy", "Synced", "Process/shop/web", "digest-of-it")
    observed = say.resource_observed(
        at=1.0, application="shop", id=WEB, sync="Synced", health=Health(Status.HEALTHY, "shop"), live={"pid": 1, "note": "shop"}
    )
    clean = redacted_event(Redactor(map(Secret, secrets)), observed)
    resource = fold(View(), [clean]).applications["shop"].resources[WEB]
    assert (resource.sync, resource.status, resource.message, resource.live) == (
        "Synced",
        "Healthy",
        "[redacted]",
        {"pid": 1, "note": "[redacted]"},
    )


def test_what_no_json_can_hold_is_told_in_other_words() -> None:
    told = cleaned({"text": "ünï \udcff", "number": math.nan, "list": [math.inf, 1.5], "fine": "ünï"})
    assert told == {"text": "ünï \\udcff", "number": None, "list": [None, 1.5], "fine": "ünï"}


def test_an_operation_keeps_no_secret_of_a_failing_program() -> None:
    failure = Failure(code="HF3001", message=f"died: {SECRET}", hint=SECRET, log=("starting", f"password {SECRET}"))
    outcome = Outcome(id=WEB, status=Applied.FAILED, attempts=1, started_at=1.0, finished_at=2.0, failure=failure)
    operation = Operation(
        id="1",
        application="shop",
        trigger=Trigger.COMMIT,
        revision="r",
        desired_digest="d",
        plan_digest="p",
        phase=Phase.FAILED,
        started_at=1.0,
        message=f"failed: {SECRET}",
        outcomes=(outcome,),
    )
    told = redacted(Redactor([Secret(SECRET)]), PutOperation(operation))
    assert SECRET not in repr(told)
    assert isinstance(told, PutOperation)
    assert told.operation.outcomes[0].failure == Failure(
        code="HF3001", message="died: [redacted]", hint="[redacted]", log=("starting", "password [redacted]")
    )


def test_what_engines_remember_is_theirs() -> None:
    record = PutRecord("process", "web", {"text": SECRET})
    assert redacted(Redactor([Secret(SECRET)]), record) is record
    append = Append(Event(type="some.thing", subject="x", at=1.0, data={"n": 1}))
    assert redacted(Redactor(), append) == append
