"""Start-up of the command line: `--version`, `status` of a running daemon with 200 resources, and without one.

Peers, in the same run and in turn: a bare interpreter, importing click, and importing click and aiohttp (what a command line that speaks
over aiohttp has paid before it does anything). Every figure is a whole process, from spawn to exit.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.api.fake_service import FakeService  # noqa: E402
from tests.cli.daemon import Daemon, declared, observed, rendered  # noqa: E402

from holdfast.model.ids import HOST, ResourceId  # noqa: E402

N = 41
RESOURCES = 200
PROGRAM = Path(sys.executable).parent / "holdfast"
"""The installed program, as a person runs it."""


class Warm(FakeService):
    """Answers as a daemon does whose view is there already: what is measured is the command line."""

    warm: Any = None

    async def status(self, application: str | None, at: float | None) -> Any:
        if self.warm is None:
            self.warm = await super().status(application, at)
        return self.warm


def spawn(command: Sequence[str]) -> tuple[float, float]:
    """Return the milliseconds of one run, and those of its processor, which other work on the machine does not change."""
    began, used = time.perf_counter(), used_s()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, cwd="/")
    return (time.perf_counter() - began) * 1e3, (used_s() - used) * 1e3


def used_s() -> float:
    of = resource.getrusage(resource.RUSAGE_CHILDREN)
    return of.ru_utime + of.ru_stime


def told(times: Sequence[tuple[float, float]]) -> dict[str, float]:
    ordered = sorted(wall for wall, _ in times)
    return {
        "median_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
        "cpu_median_ms": round(statistics.median(cpu for _, cpu in times), 1),
    }


def measure(state: str, nowhere: str) -> dict[str, Any]:
    python = sys.executable
    commands: dict[str, tuple[str, ...]] = {
        "version": (str(PROGRAM), "--version"),
        "status": (str(PROGRAM), "status", "--state", state),
        "status_json": (str(PROGRAM), "status", "--json", "--state", state),
        "status_by_click": (str(PROGRAM), "--quiet", "status", "--state", state),
        "explain": (str(PROGRAM), "explain", "HF8003"),
        "version_of_daemon": (str(PROGRAM), "version", "--state", nowhere),
        "peer_bare_python": (python, "-c", "pass"),
        "peer_import_click": (python, "-c", "import click"),
        "peer_import_click_aiohttp": (python, "-c", "import click, aiohttp"),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for command in commands.values():
        spawn(command)  # byte code and the page cache are warm from here on
    for _ in range(N):
        for name, command in commands.items():
            times[name].append(spawn(command))
    answers = {name: told(each) for name, each in times.items()}
    peer = answers["peer_import_click_aiohttp"]["median_ms"]
    return {
        "n": N,
        "resources": RESOURCES,
        **answers,
        "ratio_version": round(answers["version"]["median_ms"] / peer, 2),
        "ratio_status": round(answers["status"]["median_ms"] / peer, 2),
    }


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="hf") as folder, Daemon(Path(folder), Warm()) as daemon:
        daemon.put(declared("shop"), rendered("shop"))
        daemon.put(*(observed("shop", ResourceId(HOST, "Process", "shop", f"web.{n}")) for n in range(RESOURCES)))
        print(json.dumps(measure(folder, os.path.join(folder, "nowhere")), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
