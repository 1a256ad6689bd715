"""View: a container as one flat mapping, from what the engine says of it or from what it was asked for, so that the two can be compared.

Keys begin with what they are about: `image`, `env.NAME`, `label.NAME`, `network.NAME`, `mount.PATH`, `limits.memory`, `restart`, `host.KEY`
(HostConfig), `config.KEY`. What is empty is left out, what has no order is sorted, and of a variable only the keyed hash of its value
stands there: a plan tells nobody what somebody else wrote. Pure.

`view(inspect)` is what is live. `expected(body)` is what was asked for; what the engine fills in by itself it cannot say, so that what was
live right after the creation is learnt and compared with ever after (`drift`), and only a container that we did not make is judged by
what it should be, as far as that goes (`unlike`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from holdfast.engines.docker import label
from holdfast.engines.docker.body import LIMITS
from holdfast.kit.canonical import Json
from holdfast.kit.quantity import format_quantity

Mark = Callable[[str], str]
View = Mapping[str, Json]

ANONYMOUS = re.compile(r"[0-9a-f]{64}")
STOP_S = 10
"""How long Docker waits for a container that nobody said a time for."""
_OCTAL = re.compile(r"[0-7]{1,5}")
_SIZE = re.compile(r"(\d{1,15})([kKmMgG]?)")
SIZES = frozenset({"memory", "memory_reservation", "memory_swap"})
_ORDERLESS = frozenset({"CapAdd", "CapDrop", "SecurityOpt", "GroupAdd", "ExtraHosts", "DeviceCgroupRules"})
_ELSEWHERE = frozenset(
    {"Binds", "Mounts", "Tmpfs", "RestartPolicy", "NetworkMode", "Links", "ConsoleSize", "ContainerIDFile", "Isolation", "AutoRemove"}
) | {key for key, _ in LIMITS.values()}
"""Keys of HostConfig that stand in the view by another name, or that say nothing."""
_CONFIG = ("Cmd", "Entrypoint", "WorkingDir", "User", "Domainname", "Tty", "OpenStdin", "StopSignal", "StopTimeout", "MacAddress")
FILLED = frozenset(
    "host.CgroupnsMode host.IpcMode host.ShmSize host.Runtime host.LogConfig host.MaskedPaths host.ReadonlyPaths host.OomKillDisable "
    "host.Init host.PortBindings host.SecurityOpt host.Ulimits host.UsernsMode host.VolumeDriver host.Cgroup host.BlkioWeight "
    "config.MacAddress config.StopTimeout config.Hostname config.StopSignal config.OpenStdin limits.memorySwap limits.memorySwappiness "
    "limits.pids".split()
)
"""What an engine fills in by itself: of a container that we did not make it says nothing."""


def view(inspected: Mapping[str, Any], mark: Mark) -> dict[str, Json]:
    """Return what ContainerInspect says."""
    config, host = inspected.get("Config") or {}, inspected.get("HostConfig") or {}
    networks = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    short = str(inspected.get("Id") or "")[:12]
    found: dict[str, Json] = {"image": inspected.get("Image")}
    found |= _config(config, mark, short)
    found |= _host(host)
    found |= {f"mount.{path}": each for path, each in _live_mounts(inspected.get("Mounts") or (), host)}
    found |= {f"network.{name}": _endpoint(each or {}, short) for name, each in networks.items()}
    return {key: value for key, value in found.items() if value not in (None, "", [], {}, False)}


def expected(body: Mapping[str, Any], endpoints: Mapping[str, Mapping[str, Any]], image: Mapping[str, Any], mark: Mark) -> dict[str, Json]:
    """Return what a container of `body` on `endpoints` should look like, made from `image` (ImageInspect)."""
    base = image.get("Config") or {}
    host = body["HostConfig"]
    config = {**{key: base.get(key) for key in _CONFIG}, **{key: body[key] for key in (*_CONFIG, "Hostname") if key in body}}
    if "Entrypoint" in body and "Cmd" not in body:
        config["Cmd"] = None  # as moby's runconfig merges: another entrypoint does away with the image's arguments
    config["Env"] = [f"{name}={value}" for name, value in sorted({**_pairs(base.get("Env")), **_pairs(body.get("Env"))}.items())]
    config["Labels"] = {**(base.get("Labels") or {}), **body["Labels"]}
    config["ExposedPorts"] = {**(base.get("ExposedPorts") or {}), **body["ExposedPorts"], **(host.get("PortBindings") or {})}
    config["Healthcheck"] = {**(base.get("Healthcheck") or {}), **(body.get("Healthcheck") or {})} or None
    found: dict[str, Json] = {"image": image.get("Id")}
    found |= _config(config, mark, "")
    found |= _host(host)
    found |= {f"mount.{path}": each for path, each in _asked_mounts(host, base.get("Volumes") or {})}
    mode = str(host.get("NetworkMode", "default"))
    plain = {"default": "bridge"}.get(mode, mode)
    if endpoints:
        found |= {f"network.{name}": _endpoint(each, "") for name, each in endpoints.items()}
    elif not mode.startswith("container:"):
        found[f"network.{plain}"] = _endpoint({}, "")
    return {key: value for key, value in found.items() if value not in (None, "", [], {}, False)}


def _config(config: Mapping[str, Any], mark: Mark, short: str) -> dict[str, Json]:
    found: dict[str, Json] = {f"config.{key}": _plain(config.get(key)) for key in _CONFIG}
    hostname = config.get("Hostname")
    found["config.Hostname"] = None if hostname == short else hostname
    found["config.ExposedPorts"] = sorted(config.get("ExposedPorts") or {})
    found["config.Healthcheck"] = _plain(config.get("Healthcheck"))
    found |= {f"env.{name}": mark(value) for name, value in _pairs(config.get("Env")).items()}
    found |= {f"label.{name}": value for name, value in (config.get("Labels") or {}).items() if not label.is_ours(name)}
    return found


def _pairs(lines: Any) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in lines or () if "=" in line)


def _host(host: Mapping[str, Any]) -> dict[str, Json]:
    found = {f"host.{key}": _sorted(key, _plain(value)) for key, value in host.items() if key not in _ELSEWHERE}
    found["host.PortBindings"] = _bindings(host.get("PortBindings") or {})
    found |= {f"limits.{camel(name)}": shown for name, shown in limits_of(host)}
    policy = host.get("RestartPolicy") or {}
    name, count = policy.get("Name") or "no", policy.get("MaximumRetryCount") or 0
    if name != "no":
        found["restart"] = {"policy": name, **({"maxAttempts": count} if count else {})}
    return found


def limits_of(host: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    """Yield the limits that are set, by their names and in the form that a state has them in."""
    for name, (key, unit) in LIMITS.items():
        value = host.get(key)
        if value in (None, 0, "") or (name in {"pids", "memory_swappiness"} and value == -1):
            continue
        if name in SIZES and value != -1:
            yield name, format_quantity(int(value))
        else:
            yield name, value / unit if unit != 1 else value
    if host.get("CpusetCpus"):
        yield "cpuset", host["CpusetCpus"]


def _bindings(ports: Mapping[str, Any]) -> dict[str, Json]:
    return {port: [*_bound(found)] for port, found in ports.items() if found}


def _bound(found: Any) -> list[str]:
    return sorted(f"{each.get('HostIp') or ''}:{each.get('HostPort') or ''}" for each in found)


def _live_mounts(mounts: Any, host: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    for each in mounts:
        if each.get("Type") != "tmpfs":
            name = each.get("Name") if each.get("Type") == "volume" else each.get("Source")
            yield each["Destination"], _shown(each.get("Type"), name, bool(each.get("RW", True)))
    yield from _tmpfs(host)


def _asked_mounts(host: Mapping[str, Any], of_image: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    for path in of_image:
        yield path, _shown("volume", None, True)
    for line in host.get("Binds") or ():
        source, target, *options = line.split(":")
        yield target, _shown("bind", source, "ro" not in (options or [""])[0].split(","))
    for each in host.get("Mounts") or ():
        if each["Type"] != "tmpfs":
            yield each["Target"], _shown(each["Type"], each.get("Source"), not each.get("ReadOnly"))
    yield from _tmpfs(host)


def _tmpfs(host: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    """Yield what is in memory, told alike whether it was asked for as `--tmpfs /path:size=1m` or as a mount."""
    for path, options in (host.get("Tmpfs") or {}).items():
        words = dict(option.partition("=")[::2] for option in str(options).split(",") if option)
        size, mode = _bytes(words.pop("size", "")), words.pop("mode", "")
        rest = ",".join(f"{key}={value}" if value else key for key, value in sorted(words.items()))
        yield path, " ".join(filter(None, ("tmpfs", size, str(int(mode, 8)) if _OCTAL.fullmatch(mode) else mode, rest)))
    for each in host.get("Mounts") or ():
        if each.get("Type") == "tmpfs":
            asked = each.get("TmpfsOptions") or {}
            yield each["Target"], " ".join(filter(None, ("tmpfs", str(asked.get("SizeBytes") or ""), str(asked.get("Mode") or ""))))


def _bytes(size: str) -> str:
    """Return a size of tmpfs(5) in bytes; a share of memory stays as it is."""
    found = _SIZE.fullmatch(size)
    return str(int(found[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[found[2].lower()]) if found is not None else size


def _shown(type: Any, name: Any, is_writable: bool) -> str:
    """Return a mount in one line; a volume without a name of its own is any."""
    who = "" if name is None or (type == "volume" and ANONYMOUS.fullmatch(str(name))) else f" {name}"
    return f"{type}{who}{'' if is_writable else ' read-only'}"


def _endpoint(endpoint: Mapping[str, Any], short: str) -> dict[str, Json]:
    """Return how a container is on a network: `on` always, so that being there is something."""
    ipam = endpoint.get("IPAMConfig") or {}
    found: dict[str, Json] = {
        "on": True,
        "aliases": sorted({*(endpoint.get("Aliases") or ())} - {short}),
        "links": sorted(endpoint.get("Links") or ()),
        "ipv4": ipam.get("IPv4Address"),
        "ipv6": ipam.get("IPv6Address"),
        "options": _plain(endpoint.get("DriverOpts")),
    }
    return {key: value for key, value in found.items() if value not in (None, "", [], {})}


def _plain(value: Any) -> Json:
    """Return a value without what is empty in it: engines of different ages write null, "", [] and 0 for nothing."""
    if isinstance(value, Mapping):
        return {key: each for key, inner in sorted(value.items()) if (each := _plain(inner)) not in (None, "", [], {}, 0, False)}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    plain: Json = None if value in ("", 0, False) else value
    return plain


def _sorted(key: str, value: Json) -> Json:
    return sorted(value, key=str) if key in _ORDERLESS and isinstance(value, list) else value


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def drift(learnt: View, live: View) -> tuple[str, ...]:
    """Return the keys in which a container differs from what it was right after we made it, sorted."""
    return tuple(sorted(key for key in learnt.keys() | live.keys() if learnt.get(key) != live.get(key)))


def unlike(wanted: View, live: View) -> tuple[str, ...]:
    """Return the keys in which a container that we did not make differs from what it should be, as far as that can be told."""
    keys = (key for key in wanted.keys() | live.keys() if not _is_like(key, wanted.get(key), live.get(key)))
    return tuple(sorted(keys))


def _is_like(key: str, wanted: Json, live: Json) -> bool:
    if wanted == live:
        return True
    if wanted is None:
        return key in FILLED
    if key == "config.StopTimeout" and live is None:
        return wanted == STOP_S
    if key.startswith("network.") and isinstance(wanted, dict) and isinstance(live, dict):
        return _is_on(wanted, live)
    return False


def _is_on(wanted: Mapping[str, Json], live: Mapping[str, Json]) -> bool:
    """Say whether an endpoint has what is wanted of it; further aliases harm nobody."""
    one, other = wanted.get("aliases") or [], live.get("aliases") or []
    rest = {key for key in wanted.keys() | live.keys() if key != "aliases" and wanted.get(key) != live.get(key)}
    return not rest and isinstance(one, list) and isinstance(other, list) and set(map(str, one)) <= set(map(str, other))


CLASSES: Mapping[str, str] = {"network": "network", "mount": "mount", "image": "image"}


def class_of(key: str) -> str:
    """Return the class of a drift: `attribute`, `network`, `mount` or `image`."""
    return CLASSES.get(key.partition(".")[0], "attribute")


def said(key: str, wanted: Json, live: Json) -> str:
    """Return one difference for people."""
    if key.startswith("network."):
        return "not on it" if live is None else "on it" if wanted is None else "on it otherwise"
    if key.startswith("env.") or live is None:
        return "gone" if live is None else "added" if wanted is None else "another value"
    return str(live)[:200]
