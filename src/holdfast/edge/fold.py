"""Fold: the parts of all Applications → one nginx configuration.

Laws: the same parts give the same bytes, in whatever order they come. A part that cannot be rendered, or wants what another holds, fails
alone: its last good version stays in its place and the others go on. Who holds a path keeps it; of two newcomers the first by name gets it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from holdfast.edge.breaker import Guarded
from holdfast.edge.certificate import covers
from holdfast.edge.difference import defines
from holdfast.edge.edge_spec import UnknownHost
from holdfast.edge.memo import Memo
from holdfast.edge.part import Part
from holdfast.edge.pieces import Compiled, refusal
from holdfast.edge.render_guard import MAINTENANCE, PAUSED
from holdfast.edge.render_http import defaults, main, page_name, shared, status
from holdfast.edge.render_server import certificate_of, servers
from holdfast.edge.target_health import Check
from holdfast.edge.tree import Directive
from holdfast.edge.world import World, key
from holdfast.edge.write import INDENT, show
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import digest_bytes
from holdfast.model.ids import ResourceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A part that is not in the configuration as it was last declared."""

    errors: tuple[DeclarationError, ...]
    is_kept: bool
    """Whether its last good version is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Lines of a configuration, and whose they are."""

    first: int
    last: int
    owners: tuple[ResourceId, ...]
    is_server: bool
    """Whether they are servers, which nothing else in a configuration refers to."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """One configuration, and what it needs to be there."""

    text: str
    generation: str
    """SHA-256 of the configuration and its pages; `/generation` on the private socket answers with it."""
    pages: Mapping[str, str]
    """File name beneath `pages` → HTML."""
    flags: frozenset[str]
    """Files beneath `flags` that Git wants there: Sites in maintenance, and those that are paused."""
    secrets: frozenset[str]
    """Secrets that must lie beneath `secrets`."""
    caches: frozenset[str]
    certificates: frozenset[tuple[str, str]]
    """Namespace and name of each certificate that is shown."""
    served: Mapping[ResourceId, Part]
    """Each part in the version that is in the configuration."""
    failed: Mapping[ResourceId, Refusal]
    notes: Mapping[ResourceId, tuple[str, ...]]
    """What this nginx does not do for a part, or nobody answers yet."""
    checks: tuple[Check, ...]
    """Targets that are asked whether they are well."""
    guarded: tuple[Guarded, ...]
    """Paths with a breaker."""
    pieces: tuple[Piece, ...] = field(repr=False)
    """Of the text, in order, what is somebody's."""

    def owners(self, line: int) -> tuple[ResourceId, ...]:
        """Return whose line of the text that is, for what nginx says of it; empty where it is everybody's."""
        return next((piece.owners for piece in self.pieces if piece.first <= line <= piece.last), ())

    def without(self, other: Folded) -> str:
        """Return the text without the servers that stand in another just so, each line in its place."""
        known = {piece.text for piece in other.pieces if piece.is_server}
        lines = self.text.split("\n")
        for piece in self.pieces:
            if piece.is_server and piece.text in known:
                lines[piece.first - 1 : piece.last] = [""] * (piece.last - piece.first + 1)
        return "\n".join(lines)


def fold(
    parts: Iterable[Part],
    world: World,
    *,
    good: Mapping[ResourceId, Part] | None = None,
    refused: Mapping[ResourceId, DeclarationError] | None = None,
    memo: Memo | None = None,
) -> Folded:
    """Return the configuration of these parts.

    `good`: each part's version that was last seen serving. `refused`: parts, in the version given, that nginx itself has refused. `memo`:
    of the fold before.
    DeclarationError only for what no part can be blamed for: an Edge that this nginx cannot be.
    """
    memo = memo or Memo()
    memo.begin(world)
    chosen = _Chosen({part.id: part for part in parts}, good or {}, refused or {}, world, memo)
    compiled = chosen.settled()
    text, lines, generation = _text(world, compiled, chosen.good, memo)
    pages = {name: html for each in compiled for name, html in each.pages.items()}
    unknown = world.edge.unknown_host
    if isinstance(unknown, UnknownHost):
        pages[page_name(unknown.page)] = unknown.page
    return Folded(
        text=text,
        generation=generation,
        pages=pages,
        flags=frozenset(flag for each in compiled for flag in _flags(each.part)),
        secrets=frozenset().union(*(each.secrets for each in compiled)),
        caches=frozenset().union(*(each.caches for each in compiled)),
        certificates=frozenset(certificate_of(each.part) for each in compiled if each.part.spec.certificate != "none"),
        served={each.part.id: each.part for each in compiled},
        failed=chosen.failed,
        notes={each.part.id: each.notes for each in compiled if each.notes},
        checks=tuple(check for each in compiled for check in each.checks),
        guarded=tuple(path for each in compiled for path in each.guarded),
        pieces=lines,
    )


