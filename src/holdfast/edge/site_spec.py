"""What a person may write about a Site: which hosts, what answers, and for which paths something else does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from holdfast.edge.route_spec import MaintenanceSpec, PauseSpec, Route
from holdfast.edge.scalar import Host, Pattern, UrlPath
from holdfast.model.scalars import Name


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSpec(Route):
    """One path that is answered otherwise. What it does not say is as the Site says."""

    path: UrlPath | Pattern
    """The path; with `match: regex` a pattern."""
    match: Literal["prefix", "exact", "regex"] = "prefix"
    """`prefix`: it and what is below; `exact`: it alone; `regex`: a pattern, looked at after every prefix but `/`, in the order written."""
    strip_prefix: bool = False
    """Whether the application gets the path without it."""
    name: Name | None = None
    """What logs and objectives call it; the path without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSpec(Route):
    """A web site: hosts, their certificate, and what answers. Without any of `service`, `targets`, `static`, `redirect` and
    `respond` only its `paths` answer.
    """

    hosts: tuple[Host, ...]
    """Names that it answers to."""
    canonical_host: Host | None = None
    """The one name that it is found under; the others redirect to it."""
    redirect_http: bool = True
    """Whether plain HTTP is redirected to HTTPS."""
    certificate: Literal["auto", "selfSigned", "none"] | Name = "auto"
    """`auto`: by the Edge's issuer; `selfSigned`; the name of a Certificate; `none`: plain HTTP only."""
    maintenance: MaintenanceSpec = MaintenanceSpec()  # noqa: RUF009 - frozen
    """A page instead of the application."""
    pause: PauseSpec = PauseSpec()  # noqa: RUF009 - frozen
    """Let requests wait instead of failing."""
    paths: tuple[PathSpec, ...] = ()
    """Paths that are answered otherwise."""
