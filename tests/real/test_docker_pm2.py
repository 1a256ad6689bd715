"""The example `compose-pm2` for real: an ecosystem file supervised in a container by our entrypoint, and one left to PM2."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.docs.tool import ROOT
from tests.engines.docker_image import node
from tests.engines.docker_stage import NEEDS, Dockerd
from tests.real.docker_shop import clear
from tests.real.house import House, house

EXAMPLE = ROOT / "examples" / "compose-pm2"
PM2 = ROOT / "build" / "peers" / "node_modules"
REQUESTS = 30
pytestmark = [pytest.mark.real, pytest.mark.needs("git", "node", str(PM2 / ".bin" / "pm2-runtime"), *NEEDS)]


class Example:
    def __init__(self, it: House, dockerd: Dockerd) -> None:
        self.house = it
        self.dockerd = dockerd
        text = (EXAMPLE / "application.yaml").read_text().replace("unix:///var/run/docker.sock", dockerd.address)
        it.file.write_text(text.replace("repoURL: .", f"repoURL: {it.repository}"))

    def version(self, version: str) -> str:
        for path in sorted(EXAMPLE.rglob("*")):
            if path.is_file() and path.name not in ("application.yaml", "README.md"):
                target = self.house.repository / path.relative_to(EXAMPLE)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(path.read_text().replace('"VERSION": "1"', f'"VERSION": "{version}"'))
        return self.house.commit(f"version {version}")

    def container(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = self.dockerd.ask("GET", f"/containers/pm2-{service}-1/json")
        return found

    def ask(self, service: str) -> dict[str, Any]:
        (address,) = [each["IPAddress"] for each in self.container(service)["NetworkSettings"]["Networks"].values()]
        with urllib.request.urlopen(f"http://{address}:8080/", timeout=20) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def workers(self, service: str) -> set[int]:
        """Return the pids, as the host has them, of the processes that serve."""
        top = self.dockerd.ask("GET", f"/containers/pm2-{service}-1/top?ps_args=-eww%20-o%20pid,args")
        return {int(row[0]) for row in top["Processes"] if "server.js" in row[-1]}

    def have_two(self, service: str, but: int = 0) -> None:
        """Wait until two processes serve beside `but`; tells what runs where they do not come."""
        try:
            self.house.until(f"two workers of {service}", lambda: len(self.workers(service) - {but}) == 2)
        except AssertionError as error:
            top = self.dockerd.ask("GET", f"/containers/pm2-{service}-1/top?ps_args=-eww%20-o%20pid,args")
            said = self.dockerd.ask("GET", f"/containers/pm2-{service}-1/logs?stderr=1&stdout=1", is_json=False)
            raise AssertionError(f"{error}\n{top}\n{said}") from error

    def kill(self, service: str) -> int:
        pid = min(self.workers(service))
        os.kill(pid, signal.SIGKILL)
        return pid


@pytest.fixture
def example(dockerd: Dockerd) -> Iterator[Example]:
    node(dockerd, "node:22-bookworm")
    node(dockerd, "ghcr.io/your-org/node-pm2:1", pm2=PM2)
    try:
        with house("pm2") as it:
            yield Example(it, dockerd)
    finally:
        clear(dockerd, "pm2")


def test_an_ecosystem_file_is_supervised_in_a_container_or_left_to_pm2(example: Example) -> None:
    example.house.well_at(example.version("1"))
    for service in ("supervised", "runtime"):
        before = example.container(service)
        assert example.ask(service)["version"] == "1"
        example.have_two(service)
        gone = example.kill(service)
        if service == "supervised":
            assert [example.ask(service)["version"] for _ in range(REQUESTS)] == ["1"] * REQUESTS, "its socket is held: nobody is lost"
        example.have_two(service, but=gone)
        after = example.container(service)
        assert (after["Id"], after["State"]["Pid"], after["RestartCount"]) == (before["Id"], before["State"]["Pid"], 0)
    lines = example.house.answer("logs", "supervised")["data"]["lines"]
    assert any("ended with signal 9" in line["text"] for line in lines)

    example.house.well(example.version("2"))
    assert example.ask("supervised")["version"] == "2", "another ecosystem file is another container"
    assert example.ask("runtime")["version"] == "2"


def test_what_is_wrong_with_an_ecosystem_file_is_told_at_its_line(example: Example) -> None:
    example.version("1")
    path = example.house.repository / "app" / "ecosystem.config.json"
    path.write_text(path.read_text().replace('"instances": 2', '"instances": "two"'))
    example.house.commit("a slip")
    done = example.house.run("render", str(example.house.repository), expect=1)
    assert "app/ecosystem.config.json:7" in done.stderr
