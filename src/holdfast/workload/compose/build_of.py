"""Build of: the build of a service in long form → how its image is built. Called by container_of."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.workload.build_spec import BuildSpec
from holdfast.workload.compose import unit
from holdfast.workload.compose.forms import is_remote
from holdfast.workload.compose.node import Node
from holdfast.workload.compose.told import Told


def build_of(name: str, node: Node, platform: str | None, told: Told) -> BuildSpec | None:
    """Return the build; None, with an error, where its context is none of the repository or it is for several platforms."""
    context = node.text("context") or "."
    if is_remote(context) or context.startswith(("/", "~")):
        what = "somewhere else" if is_remote(context) else "a path of the host"
        hint = "build from a folder of the repository"
        told.error("HF1404", node.get("context") or node, f"services.{name}.build: context {context} is {what}", hint)
        return None
    platforms = _texts(node, "platforms")
    if len(platforms) > 1:
        reason = f"services.{name}.build.platforms: only BuildKit builds for several, and images are built by the engine's own builder"
        told.error("HF1433", node.fields["platforms"], reason, "name the one of the Docker host")
        return None
    shm_size = _scalar(node.get("shm_size"))
    hosts = node.get("extra_hosts")
    return BuildSpec(
        context=context,
        dockerfile=node.text("dockerfile") or "Dockerfile",
        inline=node.text("dockerfile_inline"),
        target=node.text("target") or None,
        args={key: unit.written(_scalar(each)) for key, each in _fields(node, "args").items() if each.value is not None},
        labels={key: unit.written(_scalar(each)) for key, each in _fields(node, "labels").items()},
        platform=next(iter(platforms), platform),
        network=node.text("network") or None,
        extra_hosts=tuple(str(each.value) for each in hosts.items) if hosts is not None else (),
        shm_size=int(shm_size) if isinstance(shm_size, str | int | float) and shm_size else None,
        cache_from=_texts(node, "cache_from"),
        pull=_is(node, "pull"),
        no_cache=_is(node, "no_cache"),
        tags=_texts(node, "tags"),
    )


def _scalar(node: Node | None) -> str | int | float | bool | None:
    value = node.value if node is not None else None
    return None if isinstance(value, tuple | Mapping) else value


def _fields(node: Node, key: str) -> Mapping[str, Node]:
    found = node.get(key)
    return found.fields if found is not None else {}


def _texts(node: Node, key: str) -> tuple[str, ...]:
    found = node.get(key)
    return tuple(str(each.value) for each in found.items) if found is not None else ()


def _is(node: Node, key: str) -> bool:
    found = node.get(key)
    return found is not None and found.value is True
