"""The client against a real API server: what it asks, what it makes of unhappy answers, and what the server counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.real.cluster import Cluster

from holdfast.engines.kubernetes.client import Client
from holdfast.engines.kubernetes.credential import Credentials
from holdfast.engines.kubernetes.transport import Transport
from holdfast.engines.kubernetes.wire import HttpWire
from holdfast.errors import Conflict, Rejected, Unavailable
from holdfast.host.clock import RealClock, RealRandom
from holdfast.kubernetes.discovery import ApiResource
from holdfast.kubernetes.kubeconfig import Access, read_kubeconfig

pytestmark = pytest.mark.real
WAIT_S = 20.0


def access_of(kubeconfig: Path, context: str) -> Access:
    return read_kubeconfig(str(kubeconfig), kubeconfig.read_bytes(), context)


@asynccontextmanager
async def client_of(kubeconfig: Path, context: str = "") -> AsyncIterator[Client]:
    access = access_of(kubeconfig, context)
    clock = RealClock()
    environment = {"PATH": "/usr/bin:/bin"}
    credentials = Credentials(access, base=kubeconfig.parent, clock=clock, environment=environment)
    client = Client(Transport(HttpWire(credentials), clock=clock, random=RealRandom()))
    try:
        yield client
    finally:
        await client.aclose()


async def config_maps(client: Client) -> ApiResource:
    found = await client.kind("ConfigMap")
    assert found is not None
    return found


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_what_is_served_is_known_after_two_requests(cluster: Cluster) -> None:
    async def run() -> None:
        async with client_of(cluster.kubeconfig) as client:
            found = await client.discover()
            assert client.requests == 2
            deployment = found.find("apps/Deployment")
            assert deployment is not None
            assert deployment.path("shop", "web") == "/apis/apps/v1/namespaces/shop/deployments/web"
            namespace = found.find("Namespace")
            assert namespace is not None
            assert not namespace.is_namespaced
            assert found.find("example.com/Nothing") is None
            assert await client.kind("Pod") is not None
            assert client.requests == 2

    asyncio.run(run())


def test_applying_reading_and_deleting(cluster: Cluster) -> None:
    async def run() -> None:
        async with client_of(cluster.kubeconfig) as client:
            kind = await config_maps(client)
            made = await client.apply(kind, "default", "one", config_map("one", a="1"))
            assert made["metadata"]["managedFields"][0]["manager"] == "holdfast"
            assert (await client.apply(kind, "default", "one", config_map("one", a="1")))["metadata"]["resourceVersion"] == made[
                "metadata"
            ]["resourceVersion"]
            await client.apply(kind, "default", "one", config_map("one", a="2"), dry_run=True)
            there = await client.get(kind, "default", "one")
            assert there is not None
            assert there["data"] == {"a": "1"}
            with pytest.raises(Conflict):
                await client.delete(kind, "default", "one", uid="0-of-another")
            assert await client.delete(kind, "default", "one", uid=made["metadata"]["uid"])
            assert await client.get(kind, "default", "one") is None
            assert not await client.delete(kind, "default", "one")

    asyncio.run(run())


def test_a_field_of_another_manager_is_named(cluster: Cluster) -> None:
    async def run() -> None:
        async with client_of(cluster.kubeconfig) as client:
            kind = await config_maps(client)
            status, _ = cluster.ask(
                "PATCH",
                "/api/v1/namespaces/default/configmaps/shared?fieldManager=other",
                config_map("shared", a="theirs"),
                kind="application/apply-patch+yaml",
            )
            assert status == 201
            with pytest.raises(Conflict) as raised:
                await client.apply(kind, "default", "shared", config_map("shared", a="ours"), force=False)
            assert '"other"' in str(raised.value.hint)
            taken = await client.apply(kind, "default", "shared", config_map("shared", a="ours"))
            assert taken["data"] == {"a": "ours"}

    asyncio.run(run())


def test_pages_and_a_watch_that_goes_on_from_them(cluster: Cluster) -> None:
    async def run() -> None:
        async with client_of(cluster.kubeconfig) as client:
            kind = await config_maps(client)
            for number in range(5):
                await client.apply(kind, "kube-public", f"page-{number}", config_map(f"page-{number}"))
            first = await client.page(kind, namespace="kube-public", limit=2)
            names = [item["metadata"]["name"] for item in first.items]
            page = first
            while page.next:
                page = await client.page(kind, namespace="kube-public", limit=2, after=page.next)
                names += [item["metadata"]["name"] for item in page.items]
            assert {f"page-{number}" for number in range(5)} <= set(names)
            assert {item["kind"] for item in first.items} == {"ConfigMap"}
            async with asyncio.timeout(WAIT_S), client.watch(kind, namespace="kube-public", version=page.version) as events:
                await client.apply(kind, "kube-public", "page-9", config_map("page-9"))
                async for verb, item in events:
                    if item["metadata"].get("name") == "page-9":
                        assert verb == "ADDED"
                        break

    asyncio.run(run())


def test_a_streaming_list_says_when_it_is_whole(cluster: Cluster) -> None:
    async def run() -> None:
        async with client_of(cluster.kubeconfig) as client:
            kind = await config_maps(client)
            await client.apply(kind, "default", "streamed", config_map("streamed"))
            seen: list[str] = []
            async with asyncio.timeout(WAIT_S), client.watch(kind, namespace="default", initial=True) as events:
                async for verb, item in events:
                    if verb == "BOOKMARK" and item["metadata"].get("annotations", {}).get("k8s.io/initial-events-end") == "true":
                        break
                    seen.append(item["metadata"]["name"])
            assert "streamed" in seen

    asyncio.run(run())


def test_a_missing_rule_is_printed(cluster: Cluster) -> None:
    async def run() -> None:
        async with client_of(cluster.kubeconfig, "nobody") as client:
            kind = await config_maps(client)
            with pytest.raises(Rejected) as raised:
                await client.apply(kind, "default", "no", config_map("no"))
            assert raised.value.code == "HF3303"
            assert raised.value.hint == 'it needs a rule: {apiGroups: [""], resources: ["configmaps"], verbs: ["patch"]}'

    asyncio.run(run())


def test_the_servers_reason_comes_with_its_field(cluster: Cluster) -> None:
    async def run() -> None:
        async with client_of(cluster.kubeconfig) as client:
            service = await client.kind("Service")
            assert service is not None
            bad = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bad"}, "spec": {"ports": [{"port": 99999}]}}
            with pytest.raises(Rejected) as raised:
                await client.apply(service, "default", "bad", bad)
            assert raised.value.code == "HF3306"
            assert "spec.ports[0].port" in str(raised.value.hint)
            unknown = {**config_map("odd"), "dta": {}}
            with pytest.raises(Rejected, match="dta"):
                await client.apply(await config_maps(client), "default", "odd", unknown)

    asyncio.run(run())


def test_expired_credentials_are_told_and_renewed_ones_are_taken(cluster: Cluster, tmp_path: Path) -> None:
    config = json.loads(cluster.kubeconfig.read_text())
    token = tmp_path / "token"
    config["users"] = [{"name": "admin", "user": {"tokenFile": "token"}}]
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))

    async def run() -> None:
        token.write_text("expired\n")
        async with client_of(kubeconfig, "tests") as client:
            with pytest.raises(Rejected) as raised:
                await client.discover()
            assert raised.value.code == "HF3302"
            assert "expired" not in str(raised.value)
            token.write_text("tests-admin\n")
            assert (await client.discover()).find("Pod") is not None

    asyncio.run(run())


def test_a_plug_in_gives_credentials(cluster: Cluster, tmp_path: Path) -> None:
    plug_in = tmp_path / "plug-in"
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "tests-admin"}}
    plug_in.write_text(f'#!/bin/sh\n[ "$1" = get-token ] && [ -n "$KUBERNETES_EXEC_INFO" ] && echo \'{json.dumps(credential)}\'\n')
    plug_in.chmod(0o755)
    config = json.loads(cluster.kubeconfig.read_text())
    config["users"] = [{"name": "admin", "user": {"exec": {"command": "./plug-in", "args": ["get-token"]}}}]
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))

    async def run() -> None:
        async with client_of(kubeconfig, "tests") as client:
            assert (await client.discover()).find("Pod") is not None
        plug_in.write_text("#!/bin/sh\necho login expired >&2\nexit 3\n")
        async with client_of(kubeconfig, "tests") as client:
            with pytest.raises(Rejected, match="login expired") as raised:
                await client.discover()
            assert raised.value.code == "HF3310"

    asyncio.run(run())


def test_a_server_that_is_not_there_is_unavailable(cluster: Cluster, tmp_path: Path) -> None:
    config = json.loads(cluster.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))

    async def run() -> None:
        async with client_of(kubeconfig, "tests") as client:
            with pytest.raises(Unavailable) as raised:
                await client.discover()
            assert raised.value.code == "HF3300"

    asyncio.run(run())


def test_the_certificate_of_the_server_is_verified(cluster: Cluster, tmp_path: Path) -> None:
    config = json.loads(cluster.kubeconfig.read_text())
    del config["clusters"][0]["cluster"]["certificate-authority"]
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))

    async def run() -> None:
        async with client_of(kubeconfig, "tests") as client:
            with pytest.raises(Unavailable, match="not trusted"):
                await client.discover()

    asyncio.run(run())


def test_many_at_once_cost_one_request_each(cluster: Cluster) -> None:
    async def run() -> None:
        async with client_of(cluster.kubeconfig) as client:
            kind = await config_maps(client)
            before = cluster.requests()
            async with asyncio.TaskGroup() as group:
                for number in range(200):
                    group.create_task(client.apply(kind, "default", f"many-{number}", config_map(f"many-{number}", a="1")))
            assert cluster.requests()["APPLY"] - before["APPLY"] == 200

    asyncio.run(run())