class _Chosen:
    """Which version of each part goes in, found step by step: whoever fails steps back to its last good version, or out."""

    def __init__(
        self,
        parts: Mapping[ResourceId, Part],
        good: Mapping[ResourceId, Part],
        refused: Mapping[ResourceId, DeclarationError],
        world: World,
        memo: Memo,
    ) -> None:
        self.world = world
        self.memo = memo
        self.good = {id: part for id, part in good.items() if id in parts}
        self.failed: dict[ResourceId, Refusal] = {}
        self.compiled: dict[ResourceId, Compiled] = {}
        for id in sorted(parts):
            error = refused.get(id)
            if error is not None:
                self.fail(parts[id], error)
            else:
                self.take(parts[id])

    def take(self, part: Part) -> None:
        try:
            self.compiled[part.id] = self.memo.render(part, self.world)
        except DeclarationError as error:
            self.fail(part, error)

    def fail(self, part: Part, *errors: DeclarationError) -> None:
        """Put the last good version in the place of a part; where that fails too, nothing."""
        self.compiled.pop(part.id, None)
        good = self.good.get(part.id)
        before = self.failed.get(part.id)
        if good is not None and good.digest != part.digest and before is None:
            try:
                self.compiled[part.id] = self.memo.render(good, self.world)
            except DeclarationError:
                good = None
        else:
            good = None
        self.failed[part.id] = Refusal(errors=before.errors if before is not None else errors, is_kept=good is not None)

    def settled(self) -> tuple[Compiled, ...]:
        """Return what goes in, by id, once nobody wants what another has."""
        while losers := list(self.losers()):
            for part, error in losers:
                self.fail(part, error)
        return tuple(self.compiled[id] for id in sorted(self.compiled))

    def losers(self) -> Iterator[tuple[Part, DeclarationError]]:
        """Yield each part that must step back, with why."""
        told: set[ResourceId] = set()
        for claim, claimants in self.claims():
            holder, *others = claimants
            for loser in others:
                if loser.part.id not in told:
                    told.add(loser.part.id)
                    yield loser.part, _taken(claim, holder.part, loser.part)
        for part, error in (*self.whole_hosts(), *self.names()):
            if part.id not in told:
                told.add(part.id)
                yield part, error
        for hosts, parts in by_hosts(tuple(self.compiled[id] for id in sorted(self.compiled)), self.good).items():
            for each in parts[1:]:
                if each.part.id not in told and (reason := _disagreement(parts[0].part, each.part)) is not None:
                    told.add(each.part.id)
                    hint = f"say the same as Site {parts[0].part.label}, or give it a host of its own"
                    yield (
                        each.part,
                        refusal(each.part, "HF1321", f"{reason} of {', '.join(hosts)} is settled by Site {parts[0].part.label}", hint),
                    )
        for each in self.compiled.values():
            if each.part.id not in told and (host := self.uncovered(each.part)) is not None:
                told.add(each.part.id)
                hint = "add the host to the Certificate, or write certificate: auto"
                yield each.part, refusal(each.part, "HF1322", f"Certificate {each.part.spec.certificate} is not for {host}", hint)

    def whole_hosts(self) -> Iterator[tuple[Part, DeclarationError]]:
        """Yield who must give up hosts that a file of nginx has, or wants, as a whole."""
        for hosts, parts in by_hosts(tuple(self.compiled[id] for id in sorted(self.compiled)), self.good).items():
            if any(each.servers for each in parts):
                for each in parts[1:]:
                    hint = "a host is either a file's or Sites': take it out of one of the two"
                    yield each.part, refusal(each.part, "HF1343", f"{', '.join(hosts)} is answered by {parts[0].part.title} already", hint)

    def names(self) -> Iterator[tuple[Part, DeclarationError]]:
        """Yield who must give up an upstream, a variable or a zone that another has, of the files of nginx."""
        holders: dict[str, Part] = {}
        files = [each for _, each in sorted(self.compiled.items()) if each.servers]
        for each in sorted(files, key=lambda it: (it.part.id not in self.good, it.part.id)):
            for name in (f"upstream {one.args[0]}" if one.name == "upstream" else defines(one) for one in each.http if one.args):
                holder = holders.setdefault(name, each.part)
                if holder is not each.part:
                    yield (
                        each.part,
                        refusal(each.part, "HF1344", f"{name} is {holder.title}'s already", "call it otherwise in one of the two"),
                    )
                    break

    def claims(self) -> Iterator[tuple[tuple[str, str, str], list[Compiled]]]:
        """Yield each path of each host that several want, whoever holds it first."""
        wanted: defaultdict[tuple[str, str, str], list[Compiled]] = defaultdict(list)
        for id in sorted(self.compiled):
            each = self.compiled[id]
            for host in each.part.spec.hosts:
                for path, _ in each.locations:
                    wanted[host, *path.key].append(each)
        for claim, claimants in sorted(wanted.items(), key=lambda one: one[0]):
            if len(claimants) > 1:
                yield claim, sorted(claimants, key=lambda each: (not _holds(self.good.get(each.part.id), claim), each.part.id))

    def uncovered(self, part: Part) -> str | None:
        """Return a host that a named Certificate is not for; None where all is well or nothing is known."""
        if part.spec.certificate in {"auto", "selfSigned", "none"}:
            return None
        names = self.world.certificates.get("/".join(certificate_of(part)))
        return None if names is None else next((host for host in part.spec.hosts if not covers(names, host)), None)


