"""What is said without a daemon."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.app.offline import Offline
from holdfast.core import events
from holdfast.errors import Busy, UsageError
from holdfast.host.clock import RealClock
from holdfast.model.ports import Append
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


def test_it_imports_nothing_that_takes_long() -> None:
    program = "import sys, holdfast.app.offline; print(sorted({'aiohttp', 'yaml', 'pydantic', 'click', 'asyncio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
