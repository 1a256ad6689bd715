"""A cluster: first sync, drift put back, a commit that changes one object, waves, many applications, and what a no-op costs.

A real etcd and API server, a real daemon and Git; a bare concurrent client in the same run says what the server itself takes. Times of
drift are from the moment the foreign write is sent to the watch event that shows the object as declared again; each object is changed
fewer times than make it contended. Memory is told right after the first sync and again at rest. Arguments: how many ConfigMaps (1,000),
how many drifts (60), how many seconds of rest (300).
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.real.cluster import Cluster, running  # noqa: E402
from tests.real.house import House, house  # noqa: E402
from tests.real.kubernetes_house import client_of  # noqa: E402

from holdfast.engines.kubernetes.answer import Question  # noqa: E402
from holdfast.engines.kubernetes.client import Client, Object  # noqa: E402
from holdfast.kit.tasks import Tasks, all_of  # noqa: E402
from holdfast.kubernetes.discovery import ApiResource  # noqa: E402

OBJECTS, DRIFTS, REST_S = 1000, 60, 300
PER_FILE = 50
BARE = 2000
IN_FLIGHT = 16
CHANGED = 16
"""Objects that are changed by hand, in turn: each of them fewer than five times, which is contended."""
COMMITS = 20
NOOPS = 10
TEAMS, EACH = 200, 5
WAVES = 5
WAIT_S = 90.0
HZ = os.sysconf("SC_CLK_TCK")
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  source: {{ repoURL: {repository}, targetRevision: main, path: {path} }}
  destination: {{ server: https://kubernetes.default.svc, namespace: {namespace} }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"""
TARGETS = {
    "sync_s_per_1000": 3.0,
    "sync_of_bare": 1.25,
    "cpu_s_per_1000": 1.5,
    "healed_p50_ms": 20.0,
    "healed_p99_ms": 60.0,
    "commit_p50_s": 0.12,
    "waves_s": 0.25,
    "teams_s": 5.0,
    "rest_cpu_s_per_300_s": 1.0,
}
SIZED = {1000: (100.0, 0.02), 5000: (120.0, 0.05), 10000: (150.0, None)}
"""Objects → MB of memory, and seconds of a no-op; no target for another number of them."""


def spread(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    at = {"median": statistics.median(ordered)} | {f"p{part}": ordered[int((len(ordered) - 1) * part / 100)] for part in (95, 99)}
    return {"n": len(ordered), **{name: round(value, 4) for name, value in at.items()}}


def config_map(name: str, wave: int | None = None, **data: str) -> str:
    annotations = f', annotations: {{ argocd.argoproj.io/sync-wave: "{wave}" }}' if wave is not None else ""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}{annotations} }}\ndata: {json.dumps(data)}\n"


def write(it: House, folder: str, maps: list[str]) -> None:
    place = it.repository / folder
    place.mkdir(parents=True, exist_ok=True)
    for at in range(0, len(maps), PER_FILE):
        (place / f"m{at:05d}.yaml").write_text("---\n".join(maps[at : at + PER_FILE]))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HZ


def rss_mb(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return round(int(line.split()[1]) / 1024, 1)


class Watched:
    """ConfigMaps of a namespace as a watch of this script sees them."""

    def __init__(self) -> None:
        self.there: dict[str, Object] = {}
        self.initials: Counter[str] = Counter()
        """How many there are, by the first letter of their names: counting them anew for each event would cost more than the event."""
        self._moved = asyncio.Event()

    async def run(self, client: Client, kind: ApiResource, namespace: str) -> None:
        async with client.watch(kind, namespace=namespace, initial=True) as events:
            async for verb, item in events:
                name = item["metadata"].get("name")
                if verb == "DELETED":
                    self.initials[name[0]] -= name in self.there
                    self.there.pop(name, None)
                elif verb != "BOOKMARK":
                    self.initials[name[0]] += name not in self.there
                    self.there[name] = item
                self._moved.set()

    async def until(self, is_so: Callable[[], bool]) -> float:
        async with asyncio.timeout(WAIT_S):
            while not is_so():
                self._moved.clear()
                await self._moved.wait()
        return time.monotonic()

    def says(self, name: str, value: str) -> bool:
        return name in self.there and self.there[name]["data"].get("a") == value


@asynccontextmanager
async def watched(cluster: Cluster, namespace: str) -> AsyncIterator[tuple[Watched, Client, ApiResource]]:
    client = client_of(cluster.kubeconfig)
    kind = await client.kind("ConfigMap")
    assert kind is not None
    found = Watched()
    async with Tasks() as tasks:
        tasks.start("watch", found.run(client, kind, namespace))
        try:
            yield found, client, kind
        finally:
            await tasks.stop()
            await client.aclose()


@contextmanager
def daemon(cluster: Cluster, namespace: str) -> Iterator[House]:
    status, _ = cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    assert status == 201
    with house(namespace) as it:
        it.environ["HOLDFAST_KUBERNETES_KUBECONFIG"] = str(cluster.kubeconfig)
        it.file.write_text(APPLICATION.format(name=namespace, repository=it.repository, path=".", namespace=namespace))
        yield it


async def bare(cluster: Cluster, count: int) -> dict[str, float]:
    """Return what a client that only applies needs for so many; it is seen as the daemon is, by a watch of this script."""
    cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "bare"}})
    gate = asyncio.Semaphore(IN_FLIGHT)
    async with watched(cluster, "bare") as (seen, client, kind):

        async def one(at: int) -> None:
            name = f"m{at}"
            manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "bare"}, "data": {"a": "1"}}
            async with gate:
                await client.apply(kind, "bare", name, manifest)

        began, cpu = time.monotonic(), time.process_time()
        await all_of(*(one(at) for at in range(count)))
        done = await seen.until(lambda: seen.initials["m"] == count)
        return {"objects": count, "s": round(done - began, 2), "cpu_s": round(time.process_time() - cpu, 2)}


