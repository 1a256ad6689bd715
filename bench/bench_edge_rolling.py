"""Rolling replacement behind the edge: what clients that keep their connections lose while replicas are replaced, added and taken away.

A real daemon, nginx and Git: commit after commit is rolled out under load, GET and POST in turn, until so many requests were answered.
Beside the failures it is counted how often nginx was told to read its configuration, which should be never.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.real.house import house  # noqa: E402
from tests.real.rolling import Patrons, processes_of  # noqa: E402
from tests.real.test_edge_slots import commit, reloads  # noqa: E402
from tests.real.test_edge_up import HOST, Edge  # noqa: E402

REQUESTS = 40_000
CLIENTS = 4
STEPS = ((2, "another version"), (3, "one more"), (1, "two fewer"), (4, "three more"), (2, "two fewer"))
"""Replicas at each commit, in turn; each is another version too."""


def measured() -> dict[str, Any]:
    with house() as it:
        edge = Edge(it)
        it.well_at(commit(edge, "0", 2))
        master, before = it.resource("Edge/shop/edge")["live"]["pid"], reloads(edge)
        processes, version = processes_of(master), 0
        began = time.monotonic()
        with Patrons(edge.http, HOST, count=CLIENTS) as patrons:
            while patrons.answers.total() + len(patrons.failures) < REQUESTS:
                version += 1
                it.well(commit(edge, str(version), STEPS[version % len(STEPS)][0]))
        seconds = time.monotonic() - began
        return {
            "n": patrons.answers.total() + len(patrons.failures),
            "get": patrons.answers["GET"],
            "post": patrons.answers["POST"],
            "failed": len(patrons.failures),
            "first_failures": patrons.failures[:5],
            "rollouts": version,
            "seconds": round(seconds, 1),
            "reloads": reloads(edge) - before,
            "same_processes": processes_of(master) == processes,
        }


def main() -> int:
    found = measured()
    met = {"nobody_lost": found["failed"] == 0, "no_reload": found["reloads"] == 0 and found["same_processes"]}
    print(json.dumps({"rolling": found, "met": met}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
