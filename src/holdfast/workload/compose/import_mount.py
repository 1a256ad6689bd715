"""Import mount: what a container sees of volumes and of its host → the volumes of a service."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.workload.compose.import_seen import Seen, escaped

_ANONYMOUS = re.compile(r"[0-9a-f]{64}")


def mounts(seen: Seen) -> dict[str, Any]:
    asked = {each.get("Target"): each for each in seen.host.get("Mounts") or ()}
    bound = {part[1]: part for part in (str(each).split(":") for each in seen.host.get("Binds") or ()) if len(part) > 1}
    volumes: list[Json] = []
    for each in sorted(seen.container.get("Mounts") or (), key=lambda it: str(it.get("Destination"))):
        target = str(each.get("Destination", ""))
        made = _mount(seen, each, target, asked.get(target, {}), bound.get(target, []))
        if made is not None:
            volumes.append(made)
    memory = [f"{path}:{options}" if options else path for path, options in sorted((seen.host.get("Tmpfs") or {}).items())]
    found: dict[str, Any] = {"volumes": volumes} if volumes else {}
    return found | ({"tmpfs": memory} if memory else {})


def _mount(seen: Seen, each: Mapping[str, Any], target: str, asked: Mapping[str, Any], bound: Sequence[str]) -> Json:
    kind, options = str(each.get("Type", "")), set(bound[2].split(",")) if len(bound) > 2 else set()
    made: dict[str, Json] = {"type": kind, "target": target}
    if each.get("RW") is False:
        made["read_only"] = True
    match kind:
        case "bind":
            made = {"type": kind, "source": escaped(str(each.get("Source", ""))), **{key: made[key] for key in made if key != "type"}}
            more: dict[str, Json] = {}
            if each.get("Propagation") not in (None, "", "rprivate"):
                more["propagation"] = each["Propagation"]
            if selinux := next((word for word in ("z", "Z") if word in options), None):
                more["selinux"] = selinux
            if asked and not (asked.get("BindOptions") or {}).get("CreateMountpoint"):
                more["create_host_path"] = False
            return made | ({"bind": more} if more else {})
        case "volume":
            name = str(each.get("Name", ""))
            if name not in seen.around.volumes:
                return _anonymous(seen, name, target, made)
            made = {"type": kind, "source": seen.around.volumes[name], **{key: made[key] for key in made if key != "type"}}
            is_bare = "nocopy" in options or (asked.get("VolumeOptions") or {}).get("NoCopy")
            return made | ({"volume": {"nocopy": True}} if is_bare else {})
        case "tmpfs":
            wanted = asked.get("TmpfsOptions") or {}
            inner: dict[str, Json] = {"size": wanted["SizeBytes"]} if wanted.get("SizeBytes") else {}
            if wanted.get("Mode"):
                inner["mode"] = int(wanted["Mode"])
            return made | ({"tmpfs": inner} if inner else {})
    seen.left(f"a mount of type {kind or 'unknown'} at {target} is left out")
    return None


def _anonymous(seen: Seen, name: str, target: str, made: dict[str, Json]) -> Json:
    """Return a volume that has no name of a person's; one that the image asks for comes by itseen."""
    if not _ANONYMOUS.fullmatch(name):
        seen.left(f"volume {name} at {target} was not looked at")
    seen.left(f"what is at {target} lies in a volume without a name: another container begins with an empty one")
    return None if target in (seen.built.get("Volumes") or {}) else made
