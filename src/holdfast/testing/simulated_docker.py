"""A simulated Docker Engine: what `engines.docker` asks of one, answered from memory on the simulated clock.

It fills in what a real one fills in, refuses what a real one refuses, and tells events, of which it remembers only so many. What a
container does is in its environment: `BAD=dies` ends at once with exit code 7, `BAD=sick` fails its health check, where it has one.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from holdfast.engines.docker.client import Body, Query, Version
from holdfast.engines.docker.failure import error_of
from holdfast.kit.canonical import Json, digest_bytes
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Wakeup

REMEMBERED = 256
ACT_S = 0.05
HEALTHY_AFTER_S = 1.0
PULL_S = 2.0
"""How long one step of a pull takes; it has four."""
_FILLED: Mapping[str, Any] = {
    "CgroupnsMode": "host",
    "IpcMode": "private",
    "ShmSize": 64 << 20,
    "Runtime": "runc",
    "LogConfig": {"Type": "json-file", "Config": {}},
    "MaskedPaths": ["/proc/kcore"],
    "OomKillDisable": False,
    "PidsLimit": None,
}


@dataclass(slots=True)
class Box:
    """One container."""

    id: str
    name: str
    body: dict[str, Any]
    image: dict[str, Any]
    networks: dict[str, dict[str, Any]]
    status: str = "created"
    exit_code: int = 0
    restarts: int = 0
    started: float = 0.0

    @property
    def env(self) -> dict[str, str]:
        return dict(line.partition("=")[::2] for line in self.body.get("Env") or ())


@dataclass(slots=True)
class SimulatedDocker:
    """Implements `engines.docker.port.Api`. `images` are at hand by reference, `registry` can be fetched."""

    clock: Clock
    random: Random
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    registry: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_silent: bool = False
    """Nobody answers."""
    is_full: bool = False
    boxes: dict[str, Box] = field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    _events: list[dict[str, Any]] = field(default_factory=list)
    _listeners: list[Wakeup] = field(default_factory=list)
    _forgotten: int = 0
    _number: int = 0
    _lives: int = 0

    def __post_init__(self) -> None:
        for name in ("bridge", "none", "host"):
            self.networks[name] = {"Name": name, "Id": self._new_id(), "Driver": name, "Labels": {}}

    def image(self, reference: str, **config: Any) -> dict[str, Any]:
        """Return an image; it is nowhere yet."""
        id = f"sha256:{digest_bytes(json.dumps([reference, config], sort_keys=True).encode())}"
        return {"Id": id, "Config": config, "RepoTags": [reference], "RepoDigests": []}

    def have(self, reference: str, **config: Any) -> None:
        found = self.image(reference, **config)
        self.images[reference] = self.images[found["Id"]] = found

    # engines.docker.port.Api

    async def version(self) -> Version:
        self._answer()
        return Version(engine="simulated", api="1.41")

    async def knock(self) -> None:
        self._answer()

    def forget_version(self) -> None:
        pass

    async def get(self, doing: str, path: str, query: Query | None = None, *, headers: Mapping[str, str] | None = None) -> Any:
        return await self._ask("GET", doing, path, query or {}, None)

    async def post(
        self,
        doing: str,
        path: str,
        query: Query | None = None,
        body: Json = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        return await self._ask("POST", doing, path, query or {}, body)

    async def put(self, doing: str, path: str, query: Query | None, data: bytes, *, content_type: str = "application/x-tar") -> Any:
        return await self._ask("PUT", doing, path, query or {}, None)

    async def delete(self, doing: str, path: str, query: Query | None = None) -> Any:
        return await self._ask("DELETE", doing, path, query or {}, None)

    async def aclose(self) -> None:
        pass

    async def messages(
        self,
        method: str,
        doing: str,
        path: str,
        query: Query | None = None,
        data: Body | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[dict[str, Any], None]:
        self._answer()
        if path == "/images/create":
            async for said in self._pull(dict(query or {})):
                yield said
        elif path == "/events":
            async for event in self._follow(float(str((query or {}).get("since") or 0))):
                yield event

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        doing: str,
        path: str,
        query: Query | None = None,
        data: Body | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        self._answer()

        async def nothing() -> AsyncIterator[bytes]:
            line = b"no luck\n"
            yield b"\x01\0\0\0" + len(line).to_bytes(4, "big") + line

        yield nothing()

    def _answer(self) -> None:
        if self.is_silent:
            raise error_of("ask", 503, {"message": "nobody answers"})

    async def _ask(self, method: str, doing: str, path: str, query: Query, body: Any) -> Any:
        self._answer()
        await self.clock.sleep(self.random.random() * ACT_S)
        self._answer()
        try:
            return deepcopy(await self.do(method, path, query, deepcopy(body)))
        except _No as no:
            raise error_of(doing, no.status, {"message": no.said}) from None

    async def do(self, method: str, path: str, query: Query, body: Any) -> Any:
        """Do what is asked, at once."""
        parts = [unquote(each) for each in path.strip("/").split("/")]
        match method, parts:
            case "GET", ["containers", "json"]:
                return [self._listed(box) for box in self.boxes.values()]
            case "POST", ["containers", "create"]:
                return self._create(str(query["name"]), body)
            case "GET", ["containers", name, "json"]:
                return self._inspect(self._box(name))
            case "PUT", ["containers", name, "archive"]:
                self._box(name)
            case "POST", ["containers", name, act]:
                await self._act(self._box(name), act, query, body)
            case "DELETE", ["containers", name]:
                self._remove(self._box(name))
            case "GET", ["networks"]:
                return list(self.networks.values())
            case "POST", ["networks", "create"]:
                return self._make(self.networks, "network", body, {"Driver": "bridge", "EnableIPv6": False, "Attachable": False})
            case "POST", ["networks", name, "connect" | "disconnect" as act]:
                self._plug(self._network(name), self._box(body["Container"]), act, body.get("EndpointConfig") or {})
            case "DELETE", ["networks", name]:
                self._drop_network(self._network(name))
            case "GET", ["volumes"]:
                return {"Volumes": list(self.volumes.values())}
            case "POST", ["volumes", "create"]:
                known = self.volumes.get(body["Name"])
                return known or self._make(self.volumes, "volume", {**body, "Options": body.pop("DriverOpts", {})}, {"Driver": "local"})
            case "DELETE", ["volumes", name]:
                self._drop_volume(name)
            case "POST", ["images", *rest, "tag"]:
                self.images[f"{query['repo']}:{query['tag']}"] = self._image("/".join(rest))
            case "GET", ["images", "json"]:
                return [*{each["Id"]: each for each in self.images.values()}.values()]
            case "GET", ["images", *rest, "json"]:
                return self._image("/".join(rest))
            case _:
                raise _No(404, f"page not found: {method} {path}")
        return None

    # Containers

    def _box(self, name: str) -> Box:
        found = next(
            (box for box in self.boxes.values() if name in {box.id, box.name} or (len(name) >= 12 and box.id.startswith(name))), None
        )
        if found is None:
            raise _No(404, f"No such container: {name}")
        return found

    def _image(self, reference: str) -> dict[str, Any]:
        found = self.images.get(reference)
        if found is None:
            raise _No(404, f"No such image: {reference}")
        return found

    def _create(self, name: str, body: dict[str, Any]) -> dict[str, str]:
        if self.is_full:
            raise _No(500, "write /var/lib/docker/tmp: no space left on device")
        taken = next((box for box in self.boxes.values() if box.name == name), None)
        if taken is not None:
            raise _No(409, f'Conflict. The container name "/{name}" is already in use by container "{taken.id}".')
        image = self._image(body["Image"])
        endpoints = (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
        mode = body["HostConfig"].get("NetworkMode", "default")
        networks = {name: dict(each) for name, each in endpoints.items()} or {"bridge" if mode == "default" else mode: {}}
        for network in networks:
            self._network(network)
        host = {**_FILLED, **body["HostConfig"]}
        if host.get("Memory") and not host.get("MemorySwap"):
            host["MemorySwap"] = host["Memory"] * 2
        box = Box(id=self._new_id(), name=name, body={**body, "HostConfig": host}, image=image, networks=networks)
        self.boxes[box.id] = box
        self._tell("container", "create", box)
        return {"Id": box.id}

    async def _act(self, box: Box, act: str, query: Query, body: Any) -> None:
        match act:
            case "start":
                if box.status in {"running", "paused"}:
                    return
                self._start(box)
            case "stop" | "kill":
                if box.status == "paused":
                    raise _No(409, f"Container {box.id} is paused. Unpause the container before stopping or killing")
                if box.status == "running":
                    self._tell("container", "kill", box)
                    self._end(box, 137 if act == "kill" else 0)
                    if act == "stop":
                        self._tell("container", "stop", box)
            case "pause" | "unpause":
                box.status = "paused" if act == "pause" else "running"
                self._tell("container", act, box)
            case "rename":
                wanted = str(query["name"])
                taken = next((other for other in self.boxes.values() if other.name == wanted and other is not box), None)
                if taken is not None:
                    raise _No(409, f'The container name "/{wanted}" is already in use by container "{taken.id}".')
                box.name = wanted
                self._tell("container", "rename", box)
            case "update":
                host = box.body["HostConfig"]
                host |= {key: value for key, value in (body or {}).items() if value not in (0, None, "")}
                if host.get("PidsLimit") == -1:
                    host["PidsLimit"] = None
                self._tell("container", "update", box)
            case _:
                raise _No(404, f"page not found: {act}")

    def _start(self, box: Box) -> None:
        ports = _published(box)
        for other in self.boxes.values():
            if other is not box and other.status in {"running", "paused"} and (both := ports & _published(other)):
                raise _No(500, f"driver failed: Bind for 0.0.0.0:{min(both)} failed: port is already allocated")
        box.status, box.started = "running", self.clock.now()
        self._lives += 1
        self._tell("container", "start", box)
        if box.env.get("BAD") == "dies":
            self._end(box, 7)

    def _end(self, box: Box, code: int) -> None:
        box.status, box.exit_code = "exited", code
        self._tell("container", "die", box, exitCode=str(code))

    def _remove(self, box: Box) -> None:
        if box.status == "running":
            self._tell("container", "kill", box)
            self._end(box, 137)
        del self.boxes[box.id]
        self._tell("container", "destroy", box)

    def _health(self, box: Box) -> dict[str, Any] | None:
        if not box.body.get("Healthcheck"):
            return None
        if box.env.get("BAD") == "sick":
            return {"Status": "unhealthy", "Log": [{"Output": "it feels ill"}]}
        return {"Status": "healthy" if self.clock.now() >= box.started + HEALTHY_AFTER_S else "starting", "Log": []}

    def _inspect(self, box: Box) -> dict[str, Any]:
        base = box.image["Config"]
        state: dict[str, Any] = {"Status": box.status, "Running": box.status in {"running", "paused"}, "Paused": box.status == "paused"}
        state |= {"ExitCode": box.exit_code, "OOMKilled": False, "Pid": 1000 if box.status == "running" else 0}
        if (health := self._health(box)) is not None:
            state["Health"] = health
        config = {**base, **{key: value for key, value in box.body.items() if key not in {"HostConfig", "NetworkingConfig"}}}
        config["Hostname"] = box.body.get("Hostname") or box.id[:12]
        config["Env"] = [*(base.get("Env") or ()), *(box.body.get("Env") or ())]
        mounts = [self._mount(each) for each in box.body["HostConfig"].get("Mounts") or () if each["Type"] != "tmpfs"]
        networks = {
            name: {**each, "Aliases": [*(each.get("Aliases") or ()), box.id[:12]], "IPAddress": "10.0.0.9" if state["Running"] else ""}
            for name, each in box.networks.items()
        }
        return {
            "Id": box.id,
            "Name": f"/{box.name}",
            "Image": box.image["Id"],
            "RestartCount": box.restarts,
            "State": state,
            "Config": config,
            "HostConfig": box.body["HostConfig"],
            "Mounts": mounts,
            "NetworkSettings": {"Networks": networks, "Ports": {}},
        }

    def _mount(self, each: Mapping[str, Any]) -> dict[str, Any]:
        name = {"Name": each.get("Source")} if each["Type"] == "volume" else {"Source": each.get("Source")}
        return {"Type": each["Type"], **name, "Destination": each["Target"], "RW": not each.get("ReadOnly")}

    def _listed(self, box: Box) -> dict[str, Any]:
        seen = self._inspect(box)
        return {
            "Id": box.id,
            "Names": [f"/{box.name}"],
            "Labels": box.body.get("Labels") or {},
            "State": box.status,
            "NetworkSettings": {"Networks": {name: {} for name in box.networks}},
            "Mounts": seen["Mounts"],
            "Ports": [{"PublicPort": port} for port in sorted(_published(box))] if box.status == "running" else [],
        }

    # Networks and volumes

    def _make(self, shelf: dict[str, dict[str, Any]], type: str, body: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, Any]:
        if body["Name"] in shelf:
            raise _No(409, f"{type} with name {body['Name']} already exists")
        shelf[body["Name"]] = {**filled, **body, "Id": self._new_id()}
        self._say({"Type": type, "Action": "create", "Actor": {"ID": shelf[body["Name"]]["Id"], "Attributes": {"name": body["Name"]}}})
        return shelf[body["Name"]]

    def _network(self, name: str) -> dict[str, Any]:
        found = self.networks.get(name) or next((each for each in self.networks.values() if each["Id"] == name), None)
        if found is None:
            raise _No(404, f"network {name} not found")
        return found

    def _plug(self, network: Mapping[str, Any], box: Box, act: str, endpoint: Mapping[str, Any]) -> None:
        name = network["Name"]
        if act == "connect" and name in box.networks:
            raise _No(403, f"endpoint with name {box.name} already exists in network {name}")
        if act == "connect":
            box.networks[name] = dict(endpoint)
        else:
            box.networks.pop(name, None)
        self._say({"Type": "network", "Action": act, "Actor": {"ID": network["Id"], "Attributes": {"name": name, "container": box.id}}})

    def _drop_network(self, network: Mapping[str, Any]) -> None:
        name = network["Name"]
        if any(name in box.networks and box.status in {"running", "paused"} for box in self.boxes.values()):
            raise _No(403, f"error while removing network: network {name} id {network['Id']} has active endpoints")
        del self.networks[name]
        self._say({"Type": "network", "Action": "destroy", "Actor": {"ID": network["Id"], "Attributes": {"name": name}}})

    def _drop_volume(self, name: str) -> None:
        if name not in self.volumes:
            raise _No(404, f"get {name}: no such volume")
        if any(each.get("Name") == name for box in self.boxes.values() for each in self._inspect(box)["Mounts"]):
            raise _No(409, f"remove {name}: volume is in use - [somebody]")
        del self.volumes[name]
        self._say({"Type": "volume", "Action": "destroy", "Actor": {"ID": name, "Attributes": {}}})

    # Images

    async def _pull(self, query: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        tag = str(query["tag"])
        reference = f"{query['fromImage']}{'@' if re.match('sha256:', tag) else ':'}{tag}"
        if reference not in self.registry:
            yield {"error": f"manifest for {reference} not found: manifest unknown"}
            return
        for done in range(1, 5):
            await self.clock.sleep(PULL_S)
            yield {"id": "layer", "status": "Downloading", "progressDetail": {"current": done * 25, "total": 100}}
        found = self.registry[reference]
        self.images[reference] = self.images[found["Id"]] = found

    # Events

    def _tell(self, type: str, action: str, box: Box, **more: str) -> None:
        attributes = {**(box.body.get("Labels") or {}), "name": box.name, **more}
        self._say({"Type": type, "Action": action, "Actor": {"ID": box.id, "Attributes": attributes}})

    def _say(self, event: dict[str, Any]) -> None:
        self._number += 1
        self._events.append({**event, "timeNano": int(self.clock.now() * 1e9) + self._number % 1000})
        if len(self._events) > REMEMBERED:
            self._events.pop(0)
            self._forgotten += 1
        for bell in self._listeners:
            bell.wake()

    async def _follow(self, since: float) -> AsyncGenerator[dict[str, Any], None]:
        bell = Wakeup()
        self._listeners.append(bell)
        at = self._forgotten
        try:
            while not self.is_silent:
                while at < self._forgotten + len(self._events):
                    at = max(at, self._forgotten)
                    event = self._events[at - self._forgotten]
                    at += 1
                    if event["timeNano"] >= since * 1e9:
                        yield deepcopy(event)
                await bell.wait()
        finally:
            self._listeners.remove(bell)

    def hang_up(self) -> None:
        """End all event streams, as an engine that is started anew; it remembers nothing of what was."""
        self._forgotten += len(self._events)
        self._events.clear()
        was, self.is_silent = self.is_silent, True
        for bell in self._listeners:
            bell.wake()
        self.is_silent = was

    def _new_id(self) -> str:
        return self.random.token(32)


class _No(Exception):
    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


def _published(box: Box) -> set[int]:
    bindings = box.body["HostConfig"].get("PortBindings") or {}
    return {int(each["HostPort"]) for found in bindings.values() for each in found if str(each.get("HostPort") or "").isdecimal()}
