"""Where a resource is known."""

from __future__ import annotations

from typing import NamedTuple

HOST = "host"
"""The destination of everything that acts on the host that runs Holdfast (`host://local`)."""
DOCKER = ("unix://", "tcp://", "ssh://")
"""How the destination of a Docker host begins."""


class ResourceId(NamedTuple):
    """Text form `Process/shop/web`, `apps/Deployment/prod/web`; `kind` carries its group. JSON carries `destination` beside it."""

    destination: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return "/".join(self[1:])

    @classmethod
    def parse(cls, text: str, destination: str = HOST) -> ResourceId:
        """Return the id that `str` gave, at `destination`; ValueError where it has fewer than three parts or an empty one."""
        kind, _, rest = text.rpartition("/")
        kind, _, namespace = kind.rpartition("/")
        if not (kind and namespace and rest):
            raise ValueError(f"cannot read resource id {text!r}: expected Kind/namespace/name")
        return cls(destination, kind, namespace, rest)
