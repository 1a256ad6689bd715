"""Processes: from the kill of a child to its successor's pid, and what a hundred idle children cost. Peers: PM2 and supervisord.

The same look for all: the children of the supervising process are read from /proc every 0.2 ms, from the kill until another pid stands
there. Every supervisor is the real one, started for this run and ended after it. What is not installed is left out by name.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.real.house import House, house  # noqa: E402

from holdfast.host.keeper_client import peek  # noqa: E402

PEERS = ROOT / "build" / "peers"
KILLS = 60
PAUSE_S = 0.25
"""Between two kills: the child has long been stable again (stableAfter, startsecs)."""
LOOK_S = 0.0002
"""Between two looks, so that looking takes no core from who is looked at."""
PATIENCE_S = 10.0
IDLE = 100
IDLE_S = 30.0
MEMORY_MB, CPU_PERCENT, P50_MS, P95_MS = 64.0, 0.2, 5.0, 20.0

ONE = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: { name: one }
spec: { command: [sleep, "100000"], minReady: 50ms, restart: { stableAfter: 100ms } }
"""
MANY = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: many }}
spec: {{ command: [sleep, "100000"], replicas: {count} }}
"""


def children(pid: int) -> set[int]:
    """Return the children of all threads of a process."""
    found: set[int] = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found.update(map(int, file.read().split()))
        except OSError:
            continue
    return found


def successor_ms(supervisor: int, victim: int) -> float:
    """Kill a child and return the milliseconds until the supervisor has one that was not there before."""
    before = children(supervisor)
    began = time.perf_counter()
    os.kill(victim, signal.SIGKILL)
    while time.perf_counter() - began < PATIENCE_S:
        if children(supervisor) - before:
            return (time.perf_counter() - began) * 1e3
        time.sleep(LOOK_S)
    raise TimeoutError(f"pid {victim} had no successor")


def kills(supervisor: int, child: Callable[[], int], count: int = KILLS) -> list[float]:
    times = []
    for _ in range(count):
        time.sleep(PAUSE_S)
        times.append(successor_ms(supervisor, child()))
    return times


def told(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)

    def share(part: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))], 2)

    return {"n": len(ordered), "median_ms": share(0.5), "p95_ms": share(0.95), "p99_ms": share(0.99)}


def keeper_of(it: House) -> int:
    found = peek(it.state / "run")
    assert found is not None
    return found[0].pid


def ours() -> dict[str, float]:
    with house() as it:
        it.well_at(it.commit("one", one_yaml=ONE))
        keeper = keeper_of(it)
        return told(kills(keeper, lambda: next(iter(children(keeper)))))


@contextmanager
def pm2() -> Iterator[tuple[int, Callable[[], int]]]:
    home = Path(tempfile.mkdtemp(prefix="hf-pm2-"))
    program = str(PEERS / "node_modules" / ".bin" / "pm2")
    environment = {**os.environ, "PM2_HOME": str(home)}
    app = {
        "name": "one",
        "script": shutil.which("sleep"),
        "args": "100000",
        "interpreter": "none",
        "max_restarts": 100000,
        "min_uptime": 100,
    }
    (home / "ecosystem.config.json").write_text(json.dumps({"apps": [app]}))
    quiet: dict[str, Any] = {"env": environment, "cwd": home, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        subprocess.run([program, "start", "ecosystem.config.json"], check=True, **quiet)
        daemon = int((home / "pm2.pid").read_text())
        yield daemon, lambda: next(iter(children(daemon)))
    finally:
        subprocess.run([program, "kill"], check=False, **quiet)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def supervisord() -> Iterator[tuple[int, Callable[[], int]]]:
    home = Path(tempfile.mkdtemp(prefix="hf-sup-"))
    (home / "supervisord.conf").write_text(
        f"[supervisord]\nlogfile={home}/log\npidfile={home}/pid\nnodaemon=true\n"
        "[program:one]\ncommand=sleep 100000\nautorestart=true\nstartsecs=0\n"
    )
    program = [str(PEERS / "venv" / "bin" / "supervisord"), "-c", str(home / "supervisord.conf")]
    process = subprocess.Popen(program, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not children(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield process.pid, lambda: next(iter(children(process.pid)))
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(home, ignore_errors=True)


def peers() -> dict[str, Any]:
    known = {
        "pm2": (pm2, PEERS / "node_modules" / ".bin" / "pm2", KILLS),
        "supervisord": (supervisord, PEERS / "venv" / "bin" / "supervisord", 15),
    }
    found: dict[str, Any] = {}
    for name, (start, program, count) in known.items():
        if not program.exists():
            found[name] = "not installed"
            continue
        with start() as (pid, child):
            found[name] = told(kills(pid, child, count))
    return found


# A hundred idle children


def memory_mb(pid: int) -> float:
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS:"))


def cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def idle() -> dict[str, Any]:
    with house() as it:
        it.well_at(it.commit("many", many_yaml=MANY.format(count=IDLE)))
        assert it.daemon is not None
        pids = (it.daemon.pid, keeper_of(it))
        time.sleep(5.0)  # what a rollout leaves to do is done
        before = [cpu_s(pid) for pid in pids]
        began = time.monotonic()
        time.sleep(IDLE_S)
        used = sum(cpu_s(pid) for pid in pids) - sum(before)
        memory = [memory_mb(pid) for pid in pids]
        percent = used / (time.monotonic() - began) * 100
        threads = len(os.listdir(f"/proc/{pids[0]}/task"))
    return {
        "children": IDLE,
        "rss_mb": {"daemon": round(memory[0], 1), "keeper": round(memory[1], 1), "sum": round(sum(memory), 1), "target": MEMORY_MB},
        "cpu_percent": round(percent, 3),
        "cpu_target": CPU_PERCENT,
        "threads": threads,
        "met": sum(memory) <= MEMORY_MB and percent <= CPU_PERCENT and threads <= 2,
    }


def main() -> int:
    restart = ours()
    beside = peers()
    ratio = {name: round(each["median_ms"] / restart["median_ms"], 1) for name, each in beside.items() if isinstance(each, dict)}
    answer = {
        "kill to new pid": {
            "holdfast": restart,
            **beside,
            "times faster": ratio,
            "target": {"median_ms": P50_MS, "p95_ms": P95_MS},
            "met": restart["median_ms"] <= P50_MS and restart["p95_ms"] <= P95_MS,
        },
        "idle": idle(),
    }
    print(json.dumps(answer, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
