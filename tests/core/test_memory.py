"""What is remembered of an Application: it reads back, and says where to go back to."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.core.memory import KEPT_HEALTHY, Memory
from holdfast.core.retry import Retrying
from holdfast.core.rollback import Healthy, Pin
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Desired, Resource
from holdfast.model.state import State

WEB = ResourceId("host", "Process", "shop", "web")
FULL = Memory(
    healthy=[Healthy(revision="r1", digest="d1"), Healthy(revision="r2", digest="d2")],
    pin=Pin(failed_digest="d3", failed_revision="r3", revision="r2", at=5.0, reason="it died"),
    suspended="by ada",
    retrying=Retrying(digest="d3", failures=2, next_at=9.0, failed_at=7.0),
    created=[WEB],
    rewound="d1",
)


def desired(version: int, revision: str) -> Desired:
    return Desired.of("shop", revision, (Resource(id=WEB, state=State.of({"version": version})),))


def test_it_is_written_down_word_by_word() -> None:
    assert FULL.to_json() == {
        "healthy": [{"revision": "r1", "digest": "d1"}, {"revision": "r2", "digest": "d2"}],
        "pin": {"failed_digest": "d3", "failed_revision": "r3", "revision": "r2", "at": 5.0, "reason": "it died"},
        "suspended": "by ada",
        "retrying": {"digest": "d3", "failures": 2, "next_at": 9.0, "failed_at": 7.0},
        "created": [["host", "Process", "shop", "web"]],
        "rewound": "d1",
    }
    assert Memory().to_json() == {"healthy": [], "pin": None, "suspended": None, "retrying": None, "created": [], "rewound": None}


@pytest.mark.parametrize("memory", [FULL, Memory()])
def test_it_reads_back(memory: Memory) -> None:
    assert Memory.from_json(memory.to_json()) == memory


def test_what_an_older_daemon_wrote_reads_back() -> None:
    older: dict[str, Any] = {name: value for name, value in FULL.to_json().items() if name != "rewound"}
    older["retrying"] = {name: value for name, value in older["retrying"].items() if name != "failed_at"}
    found = Memory.from_json(older)
    assert found.rewound is None
    assert found.retrying == Retrying(digest="d3", failures=2, next_at=9.0, failed_at=0.0)


def test_the_newest_healthy_revision_is_the_last_one_and_each_digest_stands_once() -> None:
    memory = Memory()
    assert memory.newest is None
    for version, revision in ((1, "r1"), (2, "r2"), (1, "r3")):
        memory.now_healthy(desired(version, revision))
    assert [healthy.revision for healthy in memory.healthy] == ["r2", "r3"]
    assert memory.newest == Healthy(revision="r3", digest=desired(1, "r3").digest)


def test_it_goes_back_to_the_newest_that_asks_for_something_else() -> None:
    memory = Memory()
    assert memory.healthy_before("d") is None
    for version, revision in ((1, "r1"), (2, "r2"), (3, "r3")):
        memory.now_healthy(desired(version, revision))
    found = [memory.healthy_before(desired(version, "r").digest) for version in (3, 2, 9)]
    assert [healthy.revision if healthy else None for healthy in found] == ["r2", "r3", "r3"]
    only = Memory(healthy=[Healthy(revision="r1", digest="d1")])
    assert only.healthy_before("d1") is None


def test_a_few_healthy_revisions_are_kept() -> None:
    memory = Memory()
    for version in range(KEPT_HEALTHY + 2):
        memory.now_healthy(desired(version, f"r{version}"))
    assert [healthy.revision for healthy in memory.healthy] == [f"r{version}" for version in range(2, KEPT_HEALTHY + 2)]
