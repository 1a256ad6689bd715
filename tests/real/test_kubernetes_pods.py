"""Logs of pods and commands in them, through the real API server. kwok stands for the kubelets: it reads logs from files in the form of
the container runtime interface, and runs commands on this host; the server carries both as it does from real nodes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from tests.real.cluster import LOGGED_IN, Cluster
from tests.real.kubernetes_apps import until
from tests.real.kubernetes_house import DESTINATION, access_of, client_of

from holdfast.engines.kubernetes.credential import Credentials
from holdfast.engines.kubernetes.exec import STDERR, STDOUT, Place, run_in
from holdfast.engines.kubernetes.logs import Extent, PodLogs
from holdfast.engines.kubernetes.pods import Pods
from holdfast.engines.kubernetes.wire import HttpWire
from holdfast.errors import EngineError, Rejected
from holdfast.host.clock import RealClock
from holdfast.kubernetes.object_id import object_id
from holdfast.model.ids import ResourceId

pytestmark = [pytest.mark.real, pytest.mark.controllers]
WAIT_S = 40.0
WEB = object_id(DESTINATION, "apps/StatefulSet", LOGGED_IN, "web")
APPS = f"/apis/apps/v1/namespaces/{LOGGED_IN}/statefulsets"
PODS = f"/api/v1/namespaces/{LOGGED_IN}/pods"


def runs(cluster: Cluster, name: str, not_uid: str = "") -> Any:
    status, pod = cluster.ask("GET", f"{PODS}/{name}")
    is_there = status == 200 and pod["status"].get("phase") == "Running" and pod["metadata"]["uid"] != not_uid
    return pod if is_there and any("running" in each["state"] for each in pod["status"].get("containerStatuses", ())) else None


@pytest.fixture(scope="module")
def cluster(cluster: Cluster) -> Cluster:
    cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": LOGGED_IN}})
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "web:1"}]}}
    spec = {"replicas": 2, "serviceName": "web", "selector": {"matchLabels": labels}, "template": template}
    status, _ = cluster.ask("POST", APPS, {"metadata": {"name": "web"}, "spec": spec})
    assert status == 201
    for name in ("web-0", "web-1"):
        until(lambda name=name: runs(cluster, name), f"{name} runs")  # type: ignore[misc]
    return cluster


@pytest.fixture
def written(cluster: Cluster) -> Callable[[str, str, int], None]:
    for path in cluster.logs.iterdir():
        os.truncate(path, 0)

    def write(pod: str, text: str, at: int = 0) -> None:
        """Write a line as a runtime does, `at` seconds after noon."""
        with (cluster.logs / pod).open("a") as file:
            file.write(f"2026-01-02T12:{at // 60:02}:{at % 60:02}.000000001Z stdout F {text}\n")

    return write


def with_logs(cluster: Cluster, act: Callable[[PodLogs], Awaitable[Any]], context: str = "") -> Any:
    async def run() -> Any:
        client = client_of(cluster.kubeconfig, context)
        try:
            async with asyncio.timeout(WAIT_S):
                return await act(PodLogs(lambda id: client, clock=RealClock(), crashed=lambda name, error: None))
        finally:
            await client.aclose()

    return asyncio.run(run())


def tail(cluster: Cluster, id: ResourceId, extent: Extent, context: str = "") -> list[tuple[str, str]]:
    async def read(logs: PodLogs) -> list[tuple[str, str]]:
        return [line async for line in logs.tail(id, extent)]

    found: list[tuple[str, str]] = with_logs(cluster, read, context)
    return found


def test_the_last_lines_of_every_pod_are_told_by_name(cluster: Cluster, written: Callable[..., None]) -> None:
    for pod in ("web-1", "web-0"):
        for number in range(3):
            written(pod, f"{pod} says {number}", number)
    assert tail(cluster, WEB, Extent(lines=2)) == [
        (f"Pod/{LOGGED_IN}/{pod}", f"{pod} says {number}") for pod in ("web-0", "web-1") for number in (1, 2)
    ]
    noon = 1_767_355_200.0  # 2026-01-02T12:00:00Z
    assert [text for _, text in tail(cluster, WEB, Extent(lines=10, since=noon + 2))] == ["web-0 says 2", "web-1 says 2"]
    alone = object_id(DESTINATION, "Pod", LOGGED_IN, "web-1")
    assert [text for _, text in tail(cluster, alone, Extent(lines=1))] == ["web-1 says 2"]


def test_following_goes_on_with_pods_that_come_and_that_are_replaced(cluster: Cluster, written: Callable[..., None]) -> None:
    written("web-0", "before")
    before = runs(cluster, "web-0")["metadata"]["uid"]

    async def read(logs: PodLogs) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = []
        async with aclosing(logs.follow(WEB, Extent(lines=10))) as lines:

            async def wait_for(text: str) -> None:
                while (line := await anext(lines))[1] != text:
                    told.append(line)
                told.append(line)

            await wait_for("before")
            written("web-1", "comes later", 1)
            await wait_for("comes later")
            await asyncio.to_thread(cluster.ask, "PATCH", f"{APPS}/web", {"spec": {"replicas": 3}}, kind="application/merge-patch+json")
            written("web-2", "of a new pod", 2)
            await wait_for("of a new pod")
            await asyncio.to_thread(cluster.ask, "DELETE", f"{PODS}/web-0")
            await asyncio.to_thread(until, lambda: runs(cluster, "web-0", before), "web-0 is replaced")
            written("web-0", "of the replaced pod", 3)
            await wait_for("of the replaced pod")
        return told

    told = with_logs(cluster, read)
    assert [line for line in told if line[0].endswith("web-1")] == [(f"Pod/{LOGGED_IN}/web-1", "comes later")], "no line is told twice"
    assert (f"Pod/{LOGGED_IN}/web-2", "of a new pod") in told


def test_following_goes_on_when_the_server_was_away(cluster: Cluster, written: Callable[..., None]) -> None:
    async def read(logs: PodLogs) -> list[str]:
        told: list[str] = []
        async with aclosing(logs.follow(WEB, Extent(lines=10))) as lines:
            written("web-1", "one", 1)
            told.append((await anext(lines))[1])
            await asyncio.to_thread(cluster.kill, "kube-apiserver")
            written("web-1", "two", 2)
            await asyncio.to_thread(cluster.start_server)
            told.append((await anext(lines))[1])
            written("web-1", "three", 3)
            told.append((await anext(lines))[1])
        return told

    assert with_logs(cluster, read) == ["one", "two", "three"]


def test_what_cannot_be_read_is_the_servers_own_reason(cluster: Cluster) -> None:
    gone = object_id(DESTINATION, "apps/Deployment", LOGGED_IN, "gone")
    with pytest.raises(Rejected, match="it is not there") as missing:
        tail(cluster, gone, Extent(lines=1))
    assert missing.value.code == "HF3342"
    with pytest.raises(Rejected, match="forbidden") as forbidden:
        tail(cluster, WEB, Extent(lines=1), "nobody")
    assert forbidden.value.code == "HF3303"


def test_the_pods_of_a_cron_job_are_those_of_its_jobs(cluster: Cluster) -> None:
    batch = f"/apis/batch/v1/namespaces/{LOGGED_IN}"
    pod = {"spec": {"containers": [{"name": "app", "image": "web:1"}], "restartPolicy": "Never"}}
    job = {"template": pod}
    status, made = cluster.ask(
        "POST", f"{batch}/cronjobs", {"metadata": {"name": "nightly"}, "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}}
    )
    assert status == 201
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": made["metadata"]["uid"]}
    cluster.ask("POST", f"{batch}/jobs", {"metadata": {"name": "of-it", "ownerReferences": [owner]}, "spec": job})
    cluster.ask("POST", f"{batch}/jobs", {"metadata": {"name": "another"}, "spec": job})

    async def names() -> list[str]:
        client = client_of(cluster.kubeconfig)
        try:
            id = object_id(DESTINATION, "batch/CronJob", LOGGED_IN, "nightly")
            return [each["metadata"]["labels"]["batch.kubernetes.io/job-name"] for each in await Pods(client, id).found()]
        finally:
            await client.aclose()

    until(lambda: asyncio.run(names()) == ["of-it"], "the pod of the Job is found, and no other")


@asynccontextmanager
async def wire(cluster: Cluster, context: str = "") -> AsyncIterator[HttpWire]:
    clock = RealClock()
    credentials = Credentials(access_of(cluster.kubeconfig, context), base=cluster.folder, clock=clock, environment={})
    found = HttpWire(credentials)
    try:
        yield found
    finally:
        await found.aclose()


PLACE = Place(namespace=LOGGED_IN, pod="web-1", container="app")


def run(
    cluster: Cluster, *command: str, stdin: bytes | None = None, place: Place = PLACE, context: str = ""
) -> tuple[int | None, bytes, bytes]:
    async def work() -> tuple[int | None, bytes, bytes]:
        out, err = b"", b""
        async with (
            asyncio.timeout(WAIT_S),
            wire(cluster, context) as way,
            run_in(way, place, command, has_input=stdin is not None, has_terminal=False) as it,
        ):
            if stdin is not None:
                await it.write(stdin)
                await it.end_input()
            async for channel, data in it.read():
                assert channel in (STDOUT, STDERR)
                out, err = (out + data, err) if channel == STDOUT else (out, err + data)
            return it.code, out, err

    return asyncio.run(work())


def test_a_command_runs_in_a_pod(cluster: Cluster) -> None:
    """kwok tells how a command failed in other words than a kubelet: codes are tested in tests/engines/test_kubernetes_exec.py."""
    assert run(cluster, "sh", "-c", "echo out; echo err >&2") == (0, b"out\n", b"err\n")
    with pytest.raises(Rejected, match="exit status 3"):
        run(cluster, "sh", "-c", "exit 3")


def test_standard_input_goes_in(cluster: Cluster) -> None:
    """kwok never ends the input of a command: its end is tested in tests/engines/test_kubernetes_exec.py."""
    text = b"".join(b"line %d\n" % number for number in range(20_000))
    assert run(cluster, "head", "-c", str(len(text)), stdin=text) == (0, text, b"")


def test_a_terminal_is_one_and_is_typed_at(cluster: Cluster) -> None:
    """The command goes on until it was answered: kwok drops what a command writes as it ends."""
    asks = "test -t 0 && test -t 1 && echo a terminal && read answer && echo heard $answer && read more"

    async def work() -> tuple[int | None, bytes]:
        told = b""
        async with (
            asyncio.timeout(WAIT_S),
            wire(cluster) as way,
            run_in(way, PLACE, ("sh", "-c", asks), has_input=True, has_terminal=True) as it,
        ):
            await it.resize(101, 37)
            replies = [(b"a terminal", b"me\n"), (b"heard me", b"\n")]
            async for channel, data in it.read():
                assert channel == STDOUT, "a terminal has one stream"
                told += data
                while replies and replies[0][0] in told:
                    await it.write(replies.pop(0)[1])
            return it.code, told

    code, told = asyncio.run(work())
    assert code == 0
    assert b"heard me" in told


@pytest.mark.parametrize(
    ("place", "context", "words"),
    [
        (Place(namespace=LOGGED_IN, pod="none", container="app"), "", 'pods "none" not found'),
        (Place(namespace=LOGGED_IN, pod="web-1", container="other"), "", "container other is not valid"),
        (PLACE, "nobody", "forbidden"),
    ],
)
def test_what_cannot_be_run_is_the_servers_own_reason(place: Place, context: str, words: str, cluster: Cluster) -> None:
    with pytest.raises(EngineError, match=words):
        run(cluster, "true", place=place, context=context)


def test_a_program_that_is_not_there_is_said(cluster: Cluster) -> None:
    with pytest.raises(Rejected, match="no-such-program") as refused:
        run(cluster, "no-such-program")
    assert refused.value.code == "HF3344"
