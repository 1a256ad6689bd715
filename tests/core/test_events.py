"""The events' own documentation is complete, and each names whose it is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from holdfast.core import events, fold, orphan_events
from holdfast.core.policy import Decision, Kind
from holdfast.model.event import Severity
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Status

WEB = ResourceId("docker", "Container", "shop", "web")
TEXT = "".join(Path(inspect.getfile(each)).read_text() for each in (events, orphan_events))
WRITTEN = frozenset(re.findall(r'"([a-z]+\.[a-z_]+)"', TEXT))


def documented() -> set[str]:
    """Return the types of the docstring's table; `operation.succeeded, .failed` is short for two."""
    found: set[str] = set()
    noun = ""
    for full, short in re.findall(r"([a-z]+\.[a-z_]+)|(?<=, )\.([a-z_]+)", inspect.getdoc(events) or ""):
        noun = full.split(".")[0] if full else noun
        found.add(full or f"{noun}.{short}")
    return found


def test_every_type_is_in_the_table() -> None:
    assert len(WRITTEN) > 40
    assert sorted(WRITTEN - documented() - {"store.recovered", "source.recovered"}) == []


def test_the_fold_knows_only_types_that_are_written() -> None:
    assert sorted({*fold.ON_VIEW, *fold.ON_APPLICATION, *fold.ON_RESOURCE} - WRITTEN) == []


def test_a_resource_event_names_application_id_and_destination() -> None:
    event = events.resource_observed(at=1.0, application="shop", id=WEB, sync="Synced", health=Health(Status.HEALTHY))
    assert event.subject == "Container/shop/web"
    assert event.data["application"] == "shop"
    assert (event.data["id"], event.data["destination"]) == ("Container/shop/web", "docker")
    assert event.severity is Severity.INFO


def test_what_says_the_same_again_has_the_same_key() -> None:
    held = Decision(kind=Kind.WINDOW, reason="deny window", until=60.0)
    later = Decision(kind=Kind.WINDOW, reason="deny window", until=90.0)
    first = events.operation_held(at=1.0, application="shop", revision="r", decision=held)
    second = events.operation_held(at=2.0, application="shop", revision="r", decision=later)
    assert first.key == second.key is not None
    assert first.data["code"] == "HF2013"
