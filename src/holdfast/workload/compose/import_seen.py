"""Seen: one container as Docker says it, and what its service is made in. The other modules of the import take it apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.kit.canonical import Json

PROJECT, SERVICE, NUMBER, ONE_OFF = (f"com.docker.compose.{word}" for word in ("project", "service", "container-number", "oneoff"))
DEPENDS = "com.docker.compose.depends_on"


@dataclass(frozen=True, slots=True)
class Noted:
    """A value with a comment behind it."""

    value: Json
    comment: str


@dataclass(slots=True, kw_only=True)
class Telling:
    """What is told while a service is made: `left` what it cannot say, `flagged` the names of variables that look like secrets."""

    left: list[str] = field(default_factory=list)
    flagged: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a service is made in: `names` of services by container id, keys of networks and volumes by name, the engine's defaults."""

    project: str
    services: Mapping[str, str]
    networks: Mapping[str, str]
    volumes: Mapping[str, str]
    info: Mapping[str, Any]
    with_secrets: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One container: its document and its image's, in what it is made."""

    container: Mapping[str, Any]
    image: Mapping[str, Any]
    around: Surroundings
    telling: Telling

    @property
    def config(self) -> Mapping[str, Any]:
        return self.container.get("Config") or {}

    @property
    def host(self) -> Mapping[str, Any]:
        """What the engine was asked for (HostConfig)."""
        return self.container.get("HostConfig") or {}

    @property
    def built(self) -> Mapping[str, Any]:
        """What the image says."""
        return self.image.get("Config") or {}

    @property
    def name(self) -> str:
        return name_of(self.container)

    def left(self, what: str) -> None:
        """Tell what a service cannot say."""
        self.telling.left.append(f"{self.name}: {what}")


def name_of(container: Mapping[str, Any]) -> str:
    return str(container.get("Name", "")).lstrip("/")


def labels_of(container: Mapping[str, Any]) -> Mapping[str, str]:
    return (container.get("Config") or {}).get("Labels") or {}


def escaped(text: str) -> str:
    """Return a text in which compose finds no variable."""
    return text.replace("$", "$$")


def escaped_all(value: Any) -> Any:
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, list):
        return [escaped_all(each) for each in value]
    return {key: escaped_all(each) for key, each in value.items()} if isinstance(value, dict) else value


def size(number: int) -> Json:
    """Return a size as compose reads it: `512m`, `2g`; bytes where it is no whole number of them."""
    for unit, factor in (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)):
        if number > 0 and number % factor == 0:
            return f"{number // factor}{unit}"
    return number


def port_key(port: str) -> tuple[int, str]:
    number, _, protocol = port.partition("/")
    return int(number) if number.isdigit() else 0, protocol
