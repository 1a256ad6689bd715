"""Project: what the Applications of an AppProject may do (Argo CD `IsSourcePermitted`, `IsDestinationPermitted`), and when.

Law: a pattern that begins with `!` forbids what it matches, whatever else allows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from holdfast.declare.document import Path
from holdfast.delivery.address import Address, comparable, read_address
from holdfast.delivery.permission import RULES, Permission, fits, permits_destination
from holdfast.delivery.project_spec import AppProjectSpec
from holdfast.delivery.sync_window import SyncWindow, concerns
from holdfast.errors import Where
from holdfast.model.resource import Origin, Warning
from holdfast.model.terms import OrphanPattern, OrphanTerms

DEFAULT = "default"
"""The project of Applications that name none; where nobody declares it, it allows everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """An AppProject, read."""

    name: str
    spec: AppProjectSpec
    origin: Origin
    place: Callable[[Path], Where]
    folder: str | None
    """Absolute folder of its file; None where no operator gave it."""
    warnings: tuple[Warning, ...] = ()

    def permits_repository(self, repository: str) -> bool:
        """Say whether an Application may follow `repository`, an address or an absolute folder."""
        wanted, is_permitted = comparable(repository), False
        for pattern in self.spec.source_repos:
            is_deny = pattern.startswith("!")
            if fits(self._pattern(pattern.removeprefix("!")), wanted, separated=True):
                if is_deny:
                    return False
                is_permitted = True
            elif is_deny:
                # As Argo CD has it: what a denying pattern leaves out, it allows.
                is_permitted = True
        return is_permitted

    def permits_destination(self, server: str, name: str, namespace: str) -> bool:
        """Say whether an Application may go to a destination, of which `server` or `name` is empty."""
        return permits_destination(self.spec.destinations, server, name, namespace)

    def permission(self, server: str, name: str) -> Permission:
        """Return what the objects of an Application for a destination may be."""
        spec = self.spec
        return Permission(
            project=self.name,
            server=server,
            name=name,
            destinations=spec.destinations,
            cluster_allowed=spec.cluster_resource_whitelist,
            cluster_denied=spec.cluster_resource_blacklist,
            namespaced_allowed=spec.namespace_resource_whitelist,
            namespaced_denied=spec.namespace_resource_blacklist,
            places={rule: self.place(("spec", rule)) for rule in RULES},
        )

    @property
    def orphans(self) -> OrphanTerms | None:
        """What is asked for of orphans; None: nothing. `warn` is so unless it is switched off (Argo CD `IsWarn`)."""
        said = self.spec.orphaned_resources
        if said is None:
            return None
        ignored = tuple(OrphanPattern(group=each.group, kind=each.kind, name=each.name) for each in said.ignore)
        return OrphanTerms(warn=said.warn is not False, ignored=ignored)

    def windows(self, application: str, namespace: str, clusters: Sequence[str]) -> tuple[SyncWindow, ...]:
        """Return the sync windows that concern an Application."""
        return tuple(SyncWindow.of(spec) for spec in self.spec.sync_windows if concerns(spec, application, namespace, clusters))

    def _pattern(self, text: str) -> str:
        """Return a pattern of repositories; one that is a folder relative to the project's file, as an absolute one."""
        address = read_address(text, self.folder) if text.startswith(".") else None
        return address.text if isinstance(address, Address) else comparable(text)
