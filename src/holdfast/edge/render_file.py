"""Files of nginx as parts of the one configuration: their servers listen where the Edge says, and show its certificate.

What holds for all Sites holds for them too: times, sizes, the headers that applications get, where a file says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from holdfast.edge.parse import parse
from holdfast.edge.part import Part
from holdfast.edge.pieces import Compiled, Pieces
from holdfast.edge.render_http import ACME, challenge, listens
from holdfast.edge.safety import FOLDERS
from holdfast.edge.tree import Directive
from holdfast.edge.world import World, literal
from holdfast.kit.canonical import short

LISTENING = frozenset({"listen", "server_name"})


def render_file(part: Part, pieces: Pieces, certificate: tuple[str, str]) -> Compiled:
    """Return a file's servers and what they use, ready to stand beside others."""
    assert part.text is not None
    tree = parse(f"NginxFile {part.label}", part.text.encode("utf-8", "surrogateescape")).directives
    folder = f"{pieces.world.places.releases}/{part.application}/current"
    servers = tuple(
        replace(each, block=tuple(_server(each, part, pieces.world, folder, certificate)), spelling=None, note=f"NginxFile {part.label}")
        for each in tree
        if each.name == "server"
    )
    http = tuple(each for each in tree if each.name != "server")
    return replace(pieces.compiled(()), http=http, servers=servers)


def _server(server: Directive, part: Part, world: World, folder: str, certificate: tuple[str, str]) -> Iterator[Directive]:
    said = server.all("listen")
    is_tls = any("ssl" in each.args for each in said)
    is_plain = not said or any("ssl" not in each.args for each in said)
    if is_plain:
        yield from listens(world, is_tls=False)
    if is_tls:
        yield from listens(world, is_tls=True)
    yield Directive("server_name", tuple(name for each in server.all("server_name") for name in each.args))
    if is_tls:
        chain, key = world.places.certificate(*certificate)
        yield Directive("ssl_certificate", (chain,))
        yield Directive("ssl_certificate_key", (key,))
    yield Directive("set", ("$holdfast_route", literal(part.label)))
    yield Directive("set", ("$holdfast_revision", short(part.digest)))
    inner = _guarded(tuple(each for each in server.block or () if each.name not in LISTENING), folder)
    answer = next((each for each in inner if each.name == "return"), None)
    if is_plain and not any(each.name == "location" and each.args[-1:] == (ACME,) for each in inner):
        yield challenge(world)
        if answer is not None:  # nginx answers it before it looks for a location, so that no challenge would ever be met
            yield from (each for each in inner if each.name not in {"return", "location"})
            yield Directive("location", ("/",), (answer,))
            return
    yield from inner


def _beneath(directive: Directive, folder: str) -> Directive:
    """Return a directive with its folders beneath the release, links out of which are not followed."""
    if directive.name in FOLDERS and directive.args:
        steps = (step for step in directive.args[0].split("/") if step not in {"", "."})
        end = "/" if directive.args[0].endswith("/") else ""
        return replace(directive, args=("/".join((folder, *map(literal, steps))) + end,), spelling=None)
    if not directive.block:
        return directive
    return replace(directive, block=_guarded(directive.block, folder))


def _guarded(directives: Sequence[Directive], folder: str) -> tuple[Directive, ...]:
    """Return what stands in a block; where that names a folder, links lead nowhere out of the release."""
    guard = (Directive("disable_symlinks", ("if_not_owner", f"from={folder}")),) if any(each.name in FOLDERS for each in directives) else ()
    return (*guard, *(_beneath(each, folder) for each in directives))
