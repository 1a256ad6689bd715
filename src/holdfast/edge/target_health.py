"""Target health: whether the addresses behind a path pass their check, and who of them is left out. Pure; the looks are the engine's.

A target goes after `fails` failures in a row and comes back after `passes` passes in a row. Laws: an answer that agrees with where a
target stands forgets those that did not; where none passes, none is left out, since an application that may answer is better than one that
is not asked; so the only one stays in.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations

from holdfast.edge.route_spec import HealthSpec
from holdfast.kit.canonical import digest
from holdfast.model.ids import ResourceId

SUFFIX = ".out"
"""Of the flag of a target that is left out."""
FEW = 4
"""Targets up to which every choice of them has a group of its own: 14 besides the whole. Of more, each may be missing alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The targets of one upstream, and how they are asked. `site`: the part whose path it is; `path`: as logs call that."""

    site: ResourceId
    path: str
    group: str
    targets: tuple[str, ...]
    """`host:port`, `[v6]:port` or `unix:/path`."""
    spec: HealthSpec
    host: str
    """Host header of a look."""
    scheme: str = "https"
    """How visitors come to it, which a look says too."""
    is_tls: bool = False
    """Whether the application is spoken to over TLS."""
    server_name: str | None = None
    """Whom to ask for in the handshake; the target's host without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`streak`: answers in a row that speak for the other side."""

    is_in: bool = True
    streak: int = 0


def judge(standing: Standing, *, passed: bool, spec: HealthSpec) -> Standing:
    """Return where a target stands after one more look."""
    if passed is standing.is_in:
        return Standing(is_in=standing.is_in)
    if standing.streak + 1 >= (spec.fails if standing.is_in else spec.passes):
        return Standing(is_in=not standing.is_in)
    return Standing(is_in=standing.is_in, streak=standing.streak + 1)


def left_out(failing: Collection[str], targets: Collection[str]) -> frozenset[str]:
    """Return which targets are not asked: those that fail, unless all do."""
    found = frozenset(failing) & frozenset(targets)
    return frozenset() if len(found) == len(frozenset(targets)) else found


def choices(count: int) -> tuple[tuple[int, ...], ...]:
    """Return the ways to leave out some of so many targets that a configuration has a group for: the places of those left out, ascending.

    nginx below 1.27.3 reads who is in a group only when it reads its configuration, so what may happen is written down beforehand.
    """
    most = count - 1 if count <= FEW else 1
    return tuple(out for size in range(1, most + 1) for out in combinations(range(count), size))


def is_prepared(out: int, count: int) -> bool:
    """Say whether leaving out so many of `count` targets is among the choices, so that it needs no reload."""
    return out == 0 or (out < count and (count <= FEW or out == 1))


def flag_of(group: str, target: str) -> str:
    """Return the name of the file that says that a target of a group is left out."""
    return f"{group}.{digest(target)[:12]}{SUFFIX}"
