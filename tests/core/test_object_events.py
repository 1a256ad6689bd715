"""Events of followed objects: their shapes, word by word, and that their types are in the table."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from holdfast.core import object_events, room_events
from holdfast.errors import Refused
from holdfast.model.event import Event

ERROR = Refused("HF8062", "cannot follow it", hint="stop it")


def test_their_shapes() -> None:
    place = "in-cluster/argocd"
    followed = object_events.followed(at=1.0, place=place, count=3)
    assert shape(followed) == ("objects.followed", "Holdfast", 1.0, "info", None, {"place": place, "applications": 3})
    held = object_events.held(at=2.0, place=place, error=ERROR)
    assert shape(held) == ("objects.held", "Holdfast", 2.0, "warning", f"objects:{place}", {"place": place, "error": ERROR.to_json()})
    failed = object_events.status_failed(at=3.0, application="web", error=ERROR)
    told = {"application": "web", "error": ERROR.to_json()}
    assert shape(failed) == ("objects.status_failed", "Application/web", 3.0, "warning", "objects.status:web", told)
    table = inspect.getdoc(room_events) or ""
    assert all(f"| {each.type} |" in table for each in (followed, held, failed))


def shape(event: Event) -> tuple[str, str, float, str, str | None, Mapping[str, Any]]:
    return event.type, event.subject, event.at, event.severity.value, event.key, event.data
