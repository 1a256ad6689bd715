"""Registry: which kinds and formats there are. `app` fills it; nothing registers itself.

Asked by manifest (what is this document?), render (whose file is this?) and derive (what becomes of this resource?).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeGuard

from holdfast.errors import Bug
from holdfast.kit.suggest import did_you_mean
from holdfast.model.declaration import Asking, Foreign, Format, Joining, Kind, Released, Whole


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Immutable. A kind or format that stands twice is a Bug."""

    kinds: tuple[Kind, ...] = ()
    formats: tuple[Format, ...] = field(default=())
    cluster_formats: tuple[Format, ...] = ()
    """Those of files that mean something for clusters alone (a chart)."""
    foreign: Foreign | None = None
    """What stands for the kinds of clusters, which nobody registers one by one."""

    def __post_init__(self) -> None:
        names = [kind.name for kind in self.kinds] + [each.name for each in (*self.formats, *self.cluster_formats)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise Bug("HF9001", f"cannot register {', '.join(twice)}: the name stands twice")

    @cached_property
    def _by_name(self) -> Mapping[str, Kind]:
        return {kind.name: kind for kind in self.kinds}

    @cached_property
    def _by_version(self) -> Mapping[tuple[str, str], Kind]:
        return {(kind.api_version, kind.name.rpartition("/")[2]): kind for kind in self.kinds}

    def kind(self, name: str) -> Kind | None:
        """Return the kind that a ResourceId calls `name`."""
        return self._by_name.get(name, self.foreign)

    def of(self, api_version: str, kind: str) -> Kind | None:
        """Return the kind of a document."""
        return self._by_version.get((api_version, kind))

    def foreign_at(self, destination: str) -> Foreign | None:
        """Return who reads what a file for `destination` holds, where that is a cluster's."""
        return self.foreign if self.foreign is not None and self.foreign.reads(destination) else None

    @cached_property
    def for_clusters(self) -> Registry:
        """As it is for clusters: of other tools' files only those count that say all of a path (a kustomization)."""
        whole = (form for form in self.formats if isinstance(form, Whole) and form.whole)
        return replace(self, formats=(*whole, *self.cluster_formats), cluster_formats=())

    @cached_property
    def released(self) -> Mapping[str, Released]:
        """Kinds that run from the release, by name."""
        return {name: kind for name, kind in self._by_name.items() if _is_released(kind)}

    @cached_property
    def asking(self) -> Mapping[str, Asking]:
        """Kinds whose declarations may ask for files, by name."""
        return {name: kind for name, kind in self._by_name.items() if _is_asking(kind)}

    @cached_property
    def joining(self) -> Mapping[str, Joining]:
        """Kinds whose resources depend on others of their Application, by name."""
        return {name: kind for name, kind in self._by_name.items() if _is_joining(kind)}

    def format_of(self, path: str) -> Format | None:
        """Return the first format whose file `path` is."""
        return next((each for each in self.formats if each.matches(path)), None)

    def format(self, name: str) -> Format | None:
        return next((each for each in self.formats if each.name == name), None)

    def near_format(self, name: str) -> str | None:
        return did_you_mean(name, [each.name for each in self.formats])


def _is_released(kind: object) -> TypeGuard[Released]:
    return isinstance(kind, Released)


def _is_asking(kind: object) -> TypeGuard[Asking]:
    return isinstance(kind, Asking)


def _is_joining(kind: object) -> TypeGuard[Joining]:
    return isinstance(kind, Joining)
