"""Where a resource is known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from holdfast.kit.once import one_word

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
        return cls.of((destination, kind, namespace, rest))

    @classmethod
    def of(cls, parts: Sequence[str]) -> ResourceId:
        """Return the id of these four parts, read from somewhere; of thousands, the words that are the same are kept once."""
        destination, kind, namespace, name = cls(*parts)
        return cls(one_word(destination), one_word(kind), one_word(namespace), name)


@lru_cache(maxsize=1024)
def one_set(ids: frozenset[ResourceId]) -> frozenset[ResourceId]:
    """Return the one set for all that are equal: thousands of resources need the same."""
    return ids