async def many(cluster: Cluster, count: int, drifts: int, rest_s: int) -> dict[str, Any]:
    """Return first sync, no-ops, commits and drift of one Application of so many ConfigMaps."""
    namespace = "many"
    with daemon(cluster, namespace) as it:
        it.commit("nothing yet", keep_yaml=config_map("keep", a="1"))
        it.up()
        await asyncio.to_thread(it.well)
        pid = it.daemon.pid if it.daemon else 0
        async with watched(cluster, namespace) as (seen, client, kind):
            await seen.until(lambda: "keep" in seen.there)
            write(it, ".", [config_map(f"m{at}", a="1") for at in range(count)])
            before = cpu_s(pid)
            began = time.monotonic()
            commit = it.commit("many")
            synced_s = await seen.until(lambda: seen.initials["m"] == count) - began
            sync_cpu_s = cpu_s(pid) - before
            await asyncio.to_thread(it.well, commit)
            rss = rss_mb(pid)
            rest = await _rest(pid, rest_s)
            noops, asked = await _noops(cluster, it)
            commits = await _commits(it, seen)
            healed, deleted = await _drifts(seen, client, kind, namespace, drifts)
            await asyncio.to_thread(it.well)
        return {
            "objects": count,
            "first_sync_s": round(synced_s, 2),
            "first_sync_cpu_s": round(sync_cpu_s, 2),
            "rss_mb": rss,
            "rest": rest,
            "noop_s": spread(noops),
            "noop_requests": asked,
            "commit_to_object_s": spread(commits),
            "healed_ms": spread([each * 1e3 for each in healed]),
            "deleted_and_back_ms": spread([each * 1e3 for each in deleted]),
        }


async def _rest(pid: int, seconds: int) -> dict[str, float]:
    """Return what the daemon costs while nothing happens."""
    before = cpu_s(pid)
    await asyncio.sleep(seconds)
    return {"s": seconds, "cpu_s": round(cpu_s(pid) - before, 2), "rss_mb": rss_mb(pid)}


async def _noops(cluster: Cluster, it: House) -> tuple[list[float], dict[str, float]]:
    """Return how long the daemon takes to answer that there is nothing to do, in seconds, and what the server was asked meanwhile."""
    before, times = await asyncio.to_thread(cluster.requests), []
    for _ in range(NOOPS):
        began = time.monotonic()
        await asyncio.to_thread(it.client.get, "/v1/plan", application=it.name)
        times.append(time.monotonic() - began)
    after = await asyncio.to_thread(cluster.requests)
    asked = {verb: count - before.get(verb, 0.0) for verb, count in after.items() if verb in ("APPLY", "PATCH", "LIST", "PUT", "POST")}
    return times, {verb: count for verb, count in asked.items() if count}


async def _commits(it: House, seen: Watched) -> list[float]:
    times = []
    for number in range(COMMITS):
        value = f"commit-{number}"
        (it.repository / "keep.yaml").write_text(config_map("keep", a=value))
        it.git("add", "--all")
        it.git("commit", "--quiet", "--message", value)
        began = time.monotonic()
        times.append(await seen.until(partial(seen.says, "keep", value)) - began)
    return times


async def _drifts(seen: Watched, client: Client, kind: ApiResource, namespace: str, count: int) -> tuple[list[float], list[float]]:
    """Return the times from a foreign write, and from a foreign deletion, until the object is as declared."""
    healed, deleted = [], []
    for number in range(count):
        name = f"m{number % CHANGED}"
        value = f"foreign-{number}"
        uid = seen.there[name]["metadata"]["uid"]
        if number % 2:
            began = time.monotonic()
            await client.delete(kind, namespace, name)
            deleted.append(await seen.until(lambda: name in seen.there and seen.there[name]["metadata"]["uid"] != uid) - began)  # noqa: B023
            continue
        version = int(seen.there[name]["metadata"]["resourceVersion"])
        began = time.monotonic()
        await _foreign(client, kind, namespace, name, value)
        healed.append(
            await seen.until(
                lambda: int(seen.there[name]["metadata"]["resourceVersion"]) > version + 1 and seen.says(name, "1")  # noqa: B023
            )
            - began
        )
    return healed, deleted


