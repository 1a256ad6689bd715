"""What is said without a daemon."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.app.offline import Offline
from holdfast.core import events
from holdfast.core.view import HISTORY_EVENTS
from holdfast.errors import Busy, UsageError
from holdfast.host.clock import RealClock
from holdfast.model.operation import Operation, Phase, Trigger
from holdfast.model.ports import Append, PutOperation
from holdfast.store.past import PAGE
from holdfast.store.sqlite import SqliteStore


async def remember(path: Path) -> None:
    store = await SqliteStore.open(path, clock=RealClock())
    await store.commit(
        Append(events.application_declared(at=1.0, application="shop", repository="/srv/shop", path="", target_revision="main")),
        Append(events.application_suspended(at=2.0, application="shop", by="me")),
    )
    await store.close()


def test_where_nothing_was_ever_brought_up_there_is_nothing_to_show(tmp_path: Path) -> None:
    offline = Offline(str(tmp_path))
    assert offline.status(None, None) == {"applications": []}
    with pytest.raises(UsageError, match="it is not known here"):
        offline.status("shop", None)
    with pytest.raises(Busy) as refused:
        offline.history("shop")
    assert refused.value.code == "HF8025"


def test_it_says_what_the_daemon_said_last_and_what_it_said_before(tmp_path: Path) -> None:
    asyncio.run(remember(tmp_path / "store.sqlite"))
    offline = Offline(str(tmp_path))
    [now] = offline.status("shop", None)["applications"]
    [before] = offline.status("shop", 1.5)["applications"]
    assert (now["suspended"], before["suspended"]) == (True, False)
    assert [event["type"] for event in offline.events(0, None, "shop", None)["events"]] == ["application.declared", "application.suspended"]
    assert [event["seq"] for event in offline.events(0, 1, None, None)["events"]] == [2]
    assert [event["seq"] for event in offline.events(0, None, None, 2.0)["events"]] == [2]
    assert len(offline.history("shop")["events"]) == 2


def test_a_history_and_a_look_back_hold_a_bounded_part_of_a_long_past(tmp_path: Path) -> None:
    async def remember_much() -> None:
        store = await SqliteStore.open(tmp_path / "store.sqlite", clock=RealClock())
        declared = events.application_declared(at=1.0, application="shop", repository="/srv/shop", path="", target_revision="main")
        operation = Operation(
            id="first",
            application="shop",
            trigger=Trigger.COMMIT,
            revision="r1",
            desired_digest="d",
            plan_digest="p",
            phase=Phase.SUCCEEDED,
            started_at=1.0,
            finished_at=2.0,
        )
        await store.commit(Append(declared), PutOperation(operation), Append(events.operation_succeeded(at=2.0, operation=operation)))
        for at in range(3):
            told = (events.application_resumed(at=10.0 + at, application="shop", by=str(number)) for number in range(PAGE))
            await store.commit(*map(Append, told))
        await store.close()

    asyncio.run(remember_much())
    offline = Offline(str(tmp_path))
    found = offline.history("shop")
    assert [event["seq"] for event in found["events"]] == list(range(3 + 3 * PAGE - HISTORY_EVENTS, 3 + 3 * PAGE))
    assert [operation["id"] for operation in found["operations"]] == ["first"]
    assert [event["seq"] for event in offline.events(0, 2, "shop", 11.5)["events"]] == [3 + 2 * PAGE, 4 + 2 * PAGE]
    assert len(offline.events(0, None, "shop", 11.5)["events"]) == PAGE
    assert len(offline.events(5, None, None, None)["events"]) == 2 + 3 * PAGE - 5


def test_it_imports_nothing_that_takes_long() -> None:
    program = "import sys, holdfast.app.offline; print(sorted({'aiohttp', 'yaml', 'pydantic', 'click', 'asyncio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
