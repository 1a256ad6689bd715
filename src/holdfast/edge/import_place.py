"""A place in nginx files that is imported: what is in force there, and the notebook of what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.edge.import_result import NeededSecret, Remark
from holdfast.edge.import_value import filled
from holdfast.edge.tree import Directive

_ODD = re.compile(r"[^a-z0-9.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the whole configuration says, and what is known of the host."""

    groups: Mapping[str, Directive]
    """Upstreams by name."""
    zones: Mapping[str, Directive]
    """`limit_req_zone` and `limit_conn_zone` by their zone."""
    variables: frozenset[str]
    """Names that the files give values to: nobody else knows them."""
    by_scheme: Mapping[str, Directive]
    """Maps of `$scheme`, by their variable."""
    folders: Mapping[str, str]
    """Folder of the host → where its files are in the repository."""

    def of_scheme(self, scheme: str) -> dict[str, str]:
        """Return the variables that are made of the scheme."""
        found = {}
        for name, block in self.by_scheme.items():
            values = {entry.name: entry.args[0] for entry in block.block or () if entry.args}
            found[name] = values.get(scheme, values.get("default", ""))
        return found

    def in_repository(self, path: str) -> str | None:
        """Return where a folder of the host is in the repository; None where nobody said."""
        plain = path.rstrip("/") or "/"
        for folder in sorted(self.folders, key=len, reverse=True):
            base = folder.rstrip("/")
            if plain == base or plain.startswith(f"{base}/"):
                steps = [step for step in (*self.folders[folder].split("/"), *plain[len(base) :].split("/")) if step not in {"", "."}]
                return "/".join(steps) or "."
        return None


@dataclass(slots=True)
class Notebook:
    """What is written down while one server is read."""

    reasons: list[Remark] = field(default_factory=list)
    """Why it must stay as it is."""
    changes: list[Remark] = field(default_factory=list)
    dropped: dict[str, Remark] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    """Path → name of the secret that holds the file."""

    def cannot(self, directive: Directive, reason: str) -> None:
        remark = Remark(rule="raw", message=reason, where=directive.where)
        if remark not in self.reasons:
            self.reasons.append(remark)

    def change(self, rule: str, message: str, directive: Directive) -> None:
        if not any(each.rule == rule and each.message == message for each in self.changes):
            self.changes.append(Remark(rule=rule, message=message, where=directive.where))

    def drop(self, directive: Directive, why: str) -> None:
        self.dropped.setdefault(why, Remark(rule="left-to-edge", message=why, where=directive.where))

    def secret(self, path: str) -> str:
        """Return the name of the secret that is to hold a file."""
        plain = _ODD.sub("-", path.rpartition("/")[2].lower().lstrip(".")).strip("-.") or "file"
        taken = {name for other, name in self.secrets.items() if other != path}
        name = next(each for each in (plain, *(f"{plain}-{at}" for at in range(2, 1_000))) if each not in taken)
        return self.secrets.setdefault(path, name)


def secrets_of(notebooks: Sequence[Notebook]) -> tuple[NeededSecret, ...]:
    found = {(name, path) for each in notebooks for path, name in each.secrets.items()}
    return tuple(NeededSecret(name=name, path=path) for name, path in sorted(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a request has come to: the blocks, from `http` to the location, and the variables whose value is known there."""

    levels: tuple[Directive, ...]
    known: Mapping[str, str]
    is_tls: bool
    hosts: tuple[str, ...]

    @property
    def block(self) -> Directive:
        return self.levels[-1]

    def said(self, *names: str) -> tuple[Directive, ...]:
        """Return what is in force of some directives that make one list: what the nearest level that says any of them says."""
        for level in reversed(self.levels):
            if found := tuple(each for each in level.block or () if each.name in names):
                return found
        return ()

    def all(self, name: str) -> tuple[tuple[Directive, bool], ...]:
        """Return what every level says of a directive, the nearest first, each with whether it is in force."""
        in_force = self.said(name)
        return tuple((each, each in in_force) for level in reversed(self.levels) for each in reversed(level.all(name)))

    def own(self, *names: str) -> tuple[Directive, ...]:
        """Return what the innermost level says itself."""
        return tuple(each for each in self.block.block or () if each.name in names)

    def word(self, name: str) -> str | None:
        """Return the first argument of what is in force, its variables put in."""
        found = self.said(name)
        return self.fill(found[-1].args[0]) if found and found[-1].args else None

    def fill(self, text: str) -> str:
        return filled(text, self.known)

    def names(self) -> Mapping[str, Directive]:
        """Return one directive of each name that is in force."""
        return {each.name: each for level in self.levels for each in level.block or ()}