async def _foreign(client: Client, kind: ApiResource, namespace: str, name: str, value: str) -> None:
    body = json.dumps({"data": {"a": value}}).encode()
    question = Question(
        method="PATCH",
        path=kind.path(namespace, name),
        query=(("fieldManager", "foreign"),),
        body=body,
        kind="application/merge-patch+json",
    )
    await client._transport.ask(question)


async def waves(cluster: Cluster) -> dict[str, float]:
    """Return the time from the first object of five waves to the last."""
    with daemon(cluster, "waves") as it:
        it.commit("nothing yet", keep_yaml=config_map("keep", a="1"))
        it.up()
        await asyncio.to_thread(it.well)
        async with watched(cluster, "waves") as (seen, _, _):
            write(it, ".", [config_map(f"w{wave}", wave, a="1") for wave in range(WAVES)])
            it.commit("waves")
            first = await seen.until(lambda: "w0" in seen.there)
            last = await seen.until(lambda: f"w{WAVES - 1}" in seen.there)
        return {"waves": WAVES, "first_to_last_s": round(last - first, 3)}


async def teams(cluster: Cluster) -> dict[str, Any]:
    """Return the time from the daemon's start until 200 applications of five objects are there."""
    with daemon(cluster, "teams") as it:
        it.name = "t0"  # one that can be taken down at the end; the cluster goes anyway
        files = []
        for team in range(TEAMS):
            write(it, f"t{team}", [config_map(f"t{team}-{at}", a="1") for at in range(EACH)])
            files.append(APPLICATION.format(name=f"t{team}", repository=it.repository, path=f"t{team}", namespace="teams"))
        it.commit("all")
        it.file.write_text("---\n".join(files))
        async with watched(cluster, "teams") as (seen, _, _):
            began = time.monotonic()
            await asyncio.to_thread(it.up)
            up_s = time.monotonic() - began
            done = await seen.until(lambda: seen.initials["t"] == TEAMS * EACH) - began
        return {"applications": TEAMS, "objects": TEAMS * EACH, "s": round(done, 2), "up_s": round(up_s, 2)}


def main() -> int:
    given = [int(each) for each in sys.argv[1:4]]
    count, drifts, rest_s = (*given, *(OBJECTS, DRIFTS, REST_S)[len(given) :])
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as cluster:

        def go(what: Awaitable[Any]) -> Any:
            async def run() -> Any:
                return await what

            found = asyncio.run(run())
            print(f"bench: {json.dumps(found)}", file=sys.stderr, flush=True)
            return found

        plain = go(bare(cluster, BARE))
        one = go(many(cluster, count, drifts, rest_s))
        row, team = go(waves(cluster)), go(teams(cluster))
    of_bare = (one["first_sync_s"] / count) / (plain["s"] / plain["objects"])
    met = {
        "first_sync": one["first_sync_s"] <= TARGETS["sync_s_per_1000"] * count / 1000,
        "first_sync_of_bare": of_bare <= TARGETS["sync_of_bare"],
        "first_sync_cpu": one["first_sync_cpu_s"] <= TARGETS["cpu_s_per_1000"] * count / 1000,
        "healed_p50": one["healed_ms"]["median"] <= TARGETS["healed_p50_ms"],
        "healed_p99": one["healed_ms"]["p99"] <= TARGETS["healed_p99_ms"],
        "commit": one["commit_to_object_s"]["median"] <= TARGETS["commit_p50_s"],
        "rest_cpu": one["rest"]["cpu_s"] <= TARGETS["rest_cpu_s_per_300_s"] * rest_s / 300,
        "noop_requests": not one["noop_requests"],
        "waves": row["first_to_last_s"] <= TARGETS["waves_s"],
        "teams": team["s"] <= TARGETS["teams_s"],
    }
    memory_mb, noop_s = SIZED.get(count, (None, None))
    if memory_mb is not None:
        met["rss"] = one["rss_mb"] <= memory_mb
        met["rss_at_rest"] = one["rest"]["rss_mb"] <= memory_mb
    if noop_s is not None:
        met["noop"] = one["noop_s"]["median"] <= noop_s
    found = {"bare": plain, "many": one, "first_sync_of_bare": round(of_bare, 2), "waves": row, "teams": team}
    print(json.dumps({"kubernetes": found, "met": met, "load": os.getloadavg()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
