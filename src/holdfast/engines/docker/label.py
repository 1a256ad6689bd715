"""Labels and names of what is made: ours, by which it is found again, and compose's, by which its tools see it."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.model.ids import ResourceId
from holdfast.workload.container_spec import ContainerSpec

OURS = "dev.holdfast."
ID = "dev.holdfast.id"
"""`Container/shop/web.0`."""
HOUSE = "dev.holdfast.installation"
"""Which Holdfast made it: two on one Docker host leave each other's alone."""
INSTANCE = "dev.holdfast.instance"
"""Token of one life of a container; written down before it is made, so that a lost answer loses nothing."""
APPLICATION = "dev.holdfast.application"
STATE = "dev.holdfast.state"
"""Digest of the state that it was made from."""

COMPOSE = "com.docker.compose."
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
ONEOFF = "com.docker.compose.oneoff"
VERSION = "com.docker.compose.version"
HASH = "com.docker.compose.config-hash"
FILES = "com.docker.compose.project.config_files"
FOLDER = "com.docker.compose.project.working_dir"


def container_name(id: ResourceId, spec: ContainerSpec, replica: int | None) -> str:
    """Return the name that a container has while it serves; as compose's where it comes from compose (`shop-web-1`)."""
    if spec.container_name is not None:
        return spec.container_name
    if spec.project is not None and spec.service is not None:
        return f"{spec.project}-{spec.service}-{(replica or 0) + 1}"
    return f"{id.namespace}-{id.name}"


def of_container(spec: ContainerSpec, replica: int | None, digest: str) -> dict[str, str]:
    """Return compose's labels; none where it comes from no compose file."""
    if spec.project is None or spec.service is None:
        return {}
    return {
        PROJECT: spec.project,
        SERVICE: spec.service,
        NUMBER: str((replica or 0) + 1),
        ONEOFF: "False",
        VERSION: "2",
        HASH: digest,
        FILES: "compose.yaml",
        FOLDER: f"/{spec.project}",
    }


def of_part(kind: str, name: str, project: str | None) -> dict[str, str]:
    """Return compose's labels of a network or volume."""
    return {} if project is None else {PROJECT: project, f"{COMPOSE}{kind}": name, VERSION: "2"}


def is_own(labels: Mapping[str, str] | None, installation: str) -> bool:
    """Say whether something was made by this installation."""
    return bool(labels) and labels is not None and labels.get(HOUSE) == installation


def is_ours(name: str) -> bool:
    """Say whether a label's name is one that Holdfast or compose gives."""
    return name.startswith((OURS, COMPOSE))
