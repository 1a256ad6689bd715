"""Servers: the hosts of Sites. A host that several Sites have different paths of is one server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holdfast.edge.part import Part
from holdfast.edge.pieces import Compiled, Pieces
from holdfast.edge.render_file import render_file
from holdfast.edge.render_http import challenge, listens, redirect_to_tls
from holdfast.edge.render_location import locations
from holdfast.edge.tree import Directive
from holdfast.edge.world import World, literal
from holdfast.edge.write import show
from holdfast.kit.canonical import short


def render_part(part: Part, world: World) -> Compiled:
    """Return one part rendered for this world; DeclarationError for what cannot be, alone."""
    is_tls = part.spec.certificate != "none"
    pieces = Pieces(part=part, world=world, is_tls=is_tls)
    if is_tls and not world.capability.has_tls:
        raise pieces.refusal("HF1323", f"{world.capability} has no TLS", "write certificate: none, or install a build with it")
    if part.text is not None:
        return render_file(part, pieces, certificate_of(part))
    try:
        found = tuple((path, locations(pieces, path)) for path in part.paths)
        compiled = pieces.compiled(found)
        show([*compiled.http, *compiled.inner, *compiled.server, *(each for _, several in found for each in several)])
    except ValueError as error:
        raise pieces.refusal("HF1324", f"a value cannot be written: {error}", "shorten it, or write it without such characters") from error
    return compiled


def servers(world: World, hosts: tuple[str, ...], parts: Sequence[Compiled]) -> Iterator[Directive]:
    """Yield the servers of hosts that the same parts answer; the first part says what holds for the whole host."""
    if parts[0].servers:
        yield from parts[0].servers
        return
    first = parts[0].part.spec
    canonical = first.canonical_host
    others = tuple(host for host in hosts if canonical is not None and host != canonical)
    names = tuple(host for host in hosts if host not in others)
    is_tls = first.certificate != "none"
    note = ", ".join(f"Site {each.part.label}" for each in parts)
    if names:
        yield Directive("server", (), tuple(_answering(world, names, parts, is_tls)), note=note)
    if others:
        yield Directive("server", (), tuple(_to_canonical(world, others, parts[0], is_tls)), note=note)
    if is_tls and first.redirect_http:
        yield redirect_to_tls(world, hosts)


def _answering(world: World, names: tuple[str, ...], parts: Sequence[Compiled], is_tls: bool) -> Iterator[Directive]:
    yield from _head(world, names, parts[0], is_tls)
    for each in parts:
        yield from each.server
    yield Directive("recursive_error_pages", ("on",))  # who is turned away is turned away by two steps (`render_guard`)
    yield Directive("set", ("$holdfast_route", literal(parts[0].part.label)))
    yield Directive("set", ("$holdfast_revision", short(parts[0].part.digest)))
    found = [(path, each, several) for each in parts for path, several in each.locations]
    # Patterns keep the order in which they were written: the first that fits answers.
    for _, each, several in sorted(found, key=lambda one: (one[0].match == "regex", "" if one[0].match == "regex" else one[0].path)):
        for location in several:
            yield _revised(location, each.part) if each is not parts[0] else location
    seen: set[tuple[str, ...]] = set()
    for location in (location for each in parts for location in each.inner):
        if location.args not in seen:
            seen.add(location.args)
            yield location


def _revised(location: Directive, part: Part) -> Directive:
    """Return a location that says whose revision answers, where the server is another part's."""
    revision = Directive("set", ("$holdfast_revision", short(part.digest)))
    return Directive(location.name, location.args, (revision, *(location.block or ())))


def _head(world: World, names: tuple[str, ...], first: Compiled, is_tls: bool) -> Iterator[Directive]:
    if not is_tls or not first.part.spec.redirect_http:
        yield from listens(world, is_tls=False)
    if is_tls:
        yield from listens(world, is_tls=True)
    yield Directive("server_name", names)
    if is_tls:
        chain, key = world.places.certificate(*certificate_of(first.part))
        yield Directive("ssl_certificate", (chain,))
        yield Directive("ssl_certificate_key", (key,))
    if not is_tls or not first.part.spec.redirect_http:
        yield challenge(world)


def certificate_of(part: Part) -> tuple[str, str]:
    """Return namespace and name of the Certificate that a part's hosts show."""
    named = part.spec.certificate
    return part.id.namespace, part.id.name if named in {"auto", "selfSigned"} else named


def _to_canonical(world: World, others: tuple[str, ...], first: Compiled, is_tls: bool) -> Iterator[Directive]:
    yield from _head(world, others, first, is_tls)
    port = world.https_port if is_tls else world.http_port
    shown = "" if port == (443 if is_tls else 80) else f":{port}"
    scheme = "https" if is_tls else "http"
    yield Directive("set", ("$holdfast_route", literal(first.part.label)))
    yield Directive("location", ("/",), (Directive("return", ("308", f"{scheme}://{first.part.spec.canonical_host}{shown}$request_uri")),))
