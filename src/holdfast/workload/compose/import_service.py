"""Import service: what Docker says of a container and its image → one service of a compose file.

Pure: documents of the Engine API come in (`GET /containers/ID/json`, `GET /images/ID/json`), plain values go out. What the image or the
engine would give anyway is left out. Law: the service, read again, asks for the container that it was made of; what it cannot say is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.kit.secret_look import looks_secret
from holdfast.workload.compose.import_limit import limits, namespaces, plain
from holdfast.workload.compose.import_mount import mounts
from holdfast.workload.compose.import_reach import network, ports
from holdfast.workload.compose.import_seen import (
    DEPENDS,
    NUMBER,
    SERVICE,
    Noted,
    Seen,
    Surroundings,
    Telling,
    escaped,
    escaped_all,
    labels_of,
    size,
)

NOT_OURS = ("com.docker.compose.", "dev.holdfast", "holdfast.dev/", "desktop.docker.io/")
"""Labels that whoever made the container wrote for itself."""
SHM_SIZE = 64 << 20
RUNTIME = "runc"
_ID = re.compile(r"sha256:[0-9a-f]{12,64}|[0-9a-f]{64}")


def service_of(container: Mapping[str, Any], image: Mapping[str, Any], around: Surroundings, telling: Telling) -> dict[str, Any]:
    """Return the fields of a service; values may be `Noted`."""
    return _Maker(Seen(container, image, around, telling)).service()


class _Maker:
    """One service in making."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.container, self.image, self.around, self.telling = seen.container, seen.image, seen.around, seen.telling
        self.config, self.host, self.built, self.name, self.left = seen.config, seen.host, seen.built, seen.name, seen.left

    def service(self) -> dict[str, Any]:
        made: dict[str, Any] = {"image": self.image_name(), **self.own_name()}
        made |= self.program()
        made |= self.environment()
        made |= self.given({"working_dir": "WorkingDir", "user": "User", "stop_signal": "StopSignal"})
        made |= self.hostname()
        made |= self.labels()
        made |= ports(self.seen)
        made |= network(self.seen)
        made |= mounts(self.seen)
        made |= self.healthcheck()
        made |= self.restart()
        made |= limits(self.seen)
        made |= plain(self.seen)
        made |= namespaces(self.seen)
        made |= self.rest()
        made |= self.depends()
        self.tell()
        return made

    # What it is

    def image_name(self) -> Json:
        named = str(self.config.get("Image", ""))
        if _ID.fullmatch(named) is None:
            return named
        known = [*(self.image.get("RepoTags") or ()), *(self.image.get("RepoDigests") or ())]
        if not known:
            self.left(f"its image {named[:19]} has no name: push it to a registry, and name it here")
            return named
        self.left(f"it was made of an image by its id; {known[0]} is the name of that image now")
        return str(known[0])

    def own_name(self) -> dict[str, Any]:
        labels = labels_of(self.container)
        usual = f"{self.around.project}{{0}}{labels.get(SERVICE, '')}{{0}}{labels.get(NUMBER, '')}"
        return {} if labels.get(SERVICE) and self.name in (usual.format("-"), usual.format("_")) else {"container_name": self.name}

    def program(self) -> dict[str, Any]:
        entrypoint, command = self.config.get("Entrypoint"), self.config.get("Cmd")
        is_other = (entrypoint or None) != (self.built.get("Entrypoint") or None)
        made: dict[str, Any] = {"entrypoint": escaped_all(list(entrypoint or ()))} if is_other else {}
        if is_other:  # then Docker takes the image's command away (moby daemon/commit.go merge)
            return made | ({"command": escaped_all(list(command))} if command else {})
        is_other = (command or None) != (self.built.get("Cmd") or None)
        return {"command": escaped_all(list(command or ()))} if is_other else {}

    def environment(self) -> dict[str, Any]:
        known = set(self.built.get("Env") or ())
        found: dict[str, Any] = {}
        for each in self.config.get("Env") or ():
            name, sign, value = str(each).partition("=")
            if each in known or not sign:
                continue
            if looks_secret(name, value):
                self.telling.flagged.append(f"{self.name}: {name}")
                comment = "looks like a secret: whoever reads the repository reads it"
                if not self.around.with_secrets:
                    value, comment = f"${{{name}:?{name} was left out by the import}}", "looks like a secret, so its value was left out"
                    found[name] = Noted(value, comment)
                    continue
                found[name] = Noted(escaped(value), comment)
            else:
                found[name] = escaped(value)
        return {"environment": dict(sorted(found.items()))} if found else {}

    def given(self, names: Mapping[str, str]) -> dict[str, Any]:
        """Return fields of Config that are not the image's."""
        found = {key: self.config.get(name) or "" for key, name in names.items() if self.config.get(name) != self.built.get(name)}
        return {key: escaped(str(value)) for key, value in found.items() if value}

    def hostname(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        hostname, domain = str(self.config.get("Hostname") or ""), str(self.config.get("Domainname") or "")
        is_own = hostname == str(self.container.get("Id", ""))[:12]
        shares = str(self.host.get("NetworkMode", "")).startswith(("host", "container:")) or self.host.get("UTSMode") == "host"
        if hostname and not is_own and not shares:
            made["hostname"] = hostname
        if domain:
            made["domainname"] = domain
        if self.config.get("Tty"):
            made["tty"] = True
        if self.config.get("OpenStdin"):
            made["stdin_open"] = True
        return made

    def labels(self) -> dict[str, Any]:
        built = self.built.get("Labels") or {}
        found = {
            key: escaped(str(value))
            for key, value in sorted(labels_of(self.container).items())
            if built.get(key) != value and not key.startswith(NOT_OURS)
        }
        return {"labels": found} if found else {}

    # Who reaches it

    # What it sees

    # How it is kept

    def healthcheck(self) -> dict[str, Any]:
        found, built = self.config.get("Healthcheck") or {}, self.built.get("Healthcheck") or {}
        if found == built or not found:
            return {}
        if found.get("Test") == ["NONE"]:
            return {"healthcheck": {"disable": True}}
        made: dict[str, Json] = {"test": [escaped(str(word)) for word in found["Test"]]} if found.get("Test") else {}
        for name, key in (
            ("Interval", "interval"),
            ("Timeout", "timeout"),
            ("StartPeriod", "start_period"),
            ("StartInterval", "start_interval"),
        ):
            if found.get(name):
                made[key] = duration(found[name])
        if found.get("Retries"):
            made["retries"] = found["Retries"]
        return {"healthcheck": made} if made else {}

    def restart(self) -> dict[str, Any]:
        policy = self.host.get("RestartPolicy") or {}
        name, count = str(policy.get("Name") or "no"), policy.get("MaximumRetryCount") or 0
        made: dict[str, Any] = {} if name == "no" else {"restart": f"{name}:{count}" if name == "on-failure" and count else name}
        timeout = self.config.get("StopTimeout")
        return made | ({"stop_grace_period": f"{timeout}s"} if timeout is not None else {})

    def rest(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if (shm := self.host.get("ShmSize") or SHM_SIZE) != SHM_SIZE:
            made["shm_size"] = size(shm)
        if (runtime := self.host.get("Runtime") or RUNTIME) != (self.around.info.get("DefaultRuntime") or RUNTIME):
            made["runtime"] = runtime
        if hosts := self.host.get("ExtraHosts"):
            made["extra_hosts"] = [str(each).replace(":", "=", 1) for each in hosts]
        if devices := self.host.get("Devices"):
            made["devices"] = [
                f"{each['PathOnHost']}:{each['PathInContainer']}:{each.get('CgroupPermissions') or 'rwm'}" for each in devices
            ]
        log = self.host.get("LogConfig") or {}
        if log.get("Config") or (log.get("Type") and log["Type"] != self.around.info.get("LoggingDriver", "json-file")):
            made["logging"] = {"driver": log.get("Type") or "json-file", **({"options": dict(log["Config"])} if log.get("Config") else {})}
        if requests := self.host.get("DeviceRequests"):
            made["deploy"] = {"resources": {"reservations": {"devices": [_request(each) for each in requests]}}}
        return made

    def depends(self) -> dict[str, Any]:
        """Return what compose itself wrote down of the order."""
        known = set(self.around.services.values())
        found: dict[str, Json] = {}
        for part in labels_of(self.container).get(DEPENDS, "").split(","):
            service, _, rest = part.partition(":")
            condition, _, restart = rest.partition(":")
            if service in known:
                found[service] = {"condition": condition or "service_started", **({"restart": True} if restart == "true" else {})}
        if not found:
            return {}
        is_plain = all(each == {"condition": "service_started"} for each in found.values())
        return {"depends_on": list(found) if is_plain else found}

    def tell(self) -> None:
        """Tell what a service cannot say."""
        for name, what in (
            ("AutoRemove", "it is removed when it ends (--rm)"),
            ("Links", "it has links, which networks replace: name the other service in the same network"),
            ("VolumesFrom", "it takes its volumes from another container; those are named here"),
            ("ContainerIDFile", "it writes its id to a file"),
            ("VolumeDriver", "it has a volume driver of its own"),
        ):
            if self.host.get(name):
                self.left(what)
        if (self.container.get("State") or {}).get("Paused"):
            self.left("it is paused; a service runs")


def duration(nanoseconds: int) -> str:
    """Return a duration as compose reads it."""
    for unit, factor in (("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)):
        if nanoseconds % factor == 0:
            return f"{nanoseconds // factor}{unit}"
    return f"{nanoseconds}ns"


def _request(each: Mapping[str, Any]) -> dict[str, Json]:
    made: dict[str, Json] = {}
    if each.get("Driver"):
        made["driver"] = each["Driver"]
    if each.get("DeviceIDs"):
        made["device_ids"] = list(each["DeviceIDs"])
    elif each.get("Count"):
        made["count"] = "all" if each["Count"] == -1 else each["Count"]
    made["capabilities"] = [str(word) for row in each.get("Capabilities") or () for word in row]
    if each.get("Options"):
        made["options"] = dict(each["Options"])
    return made
