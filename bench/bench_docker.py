"""A Docker host: what a look costs, how soon a change by hand is seen and mended, and what visitors lose by deploys and kills.

A real dockerd in a network of its own, a real daemon, Git, and nginx in front. `docker compose` joins where its plugin is installed.
Times of drift are from the request that does it to the event that tells; each kind of act is done to services of their own, since a
service that is changed again and again is shown as contended instead of being healed at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.engines.docker_image import Image  # noqa: E402
from tests.engines.docker_stage import SMALL, Dockerd  # noqa: E402
from tests.real.docker_house import DockerHouse  # noqa: E402
from tests.real.docker_shop import clear  # noqa: E402
from tests.real.house import House, house  # noqa: E402
from tests.real.test_docker_up import APPLICATION  # noqa: E402
from tests.real.test_edge_up import HOST, Edge, Visitors  # noqa: E402

from holdfast.core.planner import plan  # noqa: E402
from holdfast.engines.docker.seeing import instant  # noqa: E402
from holdfast.model.plan import Owned, Policy  # noqa: E402
from holdfast.model.resource import Desired, Resource  # noqa: E402
from holdfast.workload.container_spec import AttachmentSpec, ContainerLimits, ContainerRestart, ContainerSpec  # noqa: E402

LOOKS = 100
QUIET = ("sh", "-c", 'trap "exit 0" TERM; sleep 1000000 & wait')
"""Uses nothing: what is measured is not what containers do."""
SERVICES = 10
DRIFTED = 8
"""Services in the drift run; each is changed by hand as often as it is healed at once."""
TURNS = 4
DEPLOYS, KILLS = 100, 100
PATIENCE_S = 30.0
STOOD_S = 10.5
TARGETS = {"noop_ms": 50.0, "fifteen_ms": 10.0, "plan_ms": 200.0, "healed_s": 2.0}
SERVICE = """\
  s{at}:
    image: {image}
    command: ["sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"]
    networks: [back]
    mem_limit: 64m
    restart: unless-stopped
"""
NODE = "bench/node:1"
WEB = """\
services:
  web:
    image: {image}
    command:
      - node
      - -e
      - |
        const server = require("http").createServer((_, answer) => answer.end(JSON.stringify({{ version: "{version}" }})));
        server.listen(8080);
        process.on("SIGTERM", () => {{ server.close(() => process.exit(0)); server.closeIdleConnections(); }});
    expose: ["8080"]
    networks: [back]
    restart: always
    healthcheck: {{ test: ["CMD", "busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"], interval: 200ms, retries: 50 }}
    deploy: {{ replicas: 2 }}
networks:
  back: {{ internal: true }}
