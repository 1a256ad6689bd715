"""Drift: what is not as it was applied, on three levels, and whose it is.

files    what lies there for the next reload: configuration, pages, flags        told by the kernel at once
memory   what the workers hold: another generation, or workers that nobody of us had made     looked at every few seconds
wire     what a visitor gets                                                      each host in turn

A changed line is the Site's that it was rendered for. What is nobody's is shown at the Edge, and where none is declared at the first Site.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache

from holdfast.edge.fold import Folded
from holdfast.edge.part import KIND, Part
from holdfast.edge.render_guard import MAINTENANCE, PAUSED
from holdfast.edge.world import key
from holdfast.engines.nginx.port import Edit, Nginx
from holdfast.engines.nginx.proving import Look
from holdfast.engines.nginx.roster import Roster, edge_resource
from holdfast.model.ids import ResourceId


class Drift:
    """Holds what was found in memory and on the wire until it is put right; files are looked at when they are asked for.

    `flags`: those that close Sites, as they should be.
    """

    def __init__(self, *, nginx: Nginx, roster: Roster, flags: Callable[[], frozenset[str]]) -> None:
        self._nginx = nginx
        self._wanted = flags
        self._roster = roster
        self.memory: str | None = None
        self.wire: dict[ResourceId, str] = {}
        self._told: frozenset[Edit] = frozenset()

    @property
    def must_reload(self) -> bool:
        """Whether what the workers hold, not only a file, may be another's."""
        return self.memory is not None or bool(self.wire)

    def mended(self) -> None:
        """Say that everything was read again from what we wrote."""
        self.memory = None
        self.wire.clear()

    def of(self, ids: Collection[ResourceId], folded: Folded | None) -> Mapping[ResourceId, str]:
        """Return what is wrong with those of some resources that something is wrong with, one sentence each."""
        found = {**self.wire, **self._on_disk_and_in_memory(ids, folded)}
        return {id: why for id, why in found.items() if id in ids}

    def all(self, folded: Folded) -> Mapping[ResourceId, str]:
        """Return what is wrong with each resource that something is wrong with."""
        return self.of(self._roster.resources.keys(), folded)

    def levels(self, id: ResourceId, folded: Folded | None) -> dict[str, str | None]:
        """Return what is wrong with a resource on each level; None where nothing is."""
        return {"files": self._on_disk([id], folded).get(id), "memory": self.memory, "wire": self.wire.get(id)}

    def _on_disk_and_in_memory(self, ids: Collection[ResourceId], folded: Folded | None) -> Mapping[ResourceId, str]:
        found = self._on_disk(ids, folded)
        if self.memory is not None and (anybody := self._anybody()) is not None:
            found.setdefault(anybody, self.memory)
        return found

    def _on_disk(self, ids: Collection[ResourceId], folded: Folded | None) -> dict[ResourceId, str]:
        found: dict[ResourceId, str] = {}
        for edit in self._nginx.edits():
            for id in self.owners(edit, folded):
                found.setdefault(id, f"{edit.path.rpartition('/')[2]} was changed by somebody else")
        if folded is not None:
            found |= {id: why for id, why in self._flags(ids, folded) if id not in found}
        return found

    def news(self) -> tuple[Edit, ...]:
        """Return the edits that were not returned before."""
        now = frozenset(self._nginx.edits())
        new, self._told = now - self._told, now
        return tuple(sorted(new, key=lambda edit: edit.path))

    def owners(self, edit: Edit, folded: Folded | None) -> tuple[ResourceId, ...]:
        lines = edit.lines if folded is not None else ()
        found = {id for line in lines for id in (folded.owners(line) if folded is not None else ()) if id in self._roster.resources}
        anybody = self._anybody()
        return tuple(sorted(found)) or ((anybody,) if anybody is not None else ())

    def _anybody(self) -> ResourceId | None:
        edge = edge_resource(self._roster.resources.values())
        return edge.id if edge is not None else min((id for id in self._roster.resources if id.kind == KIND), default=None)

    def _flags(self, ids: Iterable[ResourceId], folded: Folded) -> Iterator[tuple[ResourceId, str]]:
        there, wanted = self._nginx.flags(), self._wanted()
        for id in ids:
            part = folded.served.get(id)
            if part is None:
                continue
            for flag, began, ended in (
                (flag_of(part), "put it into maintenance", "ended its maintenance"),
                (flag_of(part, PAUSED), "paused it", "ended its pause"),
            ):
                if (flag in there) is not (flag in wanted):
                    yield id, f"somebody else {began if flag in there else ended}"
                    break

    def seen(self, looked_at: Iterable[Look], wrong: Iterable[tuple[Look, str]], folded: Folded) -> tuple[ResourceId, ...]:
        """Take in what visits showed; return the ids that are told something new of."""
        found = {id: f"{look.visit.url}: {why}" for look, why in wrong for id in _of_host(look, folded)}
        checked = {id for look in looked_at for id in _of_host(look, folded)}
        changed = tuple(sorted(id for id in checked if found.get(id) != self.wire.get(id)))
        for id in checked:
            self.wire.pop(id, None)
        self.wire |= found
        return changed


def flag_of(part: Part, suffix: str = MAINTENANCE) -> str:
    return f"{_key(part.label)}{suffix}"


@lru_cache(maxsize=4_096)
def _key(label: str) -> str:
    return key(label)


def _of_host(look: Look, folded: Folded) -> tuple[ResourceId, ...]:
    return tuple(id for id, part in folded.served.items() if look.host in part.spec.hosts)
