"""Docker hosts of a house: the engine made and wired, the way to each host, and who we are at registries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.engines.docker.address import read_address
from holdfast.engines.docker.building import Commits
from holdfast.engines.docker.client import Client
from holdfast.engines.docker.engine import DockerEngine, ImageNeeds
from holdfast.engines.docker.grounding import Grounding, Places, Users
from holdfast.engines.docker.steps import Left
from holdfast.engines.docker.way import way_to
from holdfast.host.config import Config
from holdfast.host.registry_credentials import RegistryCredentials, config_path
from holdfast.host.secrets import FileSecrets
from holdfast.kit.clock import Clock, Random
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Emit, Records
from holdfast.model.resource import Resource

SPACES = ("docker", "docker.images", "docker.kept", "docker.forecasts")
"""Of the records that it keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerNeeds:
    """What a house lends to its docker engine."""

    config: Config
    records: Mapping[str, Records]
    secrets: FileSecrets
    users: Users
    places: Places
    commits: Commits
    data: Path
    emit: Emit
    described: Callable[[ResourceId], Iterable[Resource]]
    applied: Callable[[ResourceId], Resource | None]
    left: Left
    moved: Callable[[], None]
    clock: Clock
    random: Random
    crashed: Callable[[str, BaseException], None]


def docker_engine(it: DockerNeeds) -> DockerEngine:
    folder = it.config.get("docker.certificates")
    certificates = Path(folder) if folder else None

    def connect(destination: str) -> Client:
        address = read_address(destination)
        return Client(address, way_to(address, certificates=certificates))

    return DockerEngine(
        connect=connect,
        installation=it.secrets.mark("docker installation")[:16],
        records=it.records["docker"],
        images=ImageNeeds(
            pins=it.records["docker.images"],
            kept=it.records["docker.kept"],
            forecasts=it.records["docker.forecasts"],
            credentials=RegistryCredentials(config_path(os.environ), os.environ),
            commits=it.commits,
            most=lambda: int(it.config.get("docker.keep_images")),
        ),
        grounding=Grounding(described=it.described, secrets=it.secrets, users=it.users, places=it.places, data=it.data),
        described=it.described,
        applied=it.applied,
        mark=it.secrets.mark,
        emit=it.emit,
        clock=it.clock,
        random=it.random,
        left=it.left,
        moved=it.moved,
        crashed=it.crashed,
    )
