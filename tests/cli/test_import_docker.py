"""`holdfast import docker` on a real Docker Engine: what comes out is read by our loader and asks for what was there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from tests.cli.daemon import Runner
from tests.engines.docker_stage import NEEDS, SMALL, Dockerd

pytestmark = [pytest.mark.real, pytest.mark.needs(*NEEDS)]


@contextmanager
def running(dockerd: Dockerd, name: str, **body: Any) -> Iterator[str]:
    """A container within the block; `body` is Docker's, SMALL its image where none is named."""
    made = dockerd.ask("POST", f"/containers/create?name={name}", {"Image": SMALL, **body})
    try:
        dockerd.ask("POST", f"/containers/{made['Id']}/start")
        yield made["Id"]
    finally:
        if any(each["Id"] == made["Id"] for each in dockerd.ask("GET", "/containers/json?all=1")):
            dockerd.ask("DELETE", f"/containers/{made['Id']}?force=1&v=1")


@contextmanager
def network(dockerd: Dockerd, name: str, **body: Any) -> Iterator[None]:
    dockerd.ask("POST", "/networks/create", {"Name": name, **body})
    try:
        yield
    finally:
        dockerd.ask("DELETE", f"/networks/{name}")


@contextmanager
def volume(dockerd: Dockerd, name: str, **body: Any) -> Iterator[None]:
    dockerd.ask("POST", "/volumes/create", {"Name": name, **body})
    try:
        yield
    finally:
        dockerd.ask("DELETE", f"/volumes/{name}?force=1")


def imported(holdfast: Runner, dockerd: Dockerd, *words: str) -> dict[str, Any]:
    done = holdfast("import", "docker", "--host", dockerd.address, *words, "--json")
    assert done.code == 0, done.err
    found: dict[str, Any] = done.data
    return found


def labels(service: str, number: int = 1, more: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    own = {"project": "shop", "service": service, "container-number": str(number), "oneoff": "False", "config-hash": "0" * 64}
    return {**{f"com.docker.compose.{key}": value for key, value in own.items()}, **more}


def rendered(holdfast: Runner, folder: Path, text: str) -> dict[str, Any]:
    """Return the state of each Container that our loader makes of a compose file."""
    (folder / "compose.yaml").write_text(text)
    git = ("git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@t")
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "import"], check=True)
    done = holdfast("render", str(folder), "--json")
    assert done.code == 0, done.err
    return {f"{each['id'].split('/')[0]}/{each['id'].split('/')[2]}": each["state"] for each in done.data["resources"]}


def test_a_container_of_docker_run_says_what_it_was_told_and_nothing_more(holdfast: Runner, dockerd: Dockerd, tmp_path: Path) -> None:
    host = {
        "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8099"}], "53/udp": [{"HostPort": ""}]},
        "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
        "Memory": 64 << 20,
        "NanoCpus": 500_000_000,
        "PidsLimit": 50,
        "CapDrop": ["NET_RAW"],
        "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}],
        "Binds": ["import-data:/data:ro"],
        "Tmpfs": {"/scratch": "size=1m"},
        "ReadonlyRootfs": True,
        "ExtraHosts": ["gate:10.0.0.1"],
        "NetworkMode": "import-net",
    }
    body: dict[str, Any] = {
        "Cmd": ["sh", "-c", "echo $HOME; sleep 1000"],
        "Env": ["MODE=a $b", "DB_PASSWORD=hunter2-but-longer", "DSN=postgres://u:hunter3@db/x", "PASSWORD_FILE=/run/x"],
        "Labels": {"team": "till"},
        "WorkingDir": "/tmp",
        "User": "65534",
        "StopTimeout": 3,
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}, "9000/tcp": {}},
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5_000_000_000, "Retries": 2},
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": {"import-net": {"Aliases": ["till"]}}},
    }
    with network(dockerd, "import-net"), volume(dockerd, "import-data"), running(dockerd, "import-run", **body):
        found = imported(holdfast, dockerd, "import-run", "--name", "shop")
        (file,) = found["files"]
        assert yaml.safe_load(file["text"]) == {
            "name": "shop",
            "services": {
                "import-run": {
                    "image": SMALL,
                    "container_name": "import-run",
                    "command": ["sh", "-c", "echo $$HOME; sleep 1000"],
                    "environment": {
                        "DB_PASSWORD": "${DB_PASSWORD:?DB_PASSWORD was left out by the import}",
                        "DSN": "${DSN:?DSN was left out by the import}",
                        "MODE": "a $$b",
                        "PASSWORD_FILE": "/run/x",
                    },
                    "working_dir": "/tmp",
                    "user": "65534",
                    "labels": {"team": "till"},
                    "ports": [{"target": 53, "protocol": "udp"}, {"target": 80, "published": "8099", "host_ip": "127.0.0.1"}],
                    "expose": ["9000"],
                    "networks": {"import-net": {"aliases": ["till"]}},
                    "volumes": [{"type": "volume", "source": "import-data", "target": "/data", "read_only": True}],
                    "tmpfs": ["/scratch:size=1m"],
                    "healthcheck": {"test": ["CMD", "true"], "interval": "5s", "retries": 2},
                    "restart": "on-failure:3",
                    "stop_grace_period": "3s",
                    "cpus": "0.5",
                    "mem_limit": "64m",
                    "pids_limit": 50,
                    "ulimits": {"nofile": {"soft": 100, "hard": 200}},
                    "read_only": True,
                    "cap_drop": ["NET_RAW"],
                    "extra_hosts": ["gate=10.0.0.1"],
                }
            },
            "networks": {"import-net": {"external": True}},
            "volumes": {"import-data": {"external": True}},
        }
        assert file["flagged"] == ["import-run: DB_PASSWORD", "import-run: DSN"]
        assert file["left"] == []
        assert "hunter" not in json.dumps(found)
        assert "# looks like a secret, so its value was left out" in file["text"]
        opened = imported(holdfast, dockerd, "import-run", "--with-secrets")["files"][0]["text"]
        assert "DB_PASSWORD: hunter2-but-longer  # looks like a secret: whoever reads the repository reads it" in opened
        state = rendered(holdfast, tmp_path, opened)["Container/import-run"]
        assert state["env"] == dict(each.split("=", 1) for each in body["Env"])
        assert state["command"] == body["Cmd"]
        assert state["limits"] == {"cpus": 0.5, "memory": "64Mi", "pids": 50}


