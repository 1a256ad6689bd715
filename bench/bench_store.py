"""The store: events committed per second by many callers and by one, how long a commit takes, and how fast a view is read back.

Peer, in the same run: the same events written by plain sqlite3, one transaction each, on the same file system and with the same pragmas.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from holdfast.core import events as say
from holdfast.host.clock import RealClock
from holdfast.kit.secret import Redactor
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.live import Health, Status
from holdfast.store.journal import StoreJournal
from holdfast.store.reader import StoreReader
from holdfast.store.sqlite import SqliteStore

CALLERS = 64
EVENTS = 20_000
ALONE = 2_000
RESOURCES = 500


def event(n: int) -> Event:
    """Return one of the commonest events: what was seen of a process."""
    id = ResourceId(HOST, "Process", "shop", f"web.{n % RESOURCES}")
    live = {"pid": 1_000 + n, "slot": n % 3, "started_at": 1_800_000_000.0 + n}
    return say.resource_observed(at=1_800_000_000.0 + n, application="shop", id=id, sync="Synced", health=Health(Status.HEALTHY), live=live)


async def many(journal: StoreJournal) -> list[float]:
    """Let many callers commit at once, each one event after the other; return the seconds that each commit took."""
    took: list[float] = []

    async def caller(first: int) -> None:
        took.extend([await timed(journal.emit(event(n))) for n in range(first, EVENTS, CALLERS)])

    async with Tasks() as tasks:
        for first in range(CALLERS):
            tasks.start(f"caller {first}", caller(first))
    return took


async def timed(act: Awaitable[object]) -> float:
    began = time.perf_counter()
    await act
    return time.perf_counter() - began


def plainly(path: Path) -> list[float]:
    """Write events with sqlite3 alone, one transaction each."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, application TEXT, body TEXT)")
    connection.execute("CREATE INDEX event_at ON event (at)")
    connection.execute("CREATE INDEX event_application ON event (application, seq)")
    took = []
    for n in range(ALONE):
        began = time.perf_counter()
        body = json.dumps(event(n).to_json())
        connection.execute("INSERT INTO event (at, application, body) VALUES (?, ?, ?)", (float(n), "shop", body))
        took.append(time.perf_counter() - began)
    connection.close()
    return took


def told(took: list[float], seconds: float) -> dict[str, Any]:
    """Return what is said of one measurement: times in milliseconds."""
    cuts = statistics.quantiles(took, n=100)
    return {
        "n": len(took),
        "per_second": round(len(took) / seconds),
        "median_ms": round(statistics.median(took) * 1e3, 3),
        "p95_ms": round(cuts[94] * 1e3, 3),
        "p99_ms": round(cuts[98] * 1e3, 3),
    }


async def measure(folder: Path) -> dict[str, Any]:
    clock = RealClock()
    path = folder / "store.sqlite"
    store = await SqliteStore.open(path, clock=clock)
    journal = StoreJournal(store, clock, Redactor())
    await journal.load()
    began = time.perf_counter()
    together = await many(journal)
    together_s = time.perf_counter() - began
    alone = [await timed(journal.emit(event(n))) for n in range(ALONE)]
    peer = plainly(folder / "peer.sqlite")
    again = StoreJournal(store, clock, Redactor())
    load_s = await timed(again.load())
    await journal.snapshot_now()
    snapshot_load_s = await timed(StoreJournal(store, clock, Redactor()).load())
    await store.close()
    began = time.perf_counter()
    with StoreReader.open(path) as reader:
        reader.view()
    read_s = time.perf_counter() - began
    answers = {
        "many_callers": told(together, together_s),
        "one_caller": told(alone, sum(alone)),
        "peer_sqlite3_one_caller": told(peer, sum(peer)),
    }
    return {
        "n": EVENTS,
        **answers,
        "ratio_one_caller_median": round(answers["one_caller"]["median_ms"] / answers["peer_sqlite3_one_caller"]["median_ms"], 2),
        "load_all_events_ms": round(load_s * 1e3, 1),
        "load_from_snapshot_ms": round(snapshot_load_s * 1e3, 1),
        "view_without_a_daemon_ms": round(read_s * 1e3, 1),
        "bytes_per_event": round(path.stat().st_size / (EVENTS + ALONE)),
    }


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        print(json.dumps(asyncio.run(measure(Path(folder))), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
