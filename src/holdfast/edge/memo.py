"""Memo: what was rendered last, so that of a thousand Sites only the one that changed is rendered anew.

Law: a fold with a memo, whatever it folded before, gives what one without gives. What a part is rendered from is compared, not assumed:
the part itself, and of the world what it asks of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from holdfast.edge.part import Part, backends, service_id
from holdfast.edge.pieces import Compiled
from holdfast.edge.render_server import render_part
from holdfast.edge.route_spec import TargetSpec
from holdfast.edge.tree import Directive
from holdfast.edge.world import World
from holdfast.model.ids import ResourceId


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rendered:
    part: Part
    services: tuple[str, ...]
    """Services and host names whose addresses it was rendered with, and those addresses."""
    hosts: tuple[str, ...]
    addresses: tuple[object, ...]
    out: frozenset[str]
    compiled: Compiled


class Memo:
    """For one caller; holds what the last fold used, and nothing else."""

    def __init__(self) -> None:
        self._around: tuple[object, ...] | None = None
        self._rendered: Mapping[tuple[ResourceId, str], _Rendered] = {}
        self._texts: Mapping[object, tuple[Sequence[object], str]] = {}
        self._used: dict[tuple[ResourceId, str], _Rendered] = {}
        self._written: dict[object, tuple[Sequence[object], str]] = {}

    def begin(self, world: World) -> None:
        """Say that a fold begins; what is around all parts is compared once."""
        around = (world.capability, world.places, world.edge)
        if around != self._around:
            self._around, self._used, self._written = around, {}, {}
        self._rendered, self._used = self._used, {}
        self._texts, self._written = self._written, {}

    def render(self, part: Part, world: World) -> Compiled:
        """Return a part rendered, as `render_part` does. Raises what that raises."""
        key = (part.id, part.digest)
        known = self._used.get(key) or self._rendered.get(key)
        if known is None or not _fits(known, part, world):
            known = _rendered(part, world)
        self._used[key] = known
        return known.compiled

    def text(self, name: object, of: Sequence[Compiled] | tuple[Directive, ...], make: Callable[[], str]) -> str:
        """Return a text that is made of these, by a name that no other text has."""
        known = self._texts.get(name)
        is_same = known is not None and len(known[0]) == len(of) and all(old is new for old, new in zip(known[0], of, strict=True))
        self._written[name] = kept = known if is_same and known is not None else (of, make())
        return kept[1]


def _fits(known: _Rendered, part: Part, world: World) -> bool:
    return (
        (known.part is part or known.part == part)
        and known.addresses == _addresses(part, known.services, known.hosts, world)
        and (not known.compiled.checks or known.out == world.out)
    )


def _addresses(part: Part, services: tuple[str, ...], hosts: tuple[str, ...], world: World) -> tuple[object, ...]:
    """Return the addresses that a part asks for, and which of them refuse."""
    held = {address for service in services for address in world.slots.get(service) or part.slots.get(service, ())}
    found = map(world.slots.get, services), map(world.resolved.get, hosts)
    return (*found[0], *found[1], held & world.resting, held & world.spare)


def _rendered(part: Part, world: World) -> _Rendered:
    found = tuple(backends(part.spec))
    services = tuple(dict.fromkeys(service for each in found if (service := service_id(each, part.id)) is not None))
    targets = (target.address if isinstance(target, TargetSpec) else target for each in found for target in each.targets)
    hosts = tuple(dict.fromkeys(target.rpartition(":")[0] for target in targets))
    return _Rendered(
        part=part,
        services=services,
        hosts=hosts,
        addresses=_addresses(part, services, hosts, world),
        out=world.out,
        compiled=render_part(part, world),
    )