def test_a_bare_container_is_an_image_and_a_name(holdfast: Runner, dockerd: Dockerd) -> None:
    with running(dockerd, "import-bare"):
        (file,) = imported(holdfast, dockerd, "import-bare")["files"]
        assert yaml.safe_load(file["text"])["services"] == {
            "import-bare": {"image": SMALL, "container_name": "import-bare", "network_mode": "bridge"}
        }


def test_a_project_of_compose_comes_back_as_it_was(holdfast: Runner, dockerd: Dockerd, tmp_path: Path) -> None:
    own = {"com.docker.compose.project": "shop"}
    net = {"Labels": {**own, "com.docker.compose.network": "default"}, "Internal": True}
    fixed = {"Labels": {**own, "com.docker.compose.network": "back"}, "IPAM": {"Config": [{"Subnet": "10.99.1.0/24"}]}}
    data = {"Labels": {**own, "com.docker.compose.volume": "data"}}
    depends = {"com.docker.compose.depends_on": "db:service_started:false"}
    with network(dockerd, "shop_default", **net), network(dockerd, "shop_back", **fixed), volume(dockerd, "shop_data", **data):
        db = {
            "Labels": labels("db"),
            "HostConfig": {"NetworkMode": "shop_back", "Binds": ["shop_data:/var/lib/db"]},
            "NetworkingConfig": {"EndpointsConfig": {"shop_back": {"Aliases": ["db"], "IPAMConfig": {"IPv4Address": "10.99.1.7"}}}},
        }
        web = {"Labels": labels("web", 1, depends), "HostConfig": {"NetworkMode": "shop_default"}}
        again = {**web, "Labels": labels("web", 2, depends)}
        with running(dockerd, "shop-db-1", **db), running(dockerd, "shop-web-1", **web), running(dockerd, "shop-web-2", **again):
            (file,) = imported(holdfast, dockerd, "--project", "shop")["files"]
            assert (file["project"], file["containers"], file["left"]) == ("shop", ["shop-db-1", "shop-web-1", "shop-web-2"], [])
            assert yaml.safe_load(file["text"]) == {
                "name": "shop",
                "services": {
                    "db": {
                        "image": SMALL,
                        "networks": {"back": {"ipv4_address": "10.99.1.7"}},
                        "volumes": [{"type": "volume", "source": "data", "target": "/var/lib/db"}],
                    },
                    "web": {"image": SMALL, "depends_on": ["db"], "scale": 2},
                },
                "networks": {"back": {"ipam": {"config": [{"subnet": "10.99.1.0/24"}]}}, "default": {"internal": True}},
                "volumes": {"data": None},
            }
            states = rendered(holdfast, tmp_path, file["text"])
            assert {"Container/db", "Container/web.0", "Container/web.1", "Volume/data"} <= states.keys()


def test_what_cannot_be_said_is_told_and_what_others_make_is_passed_over(holdfast: Runner, dockerd: Dockerd) -> None:
    swarm = {"Labels": {"com.docker.swarm.service.id": "x"}}
    with (
        running(dockerd, "import-swarm", **swarm),
        running(dockerd, "import-lost", Volumes={"/keep": {}}, HostConfig={"AutoRemove": False}),
    ):
        found = imported(holdfast, dockerd, "import-swarm", "import-lost")
        assert found["passed_over"] == ["import-swarm"]
        (file,) = found["files"]
        assert file["left"] == ["import-lost: what is at /keep lies in a volume without a name: another container begins with an empty one"]
        assert "# Left out: import-lost: what is at /keep" in file["text"]


def test_no_file_is_overwritten_and_no_name_is_guessed(holdfast: Runner, dockerd: Dockerd, tmp_path: Path) -> None:
    with running(dockerd, "import-one"):
        words = ("import", "docker", "import-one", "--host", dockerd.address, "--output", str(tmp_path / "out"))
        assert holdfast(*words).out == f"wrote {tmp_path}/out/compose.yaml\n"
        again = holdfast(*words, "--json")
        assert (again.code, again.data["code"]) == (5, "HF8054")
        missing = holdfast("import", "docker", "import-on", "--host", dockerd.address, "--json")
        assert (missing.code, missing.data["code"], missing.data["hint"]) == (64, "HF8053", "did you mean import-one?")
        gone = holdfast("import", "docker", "--host", f"unix://{tmp_path}/none.sock", "--json")
        assert (gone.code, gone.data["code"]) == (75, "HF3201")
