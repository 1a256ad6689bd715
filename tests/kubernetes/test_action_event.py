"""The event of an action has the shape that the table says."""

from __future__ import annotations

import inspect
import re

from holdfast.core import room_events
from holdfast.kubernetes.action_event import ran
from holdfast.model.ids import ResourceId


def test_it_says_what_the_table_says() -> None:
    id = ResourceId("https://c", "apps/Deployment", "shop", "web")
    event = ran(
        at=1.5,
        application="shop",
        id=id,
        action="scale",
        by="ada",
        reason="more load",
        params={"replicas": "3"},
        changed=["spec.replicas"],
        created=[],
        drift=["spec.replicas"],
    )
    assert (event.type, event.subject, event.at) == ("action.ran", "apps/Deployment/shop/web", 1.5)
    row = re.search(r"^\| action\.ran \| .* \| (.*) \|$", inspect.getdoc(room_events) or "", re.MULTILINE)
    assert row is not None
    assert event.data.keys() - {"application", "id", "destination"} == set(re.findall(r"[a-z]+", row[1]))
    assert event.data["destination"] == "https://c"
