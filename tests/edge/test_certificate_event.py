"""Events of certificates hold what the table of all events says of them."""

from __future__ import annotations

import inspect
import re

import pytest

from holdfast.core import room_events as written
from holdfast.edge import certificate_event as events
from holdfast.edge.certificate_life import Failed, Fault, Held, Leaf, Obtained
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId

ID = ResourceId(HOST, "Certificate", "shop", "shop")
LEAF = Leaf(serial="0a", names=("a.example",), not_before=0.0, not_after=90.0, issuer="CA", key="ecdsa-p256", digest="d")
HELD = Held(application="shop", fields={"hosts": ["a.example"]}, leaf=LEAF, issuer="first")
LOST = Failed(fault=Fault.REFUSED, code="HF3145", message="not proven", hint="mend it")
ALL = (
    events.issued(ID, HELD, Obtained(leaf=LEAF, issuer="first"), at=1.0, by="0 root"),
    events.failed(ID, HELD, "first", LOST, at=1.0, next_at=61.0),
    events.expiring(ID, HELD, "a.example", LEAF, at=70.0),
    events.fresh(ID, HELD, "a.example", LEAF, at=1.0),
    events.revoked(ID, HELD, LEAF, "first", "superseded", at=1.0, by="0 root"),
    events.taken_over(ID, HELD, at=1.0),
)


def documented() -> dict[str, set[str]]:
    rows = re.findall(r"^\| (certificate\.[a-z_]+) \| .*? \| (.*?)\s*\|$", inspect.getdoc(written) or "", re.MULTILINE)
    return {type: set(re.findall(r"[a-z_]+", data)) for type, data in rows}


def test_every_event_of_the_table_is_written() -> None:
    assert {event.type for event in ALL} == set(documented())


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.type)
def test_an_event_holds_what_the_table_says(event: Event) -> None:
    assert set(event.data) - {"application", "id", "destination"} == documented()[event.type]
    assert (event.data["application"], event.data["id"], event.subject) == ("shop", str(ID), str(ID))