"""
SITE = """\
apiVersion: holdfast.dev/v1alpha1
kind: Edge
metadata: {{ name: edge }}
spec: {{ http: {http}, https: {https}, bind: [127.0.0.1], shutdownTimeout: 5s }}
---
apiVersion: holdfast.dev/v1alpha1
kind: Site
metadata: {{ name: shop }}
spec: {{ hosts: [{host}], service: Container/web, certificate: selfSigned }}
"""


def spread(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "n": len(ordered),
        "least": round(ordered[0], 4),
        "median": round(statistics.median(ordered), 4),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 4),
        "worst": round(ordered[-1], 4),
    }


def looks(dockerd: Dockerd, count: int) -> dict[str, Any]:
    """Return what a look at so many containers costs, in ms, and what a reconcile of them does that finds nothing to do."""

    async def main() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            it = DockerHouse(dockerd, Path(folder), f"bench{count}")
            await it.begin()
            try:
                back = it.network("back")
                await it.roll(back)
                spec = ContainerSpec(
                    image=SMALL,
                    command=QUIET,
                    networks=(AttachmentSpec(network="back"),),
                    limits=ContainerLimits(memory=64 << 20),
                    restart=ContainerRestart(policy="unless-stopped"),
                )
                resources: list[Resource] = [back]
                for at in range(count):
                    resources.append(it.container(spec, f"s{at}"))
                    await it.roll(resources[-1])
                ids = [each.id for each in resources]
                host = it.engine.host(dockerd.address)
                raw, seen, reconciled = [], [], []
                desired = Desired.of("bench", "r1", tuple(resources))
                owned = {each.id: Owned(application="bench", resource=each, revision="r1", operation="op") for each in resources}
                for _ in range(LOOKS):
                    began = time.perf_counter()
                    await host.inspected((await host.containers()).keys())
                    raw.append((time.perf_counter() - began) * 1e3)
                    began = time.perf_counter()
                    live = await it.engine.observe(ids)
                    seen.append((time.perf_counter() - began) * 1e3)
                    found = plan(desired, live, owned, Policy())
                    reconciled.append((time.perf_counter() - began) * 1e3)
                    assert not found, "there was nothing to do"
                return {"list_and_inspect_ms": spread(raw), "look_ms": spread(seen), "noop_reconcile_ms": spread(reconciled)}
            finally:
                await it.end()
                it.clear()

    return asyncio.run(main())


@contextmanager
def daemon(dockerd: Dockerd) -> Iterator[House]:
    try:
        with house() as it:
            it.file.write_text(APPLICATION.format(repository=it.repository, server=dockerd.address, annotations="{}"))
            yield it
    finally:
        clear(dockerd, "shop")


def drifts(dockerd: Dockerd) -> dict[str, Any]:
    """Return by act how long it takes until it is told, and until it is mended, in seconds."""
    acts: dict[str, Callable[[str], Any]] = {
        "update": lambda name: dockerd.ask("POST", f"/containers/{name}/update", {"Memory": 32 << 20, "MemorySwap": 64 << 20}),
        "stop": lambda name: dockerd.ask("POST", f"/containers/{name}/stop?t=1"),
        "kill": lambda name: dockerd.ask("POST", f"/containers/{name}/kill"),
        "pause": lambda name: dockerd.ask("POST", f"/containers/{name}/pause"),
        "rename": lambda name: dockerd.ask("POST", f"/containers/{name}/rename?name={name}-away"),
        "disconnect": lambda name: dockerd.ask("POST", "/networks/shop_back/disconnect", {"Container": name}),
        "remove": lambda name: dockerd.ask("DELETE", f"/containers/{name}?force=1"),
        "recreate": lambda name: _recreate(dockerd, name),
    }
    told: dict[str, list[float]] = {name: [] for name in acts}
    mended: dict[str, list[float]] = {name: [] for name in acts}
    with daemon(dockerd) as it:
        services = "".join(SERVICE.format(at=at, image=SMALL) for at in range(DRIFTED))
        it.well_at(it.commit("first", compose_yaml=f"services:\n{services}networks:\n  back: {{ internal: true }}\n"))
        names = list(acts)
        for turn in range(TURNS):
            for at in range(DRIFTED):
                name = names[(at + turn * 3) % len(names)]
                id, after, began = f"Container/shop/s{at}", it.newest(), time.time()
                acts[name](f"shop-s{at}-1")
                told[name].append(it.happened("resource.drifted", id, after)["at"] - began)
                mended[name].append(it.happened("resource.healed", id, after)["at"] - began)
    everything = [each for found in mended.values() for each in found]
    return {
        "told_ms": {name: spread([each * 1e3 for each in found]) for name, found in told.items()},
        "healed_s": {name: spread(found) for name, found in mended.items()},
        "healed_s_all": spread(everything),
        "told_ms_all": spread([each * 1e3 for found in told.values() for each in found]),
    }


def _recreate(dockerd: Dockerd, name: str) -> None:
    """Make a container anew with another variable, as somebody does who wants to try something."""
    found = dockerd.ask("GET", f"/containers/{name}/json")
    body = {**{key: found["Config"].get(key) for key in ("Image", "Cmd", "Labels")}, "Env": ["ODD=1"], "HostConfig": found["HostConfig"]}
    dockerd.ask("DELETE", f"/containers/{name}?force=1")
    made = dockerd.ask("POST", f"/containers/create?name={name}", body)
    dockerd.ask("POST", f"/containers/{made['Id']}/start")


def node(dockerd: Dockerd) -> None:
    """Make an image of Node, with busybox to ask it.

    Its server sends an answer in one piece, as servers do. One that sends the head first and the rest later, as busybox's does, can be
    killed in between: that answer has begun, and nobody can begin it again for a visitor. Of 98,656 such answers 3 were cut short by 100
    kills.
    """
    image = Image()
    for program in ("node", "busybox"):
        image.file(str(shutil.which(program, path=f"{os.environ.get('PATH', '')}:/bin:/usr/bin")), f"/usr/bin/{program}")
    image.into(dockerd, NODE, ('CMD ["node"]', "ENV PATH=/usr/bin"))


def storm(dockerd: Dockerd, deploys: int, kills: int) -> dict[str, Any]:
    """Return what visitors lose by so many deploys and kills of two replicas behind the edge."""
    node(dockerd)
    with daemon(dockerd) as it:
        edge = Edge(it)

        def commit(version: int) -> str:
            site = SITE.format(http=edge.http, https=edge.https, host=HOST)
            return it.commit(f"version {version}", compose_yaml=WEB.format(image=NODE, version=version), site_yaml=site)

        it.well_at(commit(0))
        with Visitors(edge) as visitors:
            began = time.monotonic()
            for version in range(1, deploys + 1):
                it.well(commit(version))
            rolled_s, by_deploys = time.monotonic() - began, len(visitors.failures)
            print(f"bench: {deploys} deploys, {by_deploys} of {visitors.answers} failed, {rolled_s:.0f} s", file=sys.stderr, flush=True)
            back = [_killed(dockerd, at) for at in range(kills)]
            it.well()
        last = edge.ask()["version"]
        return {
            "deploys": deploys,
            "deploy_s": round(rolled_s / max(deploys, 1), 2),
            "kills": kills,
            "back_s": spread(back) if back else {},
            "answers": visitors.answers,
            "failed_by_deploys": by_deploys,
            "failed": len(visitors.failures),
            "first_failures": visitors.failures[:5],
            "version": last,
        }


def _killed(dockerd: Dockerd, at: int) -> float:
    """Kill what runs in a replica, and return after how long it serves again.

    It must have stood for a while: Docker doubles its delay for whoever ends within ten seconds, up to a minute.
    """
    name = f"shop-web-{at % 2 + 1}"
    seen = dockerd.ask("GET", f"/containers/{name}/json")["State"]
    time.sleep(max(0.0, (instant(seen["StartedAt"]) or 0.0) + STOOD_S - time.time()))
    pid = seen["Pid"]
    began = time.monotonic()
    os.kill(pid, 9)
    while time.monotonic() - began < PATIENCE_S:
        state = dockerd.ask("GET", f"/containers/{name}/json")["State"]
        if state["Running"] and state["Pid"] != pid and state["Health"]["Status"] == "healthy":
            return time.monotonic() - began
        time.sleep(0.02)
    raise AssertionError(f"{name} did not come back")


def peer(dockerd: Dockerd) -> dict[str, Any]:
    """Return what `docker compose up -d` costs that finds nothing to do, in ms, where the plugin is installed."""
    docker = shutil.which("docker")
    built = subprocess.run([ROOT / "tools" / "compose", "--where"], capture_output=True, text=True, check=False).stdout.strip()
    environment = {**os.environ, **({"DOCKER_CONFIG": built} if built else {})}
    command = [docker or "docker", "-H", dockerd.address, "compose"]
    asked = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, env=environment, check=False)
    if docker is None or asked.returncode != 0:
        return {"missing": "the compose plugin of docker is not installed here; tools/setup --bench builds it"}
    with tempfile.TemporaryDirectory() as folder:
        services = "".join(SERVICE.format(at=at, image=SMALL) for at in range(SERVICES))
        (Path(folder) / "compose.yaml").write_text(f"name: peer\nservices:\n{services}networks:\n  back: {{ internal: true }}\n")
        times = []
        for _ in range(8):
            began = time.perf_counter()
            subprocess.run([*command, "up", "-d"], cwd=folder, capture_output=True, check=True, env=environment)
            times.append((time.perf_counter() - began) * 1e3)
        clear(dockerd, "peer")
        return {"version": asked.stdout.strip(), "noop_ms": spread(times[1:])}


def main() -> int:
    deploys, kills = (int(each) for each in sys.argv[1:3]) if len(sys.argv) > 2 else (DEPLOYS, KILLS)
    dockerd = Dockerd()
    try:
        with dockerd.inside():
            dockerd.start()
            dockerd.busybox()
            look, fifteen, drift = looks(dockerd, SERVICES), looks(dockerd, 15), drifts(dockerd)
            found = {"ten": look, "fifteen": fifteen, "drift": drift, "storm": storm(dockerd, deploys, kills), "compose": peer(dockerd)}
    finally:
        dockerd.remove()
    met = {
        "noop": look["noop_reconcile_ms"]["median"] <= TARGETS["noop_ms"],
        "told": drift["told_ms_all"]["p95"] <= TARGETS["plan_ms"],
        "healed": drift["healed_s_all"]["p95"] <= TARGETS["healed_s"],
        "nobody_lost": found["storm"]["failed"] == 0,
        "fifteen": fifteen["list_and_inspect_ms"]["median"] <= TARGETS["fifteen_ms"],
    }
    print(json.dumps({"docker": found, "met": met, "load": os.getloadavg()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
