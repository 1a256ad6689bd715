"""A real house for a set time: a hundred processes, commits, kills and flapping probes, and what that leaves behind in daemon and keeper.

    bench/soak.py [SECONDS] [--processes N] [--seed N]      (60 s; an hour is 3600)

Memory is a slope: megabytes an hour, by least squares over the samples after the first fifth, with its standard error, since a short run
says little. Descriptors, threads and tasks are counts at the start, at the end and at most. `make bench` leaves this out; it is for hours.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.bench_process import cpu_s, keeper_of, memory_mb  # noqa: E402
from tests.real.house import House, house  # noqa: E402
from tests.real.siege_programs import WEB_PY  # noqa: E402

from holdfast.errors import HoldfastError  # noqa: E402
from holdfast.host.keeper_client import peek  # noqa: E402

WEBS, FLAPS = 3, 2
SAMPLE_S = 1.0
KILL_S, COMMIT_S, LOOK_S, VISIT_S = 0.5, 6.0, 2.0, 0.02
"""Between two kills, commits, looks at the status, and requests."""
PATIENCE_S = 20.0
QUIET_S = 10.0
"""How long all stands still before the last sample."""
WARM = 0.2
"""The share of the time that is not judged: caches fill."""
BAD_EVERY, RELEASE_EVERY = 5, 7
"""Each such commit is a mistake, which is rolled back; is a new release, which replaces every process."""

FLAP_PY = """\
import socket, time
listener = socket.socket(fileno=3)
while True:
    connection, _ = listener.accept()
    connection.settimeout(5)
    with connection:
        try:
            connection.recv(1000)
            word = "200 OK" if time.time() % 6 < 4 else "503 Not Now"
            connection.sendall(f"HTTP/1.0 {word}\\r\\nContent-Length: 0\\r\\n\\r\\n".encode())
        except OSError:
            pass
"""
PROCESSES = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: web }}
spec:
  command: [python3, -I, -S, -u, web.py]
  env: {{ WORD: "{web}" }}
  replicas: {webs}
  sockets: [{{ name: http, port: {port} }}]
  probes: {{ readiness: {{ http: {{ path: / }}, period: 1s }} }}
  restart: {{ crashLoopingAfter: 1000, maxDelay: 200ms }}
---
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: flap }}
spec:
  command: [python3, -I, -S, -u, flap.py]
  replicas: {flaps}
  sockets: [{{ name: http }}]
  probes: {{ readiness: {{ http: {{ path: / }}, period: 500ms, failureThreshold: 1 }} }}
---
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: idle }}
spec:
  command: [sleep, "100000"]
  replicas: {idles}
  minReady: 50ms
  restart: {{ stableAfter: 100ms, maxDelay: 200ms }}
---
apiVersion: holdfast.dev/v1alpha1
kind: File
metadata: {{ name: words }}
spec: {{ path: words.txt, content: "{words}" }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one process held at one time."""

    at: float
    memory_mb: float
    fds: int
    threads: int


def sample(pid: int, began: float) -> Sample:
    return Sample(
        at=time.monotonic() - began,
        memory_mb=memory_mb(pid),
        fds=len(os.listdir(f"/proc/{pid}/fd")),
        threads=len(os.listdir(f"/proc/{pid}/task")),
    )


