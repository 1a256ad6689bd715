"""The example `compose-private-db` brought up for real: its images, its secret, its Application, and those who visit it by TLS."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.engines.docker_image import POSTGRES, WEB, postgres, web
from tests.engines.docker_stage import Dockerd
from tests.real.house import House, house
from tests.real.test_edge_up import Edge

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "compose-private-db"
HOST = "shop.example.test"
EDGE = """\
apiVersion: holdfast.dev/v1alpha1
kind: Edge
metadata: {{ name: edge }}
spec: {{ http: {http}, https: {https}, bind: [127.0.0.1], shutdownTimeout: 5s }}
"""


class Shop(Edge):
    """The example in a house. `version` commits another one, which every replica must become."""

    def __init__(self, it: House, dockerd: Dockerd) -> None:
        super().__init__(it)
        self.dockerd = dockerd
        text = (EXAMPLE / "application.yaml").read_text()
        text = text.replace("unix:///var/run/docker.sock", dockerd.address).replace("repoURL: .", f"repoURL: {it.repository}")
        it.file.write_text(text)
        secrets = it.state / "secrets"
        secrets.mkdir(parents=True)
        it.state.chmod(0o711)
        secrets.chmod(0o700)
        (secrets / "db-password").write_text("not told to anybody")
        (secrets / "db-password").chmod(0o600)

    def version(self, version: str) -> str:
        """Commit the example with a version in its environment."""
        compose = (
            (EXAMPLE / "compose.yaml")
            .read_text()
            .replace("    environment:\n      DATABASE", f'    environment:\n      VERSION: "{version}"\n      DATABASE')
        )
        site = (
            (EXAMPLE / "site.yaml").read_text().replace("shop.example.com", HOST).replace("service:", "certificate: selfSigned\n  service:")
        )
        edge = EDGE.format(http=self.http, https=self.https)
        program = (EXAMPLE / "app" / "web.py").read_text()
        return self.house.commit(f"version {version}", compose_yaml=compose, site_yaml=site, edge_yaml=edge, app__web_py=program)

    def containers(self, service: str) -> list[dict[str, Any]]:
        """Return the running containers of a service."""
        every = self.dockerd.ask("GET", "/containers/json")
        return [each for each in every if each["Labels"].get("com.docker.compose.service") == service]

    def kill(self, service: str, at: int = 0) -> tuple[str, int]:
        """Kill what runs in a container, as a crash does; return the container and the pid."""
        found = sorted(self.containers(service), key=lambda each: str(each["Names"][0]))
        chosen = found[at % len(found)]
        pid = self.dockerd.ask("GET", f"/containers/{chosen['Id']}/json")["State"]["Pid"]
        os.kill(pid, signal.SIGKILL)
        return str(chosen["Id"]), int(pid)

    def is_back(self, container: str, pid: int) -> bool:
        """Say whether a container that was killed runs again, and is healthy."""
        state = self.dockerd.ask("GET", f"/containers/{container}/json")["State"]
        return bool(state["Running"] and state["Pid"] != pid and state["Health"]["Status"] == "healthy")

    def status(self) -> str:
        return json.dumps(self.house.application(), indent=1)[:4000]


@contextmanager
def shop(dockerd: Dockerd) -> Iterator[Shop]:
    """Lend the example in a house of its own; all of it is gone afterwards."""
    tags = {tag for each in dockerd.ask("GET", "/images/json") for tag in each["RepoTags"] or ()}
    if POSTGRES not in tags:
        postgres(dockerd)
    if WEB not in tags:
        web(dockerd, EXAMPLE / "app" / "web.py")
    try:
        with house() as it:
            yield Shop(it, dockerd)
    finally:
        clear(dockerd, "shop")


def clear(dockerd: Dockerd, project: str) -> None:
    """Remove all that is at a host of the tests' own: containers, and a project's networks and volumes."""
    for each in dockerd.ask("GET", "/containers/json?all=1"):
        dockerd.ask("DELETE", f"/containers/{each['Id']}?force=1&v=1")
    for each in dockerd.ask("GET", "/networks"):
        if each["Name"].startswith(f"{project}_"):
            dockerd.ask("DELETE", f"/networks/{each['Id']}")
    for each in dockerd.ask("GET", "/volumes")["Volumes"] or ():
        if each["Name"].startswith(f"{project}_"):
            dockerd.ask("DELETE", f"/volumes/{each['Name']}")
