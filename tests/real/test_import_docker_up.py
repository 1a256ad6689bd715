"""There and back on a real engine: what runs is imported, committed, planned against the same engine, and adopted without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.test_import_docker import labels, network, running, volume
from tests.engines.docker_stage import NEEDS, Dockerd
from tests.real.house import House, house
from tests.real.test_docker_up import APPLICATION

pytestmark = [pytest.mark.real, pytest.mark.needs("git", *NEEDS)]
OWN = {"com.docker.compose.project": "shop"}
HEALTH = {"Test": ["CMD", "true"], "Interval": 1_000_000_000, "Retries": 3}


@pytest.fixture
def shop(dockerd: Dockerd) -> Iterator[House]:
    with house() as it:
        it.file.write_text(
            APPLICATION.format(repository=it.repository, server=dockerd.address, annotations='{ holdfast.dev/adopt: "true" }')
        )
        yield it


def lives(dockerd: Dockerd) -> dict[str, tuple[str, str, int]]:
    """Return id, start and process of each container, by its name."""
    found = {}
    for each in dockerd.ask("GET", "/containers/json?all=1"):
        seen = dockerd.ask("GET", f"/containers/{each['Id']}/json")
        found[seen["Name"].lstrip("/")] = (seen["Id"], seen["State"]["StartedAt"], seen["State"]["Pid"])
    return found


def there_and_back(it: House, dockerd: Dockerd, *words: str) -> dict[str, Any]:
    """Import what runs, commit it, and see that there is nothing to do; return the state of the Application."""
    before = lives(dockerd)
    done = it.run("import", "docker", "--host", dockerd.address, *words, "--with-secrets", "--output", str(it.repository))
    assert "looks like a secret" in done.stderr
    commit = it.commit("as it runs")
    plan = it.answer("plan", "--file", str(it.file), expect=None)["data"]
    changes = {
        change["id"]: [(each["path"], each["before"], each["after"]) for each in change["fields"]]
        for each in plan["applications"]
        for change in each["changes"]
    }
    assert changes == {}, (it.repository / "compose.yaml").read_text()
    assert [each["blocked"] for each in plan["applications"]] == [[]]
    it.up()
    found = it.well(commit)
    assert lives(dockerd) == before
    it.end()
    return found


def test_a_project_of_compose_is_adopted_without_a_restart(shop: House, dockerd: Dockerd) -> None:
    net = {"Labels": {**OWN, "com.docker.compose.network": "back"}, "Internal": True}
    data = {"Labels": {**OWN, "com.docker.compose.volume": "data"}}
    db = {
        "Cmd": ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
        "Env": ["POSTGRES_PASSWORD=never-shown-$x", "MODE=a b"],
        "Labels": labels("db", 1, {"team": "till"}),
        "Healthcheck": HEALTH,
        "HostConfig": {
            "NetworkMode": "shop_back",
            "Binds": ["shop_data:/var/lib/db"],
            "RestartPolicy": {"Name": "unless-stopped"},
            "Memory": 64 << 20,
            "PidsLimit": 60,
            "CapDrop": ["NET_RAW"],
            "Tmpfs": {"/scratch": "size=1m"},
        },
        "NetworkingConfig": {"EndpointsConfig": {"shop_back": {"Aliases": ["db", "store"]}}},
    }
    web = {
        "Cmd": ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
        "Labels": labels("web", 1, {"com.docker.compose.depends_on": "db:service_healthy:false"}),
        "WorkingDir": "/tmp",
        "User": "65534:65534",
        "ExposedPorts": {"80/tcp": {}},
        "HostConfig": {
            "NetworkMode": "shop_back",
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8097"}]},
            "ReadonlyRootfs": True,
            "Init": True,
            "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
        },
        "NetworkingConfig": {"EndpointsConfig": {"shop_back": {"Aliases": ["web"]}}},
    }
    with (
        network(dockerd, "shop_back", **net),
        volume(dockerd, "shop_data", **data),
        running(dockerd, "shop-db-1", **db),
        running(dockerd, "shop-web-1", **web),
    ):
        found = there_and_back(shop, dockerd, "--project", "shop")
        assert {each["id"] for each in found["resources"]} >= {"Container/shop/db", "Container/shop/web", "Volume/shop/data"}


def test_what_docker_run_made_is_adopted_without_a_restart(shop: House, dockerd: Dockerd) -> None:
    plain = {"Env": ["API_TOKEN=never-shown"], "HostConfig": {"RestartPolicy": {"Name": "always"}}}
    joined = {"HostConfig": {"NetworkMode": "import-own", "Binds": ["import-kept:/kept:ro"], "NanoCpus": 250_000_000}}
    with (
        network(dockerd, "import-own"),
        volume(dockerd, "import-kept"),
        running(dockerd, "import-plain", **plain),
        running(dockerd, "import-joined", **joined),
    ):
        there_and_back(shop, dockerd, "import-plain", "import-joined", "--name", "shop")