def _flags(part: Part) -> Iterator[str]:
    """Yield the flags that close a Site as Git says. In maintenance nobody waits, also where it is paused as well."""
    name = key(part.label)
    if part.spec.maintenance.enabled or part.spec.pause.enabled:
        yield f"{name}{MAINTENANCE}"
    if part.spec.pause.enabled and not part.spec.maintenance.enabled:
        yield f"{name}{PAUSED}"


def _holds(good: Part | None, claim: tuple[str, str, str]) -> bool:
    host, *path = claim
    return good is not None and host in good.spec.hosts and tuple(path) in {each.key for each in good.paths}


def _taken(claim: tuple[str, str, str], holder: Part, loser: Part) -> DeclarationError:
    host, _, path = claim
    error = refusal(loser, "HF1320", f"{host}{path} is taken by Site {holder.label}", "only one of the two can have it")
    more = refusal(holder, "HF1320", "").where
    return DeclarationError(error.code, error.message, where=(*error.where, *more), hint=error.hint)


def by_hosts(compiled: Sequence[Compiled], good: Mapping[ResourceId, Part]) -> Mapping[tuple[str, ...], tuple[Compiled, ...]]:
    """Return the parts by the hosts that exactly they answer; whoever holds a host first stands first."""
    answering: defaultdict[str, list[Compiled]] = defaultdict(list)
    for each in compiled:
        for host in each.part.spec.hosts:
            answering[host].append(each)
    groups: defaultdict[tuple[ResourceId, ...], list[str]] = defaultdict(list)
    members: dict[tuple[ResourceId, ...], tuple[Compiled, ...]] = {}
    for host, several in answering.items():
        ordered = tuple(sorted(several, key=lambda each: (not _answered(good.get(each.part.id), host), each.part.id)))
        ids = tuple(each.part.id for each in ordered)
        members[ids] = ordered
        groups[ids].append(host)
    return {tuple(hosts): members[ids] for ids, hosts in sorted(groups.items())}


def _answered(good: Part | None, host: str) -> bool:
    return good is not None and host in good.spec.hosts


def _disagreement(first: Part, other: Part) -> str | None:
    """Return what two Sites say differently of a host that they share."""
    one, two = first.spec, other.spec
    if (one.certificate == "none") is not (two.certificate == "none"):
        return "whether it is encrypted"
    if two.certificate not in {"auto", "selfSigned", one.certificate}:
        return "the certificate"
    if one.canonical_host != two.canonical_host and two.canonical_host is not None:
        return "the canonical host"
    if one.redirect_http is not two.redirect_http:
        return "the redirect to HTTPS"
    return None


def _text(world: World, compiled: Sequence[Compiled], good: Mapping[ResourceId, Part], memo: Memo) -> tuple[str, tuple[Piece, ...], str]:
    """Return the text, whose lines are whose, and the name of the generation."""
    pieces = list(_pieces(world, compiled, good, memo))
    pages = sorted({name for each in compiled for name in each.pages})
    head = show(tuple(main(world)))
    whole = "\n".join((head, *(text for _, _, text in pieces), *pages))
    generation = digest_bytes(whole.encode())
    blocks = [*pieces, ((), False, _indented((status(world, generation),)))]
    line = head.count("\n") + 2
    lines = []
    for ids, is_server, text in blocks:
        count = text.count("\n")
        if ids:
            lines.append(Piece(first=line, last=line + count - 1, owners=ids, is_server=is_server, text=text))
        line += count
    return f"{head}http {{\n{''.join(text for _, _, text in blocks)}}}\n", tuple(lines), generation


def _pieces(
    world: World, compiled: Sequence[Compiled], good: Mapping[ResourceId, Part], memo: Memo
) -> Iterator[tuple[tuple[ResourceId, ...], bool, str]]:
    """Yield the text within `http`, piece by piece, with whose it is and whether it is servers."""
    longest = max((len(host) for each in compiled for host in each.part.spec.hosts), default=0)
    try:
        yield (), False, _indented(tuple(shared(world, longest, has_breakers=any(each.guarded for each in compiled))))
    except ValueError as error:
        raise DeclarationError("HF1323", f"cannot run the Edge: {error}", hint="choose another tls.profile, or upgrade nginx") from error
    seen: set[Directive] = set()
    for each in compiled:
        own = tuple(directive for directive in each.http if directive not in seen)
        seen |= set(own)
        if own:
            yield (each.part.id,), False, memo.text(each.part.id, own, partial(_indented, own))
    yield (), False, _indented(tuple(defaults(world)))
    for hosts, parts in by_hosts(compiled, good).items():
        text = memo.text(hosts, parts, partial(_servers, world, hosts, parts))
        yield tuple(each.part.id for each in parts), True, text


def _servers(world: World, hosts: tuple[str, ...], parts: Sequence[Compiled]) -> str:
    return _indented(tuple(servers(world, hosts, parts)))


def _indented(directives: tuple[Directive, ...]) -> str:
    return "".join(f"{INDENT}{line}" for line in show(directives).splitlines(keepends=True))