def slope(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the least-squares slope of y over x, and its standard error."""
    if len(points) < 3:
        return 0.0, 0.0
    mean_x, mean_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    steep = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    left = sum((y - mean_y - steep * (x - mean_x)) ** 2 for x, y in points)
    return steep, (left / (len(points) - 2) / spread) ** 0.5


def tenths(samples: Sequence[Sample]) -> list[Sequence[Sample]]:
    size = max(1, len(samples) // 10)
    return [samples[at : at + size] for at in range(0, len(samples), size)][:10]


def told(samples: Sequence[Sample], seconds: float) -> dict[str, Any]:
    judged = [each for each in samples if each.at >= seconds * WARM]
    steep, error = slope([(each.at / 3600, each.memory_mb) for each in judged])
    return {
        "samples": len(samples),
        "memory_mb": {
            "first": round(samples[0].memory_mb, 1),
            "tenths": [round(fmean(each.memory_mb for each in part), 1) for part in tenths(samples)],
            "most": round(max(each.memory_mb for each in samples), 1),
            "last": round(samples[-1].memory_mb, 1),
            "slope_per_hour": round(steep, 2),
            "standard_error": round(error, 2),
        },
        **{
            name: {
                "first": counts[0],
                "most": max(counts),
                "last": counts[-1],
            }
            for name, counts in (("fds", [each.fds for each in samples]), ("threads", [each.threads for each in samples]))
        },
    }


class Soak:
    """The house and all who trouble it. Each troubler is a thread with a step that is taken every so often until `ended`."""

    def __init__(self, it: House, processes: int, seed: int) -> None:
        self._house = it
        self._dice = random.Random(seed)
        self._idles = max(1, processes - WEBS - FLAPS)
        self._ended = threading.Event()
        self._quiet = threading.Event()
        self._threads: list[threading.Thread] = []
        self._killed: dict[int, float] = {}
        self.counts: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.failures: list[str] = []
        self.processes = WEBS + FLAPS + self._idles

    def begin(self) -> None:
        self._house.commit("programs", web_py=WEB_PY, flap_py=FLAP_PY)
        self._commit("0")
        self._house.well_at(self._house.git("rev-parse", "HEAD"))

    def trouble(self) -> None:
        """Begin with all that troubles the house."""
        steps = ((self._visit, VISIT_S), (self._kill, KILL_S), (self._change, COMMIT_S), (self._look, LOOK_S))
        self._threads = [threading.Thread(target=self._repeat, args=each, name=each[0].__name__) for each in steps]
        self._threads.append(threading.Thread(target=self._listen, name="listen"))
        for thread in self._threads:
            thread.start()

    def rest(self) -> None:
        """Trouble it no more, but go on asking and listening, until all is well again."""
        self._quiet.set()
        self._commit("rest")
        self._house.reach("rest", lambda it: it["sync"] == "Synced" and it["pinned"] is False and it["operation"]["phase"] != "Running")
        time.sleep(QUIET_S)

    def end(self) -> None:
        self._ended.set()
        self._house.commit("the listener hears this and goes")
        for thread in self._threads:
            thread.join()

    # What is done

    def _repeat(self, step: Callable[[], None], pause_s: float) -> None:
        while not self._ended.wait(pause_s):
            if not self._quiet.is_set() or step == self._visit:
                step()

    def _commit(self, word: str) -> None:
        processes = PROCESSES.format(
            port=self._house.port,
            web="bad" if word == "bad" else "good",
            words=word,
            webs=WEBS,
            flaps=FLAPS,
            idles=self._idles,
        )
        self._house.commit(word, processes_yaml=processes)

    def _change(self) -> None:
        """Commit another file, another release, or a mistake."""
        self.counts["commits"] += 1
        number = self.counts["commits"]
        if number % BAD_EVERY == 0:
            self.counts["bad_commits"] += 1
            self._commit("bad")
        elif number % RELEASE_EVERY == 0:
            self.counts["releases"] += 1
            self._house.commit("release", release_txt=str(number))
        else:
            self._commit(str(number))

    def _kill(self) -> None:
        found = peek(self._house.state / "run")
        children = [child for child in found[1].children if child.alive] if found else []
        if not children:
            return
        child = self._dice.choice(children)
        assert child.pid is not None
        if "/web" in child.spawn_id:
            self._killed[child.pid] = time.monotonic()
        try:
            os.kill(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # it ended between the look and the kill
        self.counts["kills"] += 1

    def _look(self) -> None:
        """Ask what a person asks."""
        for path, query in (("/v1/status", {}), ("/v1/events", {"limit": 100}), ("/v1/history", {})):
            try:
                self._house.client.get(path, application=self._house.name, **query)
            except HoldfastError as error:
                self.failures.append(f"{path}: {error}")
            self.counts["api_requests"] += 1

    def _listen(self) -> None:
        """Follow the events, leaving and coming back now and then as people do."""
        newest = 0
        while not self._ended.is_set():
            for heard, event in enumerate(self._house.client.events(newest, None)):
                if event is not None:
                    newest = event["seq"]
                    self.events[event["type"]] += 1
                if self._ended.is_set() or heard > 500:
                    break

    def _visit(self) -> None:
        began = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", self._house.port), PATIENCE_S) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b""
                while part := connection.recv(4096):
                    answer += part
            reason = None if answer.startswith(b"HTTP/1.0 200") else f"half an answer: {answer!r}"
        except OSError as error:
            reason = f"{type(error).__name__}: {error}"
        self.counts["requests"] += 1
        if reason is None:
            return
        if any(began <= at <= time.monotonic() for at in list(self._killed.values())):
            self.counts["requests_broken_by_a_kill"] += 1
        else:
            self.failures.append(reason)


def soak(it: House, seconds: float, processes: int, seed: int) -> Mapping[str, Any]:
    troubles = Soak(it, processes, seed)
    troubles.begin()
    assert it.daemon is not None
    pids = {"daemon": it.daemon.pid, "keeper": keeper_of(it)}
    began = time.monotonic()
    used = {name: cpu_s(pid) for name, pid in pids.items()}
    samples: dict[str, list[Sample]] = {name: [sample(pid, began)] for name, pid in pids.items()}
    troubles.trouble()
    try:
        while (passed := time.monotonic() - began) < seconds:
            time.sleep(min(SAMPLE_S, seconds - passed))
            for name, pid in pids.items():
                samples[name].append(sample(pid, began))
        used = {name: cpu_s(pid) - used[name] for name, pid in pids.items()}
        troubles.rest()
    finally:
        troubles.end()
    for name, pid in pids.items():
        samples[name].append(sample(pid, began))
    files = [path for path in it.state.glob("store.sqlite*") if path.is_file()]
    return {
        "seconds": round(seconds, 1),
        "processes": troubles.processes,
        "seed": seed,
        **{name: {**told(each, seconds), "cpu_percent": round(used[name] / seconds * 100, 1)} for name, each in samples.items()},
        "done": dict(sorted(troubles.counts.items())),
        "restarts": troubles.events["process.started"] - troubles.processes,
        "requests_failed": len(troubles.failures),
        "failures": troubles.failures[:10],
        "store_mb": round(sum(path.stat().st_size for path in files) / 1e6, 2),
        "events": dict(sorted(troubles.events.items())),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("seconds", nargs="?", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--processes", type=int, default=100, help="how many at once (100)")
    parser.add_argument("--seed", type=int, default=1, help="of the dice that choose whom to kill")
    given = parser.parse_args()
    with house() as it:
        answer = soak(it, given.seconds, given.processes, given.seed)
        defects = [line for line in it.log.read_text().splitlines() if "a defect in" in line]
    print(json.dumps({**answer, "defects": defects}, indent=2))
    return int(bool(answer["failures"] or defects))


if __name__ == "__main__":
    sys.exit(main())
