"""Every event that Holdfast writes has words."""

from __future__ import annotations

import inspect
import re

import pytest

from holdfast.cli.ink import Ink
from holdfast.cli.telling import event_line, failure_lines, sentence
from holdfast.core import events
from holdfast.errors import StoreError
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Status
from holdfast.model.plan import Plan
from holdfast.model.resource import Desired

ID = ResourceId("host", "Process", "shop", "web")
TOLD = (
    events.application_declared(at=1.0, application="shop", repository="/r", path=".", target_revision="main"),
    events.application_removed(at=1.0, application="shop", cascaded=False),
    events.application_suspended(at=1.0, application="shop", by="0 root", reason="moving"),
    events.application_resumed(at=1.0, application="shop", by="0 root"),
    events.render_failed(at=1.0, application="shop", revision="a" * 40, error=StoreError("HF1000", "cannot render")),
    events.resource_observed(at=1.0, application="shop", id=ID, sync="Synced", health=Health(Status.HEALTHY, "fine")),
    events.resource_drifted(at=1.0, application="shop", id=ID, fields=["command"]),
    events.resource_healed(at=1.0, application="shop", id=ID, seconds=0.004),
    events.resource_contended(at=1.0, application="shop", id=ID, heals=5, window_s=60.0),
    events.resource_forgiven(at=1.0, application="shop", id=ID),
    events.resource_pruned(at=1.0, application="shop", id=ID, reason="no longer declared"),
    events.resource_orphaned(at=1.0, application="shop", id=ID, reason="pruning is off"),
    events.revision_unpinned(at=1.0, application="shop", reason="resumed"),
    events.revision_reached(at=1.0, desired=Desired.of("shop", "a" * 40, ())),
    events.process_started(at=1.0, application="shop", id=ID, pid=7, slot=0, spawn="s"),
    events.process_exited(
        at=1.0, application="shop", id=ID, pid=7, slot=0, exit_code=3, signal=None, seconds=1.0, expected=False, log=["boom"]
    ),
    events.process_crash_looping(at=1.0, application="shop", id=ID, restarts=4, next_at=None),
    events.process_ready(at=1.0, application="shop", id=ID, pid=7, slot=0, seconds=0.1),
    events.process_unready(at=1.0, application="shop", id=ID, pid=7, slot=0, message="503"),
    events.plan_refused(at=1.0, application="shop", revision="a" * 40, plan=Plan()),
    events.process_oom(at=1.0, application="shop", id=ID, pid=7, limit=1024),
    events.daemon_started(at=1.0, version="1.2.3", pid=1),
    events.daemon_stopped(at=1.0, reason="SIGTERM", pid=1),
    events.store_failed(at=1.0, error=StoreError("HF5001", "the disk is full")),
    events.store_recovered(at=1.0, waited=3),
)


@pytest.mark.parametrize("event", TOLD, ids=lambda event: event.type)
def test_an_event_is_told_in_more_than_its_name(event: Event) -> None:
    told = event.to_json()
    assert sentence(told) != event.type.replace(".", " ").replace("_", " ")
    line = event_line(told, Ink(False), is_screen=False)
    assert event.type in line
    assert "1970-01-01T00:00:01.000Z" in line
    assert "\n" not in line


def test_a_type_of_a_newer_daemon_is_told_by_its_name() -> None:
    assert sentence(Event(type="moon.rose_late", subject="Moon", at=1.0).to_json()) == "moon rose late"
    assert sentence(Event(type="process.ready", subject="x", at=1.0, data={"second": 1}).to_json()) == "process ready"


def test_a_failure_is_told_with_its_hint_and_its_last_lines() -> None:
    failure = {"code": "HF3021", "message": "cannot start web", "hint": "look", "log": ["boom"]}
    operation = {"outcomes": [{"id": "Process/shop/web", "failure": failure}, {"id": "x", "failure": None}]}
    assert list(failure_lines(operation)) == ["Process/shop/web: cannot start web (HF3021)", "  hint: look", "  log: boom"]


def test_no_type_of_event_is_forgotten_here() -> None:
    """The module that writes them names all types; each has words, here or in what `app` tells."""
    from holdfast.app import progress
    from holdfast.cli import telling

    types = set(
        re.findall(
            r'"((?:application|revision|render|source|store|operation|plan|step|change|resource|rollback|claim|process|daemon)\.[a-z_]+)"',
            inspect.getsource(events),
        )
    )
    worded = inspect.getsource(telling) + inspect.getsource(progress)
    assert len(types) > 30
    assert {each for each in types if f'"{each}"' not in worded} == set()
