"""Supervised: programs within one container, told to the entrypoint that runs them there as JSON, and read back by it.

Derived from the ecosystem file that a compose service names. The entrypoint has no more than Python's own library, so this is plain JSON
and the spec that the supervisor goes by. Law: `read(write(apps)) == apps`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from holdfast.model.scalars import NonEmptyStr, Port, Size
from holdfast.workload.process_spec import LimitsSpec, ProcessSpec, RestartSpec, StopSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisedSpec:
    """A program that is supervised within the container, in one or more instances."""

    name: NonEmptyStr
    """Its name."""
    command: tuple[NonEmptyStr, ...]
    """Program and arguments, never a shell line."""
    working_dir: NonEmptyStr = "."
    """Folder it runs in, relative to the container's."""
    env: Mapping[NonEmptyStr, str] = field(default_factory=dict)
    """Environment, beside the container's."""
    instances: int = 1
    """How many run at once."""
    port: Port | None = None
    """TCP port whose listening socket is held for all its instances, and handed to them (sd_listen_fds(3))."""
    restart: RestartSpec = field(default_factory=RestartSpec)
    """What happens when one exits."""
    stop: StopSpec = field(default_factory=StopSpec)
    """How one is stopped."""
    memory: Size | None = None
    """Memory above which an instance is replaced."""
    cron_restart: NonEmptyStr | None = None
    """When instances are replaced by fresh ones; in UTC."""


def spec_of(app: SupervisedSpec) -> ProcessSpec:
    """Return what the supervisor goes by."""
    return ProcessSpec(command=app.command, restart=app.restart, stop=app.stop, limits=LimitsSpec(memory=app.memory))


def write(apps: Iterable[SupervisedSpec]) -> str:
    return json.dumps([asdict(app) for app in apps], sort_keys=True)


def read(text: str) -> tuple[SupervisedSpec, ...]:
    return tuple(_app(each) for each in json.loads(text))


def _app(data: Mapping[str, Any]) -> SupervisedSpec:
    known = {each.name: data[each.name] for each in fields(SupervisedSpec) if each.name in data}
    restart = RestartSpec(**{**data["restart"], "success_codes": tuple(data["restart"]["success_codes"])})
    return SupervisedSpec(**{**known, "command": tuple(data["command"]), "restart": restart, "stop": StopSpec(**data["stop"])})
