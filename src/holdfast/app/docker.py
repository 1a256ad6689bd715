"""Docker hosts of a house: the engine made and wired, the way to each host, and who we are at registries."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.engines.docker.address import read_address
from holdfast.engines.docker.client import Client
from holdfast.engines.docker.engine import DockerEngine
from holdfast.engines.docker.grounding import Grounding, Places, Users
from holdfast.engines.docker.image import HUB, HUB_KEY
from holdfast.engines.docker.steps import Left
from holdfast.engines.docker.way import way_to
from holdfast.errors import Rejected
from holdfast.host.config import Config
from holdfast.host.secrets import FileSecrets
from holdfast.kit.clock import Clock, Random
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Emit, Records
from holdfast.model.resource import Resource

SPACES = ("docker", "docker.images")
"""Of the records that it keeps."""
LARGEST = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerNeeds:
    """What a house lends to its docker engine."""

    config: Config
    records: Mapping[str, Records]
    secrets: FileSecrets
    users: Users
    places: Places
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
        pins=it.records["docker.images"],
        credentials=FileCredentials(it.config.get("docker.credentials")),
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


class FileCredentials:
    """Docker's config.json, read anew for every pull, so that a login needs no restart. Implements `image.Credentials`."""

    def __init__(self, path: str) -> None:
        self._path = path

    def of(self, registry: str) -> Mapping[str, str] | None:
        if not self._path:
            return None
        auths = self._read().get("auths") or {}
        names = (
            (HUB_KEY, HUB) if registry == HUB else (registry, f"https://{registry}", f"https://{registry}/v1/", f"https://{registry}/v2/")
        )
        found = next((auths[name] for name in names if isinstance(auths.get(name), dict)), None)
        return _said(found) if found is not None else None

    def _read(self) -> dict[str, Any]:
        try:
            with open(self._path, "rb") as file:
                found = json.loads(file.read(LARGEST))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no JSON"
            raise Rejected(
                "HF3219", f"cannot read the credentials in {self._path}: {reason}", hint="docker login writes such a file"
            ) from error
        return found if isinstance(found, dict) else {}


def _said(auth: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return who an entry says that we are: a token, or `auth`, which is user:password in base64."""
    if token := auth.get("identitytoken"):
        return {"identitytoken": str(token)}
    try:
        user, colon, password = base64.b64decode(str(auth.get("auth") or "")).decode().partition(":")
    except ValueError:
        return None
    return {"username": user, "password": password} if colon else None
