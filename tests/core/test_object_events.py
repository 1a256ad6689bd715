"""Events of followed objects: their shapes, word by word, and that their types are in the table."""

from __future__ import annotations

import inspect

from holdfast.core import object_events, room_events
from holdfast.errors import Refused

ERROR = Refused("HF8062", "cannot follow it", hint="stop it")


def test_their_shapes() -> None:
    followed = object_events.followed(at=1.0, place="in-cluster/argocd", count=3)
    assert (followed.type, followed.subject, followed.data) == (
        "objects.followed",
        "Holdfast",
        {"place": "in-cluster/argocd", "applications": 3},
    )
    held = object_events.held(at=1.0, place="in-cluster/argocd", error=ERROR)
    assert (held.severity, held.key, held.data) == (
        "warning",
        "objects:in-cluster/argocd",
        {"place": "in-cluster/argocd", "error": ERROR.to_json()},
    )
    failed = object_events.status_failed(at=1.0, application="web", error=ERROR)
    assert (failed.subject, failed.data) == ("Application/web", {"application": "web", "error": ERROR.to_json()})
    table = inspect.getdoc(room_events) or ""
    assert all(f"| {each.type} |" in table for each in (followed, held, failed))
