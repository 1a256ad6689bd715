"""What an import gives: Sites, with what changes for whom, and what stays as it is, with why."""

from __future__ import annotations

from dataclasses import dataclass, field

from holdfast.edge.certificate_spec import CertificateSpec
from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.tree import Directive
from holdfast.errors import Where
from holdfast.kit.canonical import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing that a person should know. `rule`: of the review where it mends a finding, else one of the import's own."""

    rule: str
    message: str
    where: Where | None = None

    def to_json(self) -> dict[str, Json]:
        return {"rule": self.rule, "message": self.message, "at": None if self.where is None else str(self.where)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSite:
    """A Site that answers as servers did."""

    name: str
    spec: SiteSpec
    where: Where | None
    """The server that it was made of."""
    changes: tuple[Remark, ...]
    """What is otherwise now, each once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What no Site says, as it was, with what it refers to."""

    name: str
    directives: tuple[Directive, ...]
    reasons: tuple[Remark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededSecret:
    """A secret that must be made of a file of the host."""

    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """All that came of files."""

    edge: EdgeSpec | None = None
    """None where the defaults do."""
    certificates: tuple[tuple[str, CertificateSpec], ...] = ()
    sites: tuple[ImportedSite, ...] = ()
    left: tuple[Left, ...] = ()
    secrets: tuple[NeededSecret, ...] = ()
    notes: tuple[Remark, ...] = field(default=())
    """What holds for all: dropped, or taken for granted."""
