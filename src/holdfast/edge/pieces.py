"""Pieces: what one part adds to the configuration, while it is rendered.

Filled by the `render_…` modules, handed to `fold` as a Compiled. What this nginx cannot do is said here, with the place in Git.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.edge.breaker import Guarded
from holdfast.edge.directive import is_there
from holdfast.edge.part import Part, Path
from holdfast.edge.target_health import Check
from holdfast.edge.tree import Directive
from holdfast.edge.world import World, key
from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """One part, rendered."""

    part: Part
    http: tuple[Directive, ...]
    """Upstreams, maps and zones, by names that no other part has."""
    locations: tuple[tuple[Path, tuple[Directive, ...]], ...]
    inner: tuple[Directive, ...]
    """Locations that only nginx itself goes to."""
    server: tuple[Directive, ...]
    """What holds for whole hosts: a client's certificate."""
    pages: Mapping[str, str]
    """File name → HTML."""
    secrets: frozenset[str]
    """Secrets that nginx reads from files."""
    caches: frozenset[str]
    """Names of the folders that answers are kept in."""
    notes: tuple[str, ...]
    """What this nginx does not do, though nothing fails."""
    servers: tuple[Directive, ...] = ()
    """Of a file of nginx: all that its hosts have."""
    checks: tuple[Check, ...] = ()
    """Targets that are asked whether they are well."""
    guarded: tuple[Guarded, ...] = ()
    """Paths with a breaker."""


@dataclass(slots=True, kw_only=True)
class Pieces:
    """The pieces of a part in the making."""

    part: Part
    world: World
    is_tls: bool
    http: dict[str, Directive] = field(default_factory=dict)
    inner: dict[str, Directive] = field(default_factory=dict)
    server: dict[str, Directive] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    caches: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    checks: dict[str, Check] = field(default_factory=dict)
    guarded: list[Guarded] = field(default_factory=list)

    @property
    def site_key(self) -> str:
        return key(self.part.label)

    def path_key(self, path: Path) -> str:
        return key(path.name, path.match, path.path)

    def secret(self, name: str) -> str:
        """Return the path of the file that holds a secret."""
        self.secrets.add(name)
        return self.world.places.secret(name)

    def page(self, html: str) -> str:
        """Return the name of the file that holds a page; the same page is one file."""
        name = f"{digest(html)[:16]}.html"
        self.pages[name] = html
        return name

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def require(self, directive: str, field: str) -> None:
        """Refuse a field whose directive this nginx does not know."""
        if not is_there(directive, self.world.capability):
            raise self.refusal(
                "HF1323", f"{self.world.capability} has no {directive}, which {field} needs", "upgrade nginx, or leave it out"
            )

    def refusal(self, code: str, reason: str, hint: str | None = None) -> DeclarationError:
        return refusal(self.part, code, reason, hint)

    def compiled(self, locations: tuple[tuple[Path, tuple[Directive, ...]], ...]) -> Compiled:
        return Compiled(
            part=self.part,
            http=tuple(self.http[name] for name in sorted(self.http)),
            locations=locations,
            inner=tuple(self.inner[name] for name in sorted(self.inner)),
            server=tuple(self.server[name] for name in sorted(self.server)),
            pages=dict(sorted(self.pages.items())),
            secrets=frozenset(self.secrets),
            caches=frozenset(self.caches),
            notes=tuple(self.notes),
            checks=tuple(self.checks[name] for name in sorted(self.checks)),
            guarded=tuple(self.guarded),
        )


def refusal(part: Part, code: str, reason: str, hint: str | None = None) -> DeclarationError:
    """Return the error of a part, at the place in Git that a person must edit."""
    where = [Where(path=part.origin.path, line=part.origin.line)] if part.origin is not None else []
    return DeclarationError(code, f"cannot serve {part.title}: {reason}", where=where, hint=hint)
