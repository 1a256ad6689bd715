"""Servers of nginx files as Sites: which hosts belong together, how they are encrypted, and what answers where.

A host that answers on port 80 only to lead to https is one Site with its encrypted server. A server that cannot be said whole stays whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.edge.import_order import Entry, entries
from holdfast.edge.import_place import Ground, Notebook, Place
from holdfast.edge.import_rewrite import Outcome, Unclear, outcome
from holdfast.edge.import_route import route
from holdfast.edge.import_value import accepted
from holdfast.edge.part import ANSWERS, WITH_ANSWER, says
from holdfast.edge.route_spec import Route
from holdfast.edge.scalar import Host
from holdfast.edge.site_check import RESERVED
from holdfast.edge.site_spec import PathSpec, SiteSpec
from holdfast.edge.tree import Directive, walk

REFUSES = frozenset({"444", "400", "403", "404", "421"})
"""Answers of a default server that the Edge gives too: by none."""
LIFTED = tuple(name for name in Route.__dataclass_fields__ if name not in {*ANSWERS, *WITH_ANSWER, "raw", "socket", "slo"})
"""Fields that a path takes over from its Site."""


@dataclass(slots=True, kw_only=True, eq=False)
class Server:
    """One server of the files."""

    directive: Directive
    above: tuple[Directive, ...]
    hosts: tuple[str, ...]
    addresses: frozenset[str]
    """Where it listens, `*` for everywhere."""
    ports: frozenset[tuple[int, bool]]
    """Each with whether it is encrypted."""
    is_default: bool
    notebook: Notebook = field(default_factory=Notebook)

    def speaks(self, *, tls: bool) -> bool:
        return any(is_encrypted is tls for _, is_encrypted in self.ports)

    def known(self, host: str | None, *, tls: bool) -> dict[str, str]:
        """Return the variables whose value is the same for every request, of one host or of all of them."""
        found = {"scheme": "https" if tls else "http", "https": "on" if tls else ""}
        only = host if host is not None else self.hosts[0] if len(self.hosts) == 1 else None
        if only is not None and "*" not in only:
            found |= {"host": only, "http_host": only}
        names = [name for each in self.directive.all("server_name") for name in each.args]
        if names and not names[0].startswith(("*", ".", "~")):
            found["server_name"] = names[0]
        return found

    def outcome(self, host: str, *, tls: bool) -> Outcome | None:
        """Return what comes of the server's own rewrites for a host; None where that depends on the request."""
        try:
            return outcome(self.directive.block or (), self.known(host, tls=tls))
        except Unclear as unclear:
            self.notebook.cannot(unclear.directive, f"what it does depends on the request: {unclear.reason}")
            return None


def read_server(directive: Directive, above: tuple[Directive, ...]) -> Server:
    notebook = Notebook()
    hosts: list[str] = []
    for name in (word for each in directive.all("server_name") for word in each.args):
        for host in (name[1:], f"*{name}") if name.startswith(".") else (name,):
            plain = accepted(Host, host)
            if host in {"", "_"}:
                continue
            if plain is None:
                notebook.cannot(directive, f"{name} is no host name")
            elif plain not in hosts:
                hosts.append(plain)
    listens = directive.all("listen") or (Directive("listen", ("80",)),)
    addresses, ports = [], []
    for listen in listens:
        address, port = _listens_at(listen)
        if port is None:
            notebook.cannot(listen, f"it listens on {' '.join(listen.args[:1])}")
            continue
        addresses.append(address)
        ports.append((port, "ssl" in listen.args or any(each.args == ("on",) for each in directive.all("ssl"))))
    return Server(
        directive=directive,
        above=above,
        hosts=tuple(hosts),
        addresses=frozenset(addresses),
        ports=frozenset(ports),
        is_default=any({"default_server", "default"} & set(each.args) for each in listens),
        notebook=notebook,
    )


def _listens_at(listen: Directive) -> tuple[str, int | None]:
    """Return address (`*` for all) and port; no port where no Edge listens so."""
    text = listen.args[0] if listen.args else "80"
    if text.startswith("unix:"):
        return text, None
    if text.isdigit():
        return "*", int(text)
    address, _, port = text.rpartition(":")
    if not port.isdigit() or (text.startswith("[") and text.endswith("]")):
        address, port = text, "80"
    plain = address.strip("[]")
    return ("*" if plain in {"*", "0.0.0.0", "::", ""} else plain), int(port)


def answers_nobody(server: Server) -> bool:
    """Whether it only refuses hosts that nobody declared, or leads them to https: the Edge does so by itself."""
    if server.hosts:
        return False
    found = server.outcome("", tls=server.speaks(tls=True)) or Outcome(answer=None, known={})
    refuses = any(each.args == ("on",) for each in server.directive.all("ssl_reject_handshake"))
    answer = found.answer
    if refuses or answer is None:
        return refuses
    return answer.args[-1].startswith("https://$host") or answer.args[0] in REFUSES


# Groups of hosts


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Hosts of one server that are alike in all that a Site says of hosts."""

    server: Server
    hosts: tuple[str, ...]
    is_tls: bool
    redirects_http: bool
    answer: Directive | None
    """What the server answers to all of them before it looks at locations."""
    known: Mapping[str, str]


def groups(servers: Sequence[Server], ground: Ground) -> Iterator[Group]:
    """Yield the hosts of all servers in groups, each host once; what does not fit goes into the notebooks."""
    plain = {host: server for server in reversed(servers) if server.speaks(tls=False) for host in server.hosts}
    encrypted = {host: server for server in reversed(servers) if server.speaks(tls=True) for host in server.hosts}
    for server in servers:
        found: defaultdict[tuple[bool, bool, tuple[str, ...], str], list[tuple[str, Outcome]]] = defaultdict(list)
        for host in server.hosts:
            tls = encrypted.get(host) is server
            if not tls and (plain.get(host) is not server or host in encrypted):
                continue
            it = server.outcome(host, tls=tls)
            if it is None:
                continue
            redirects = _redirects(server, host, plain.get(host)) if tls else True
            answer = it.answer.args if it.answer is not None else ()
            found[tls, redirects, answer, ""].append((host, it))
        for (tls, redirects, _, _), hosts in found.items():
            known = server.known(None if len(hosts) > 1 else hosts[0][0], tls=tls)
            known |= {name: value for name, value in hosts[0][1].known.items() if all(it.known.get(name) == value for _, it in hosts)}
            if tls and not redirects:
                del known["scheme"], known["https"]
            else:
                known |= ground.of_scheme(known["scheme"])
            yield Group(
                server=server,
                hosts=tuple(host for host, _ in hosts),
                is_tls=tls,
                redirects_http=redirects,
                answer=hosts[0][1].answer,
                known=known,
            )


def _redirects(server: Server, host: str, plain: Server | None) -> bool:
    """Say whether plain HTTP of a host leads to https; a host that answers otherwise there is no Site."""
    if plain is None:
        return True
    found = plain.outcome(host, tls=False)
    answer = found.answer if found is not None else None
    if answer is None:
        answer = _everywhere(plain, host, found)
    if answer is not None and len(answer.args) == 2 and answer.args[1].startswith("https://"):
        if answer.args[1] not in {f"https://{host}$request_uri", "https://$host$request_uri", "https://$http_host$request_uri"}:
            server.notebook.change("redirect-first", "plain HTTP leads to https of the same host first", answer)
        elif answer.args[0] != "308":
            server.notebook.change(
                "redirect-status", f"plain HTTP is redirected with 308, which keeps the method, not {answer.args[0]}", answer
            )
        return True
    if plain is not server:
        server.notebook.cannot(server.directive, f"{host} is answered otherwise on plain HTTP")
        plain.notebook.cannot(plain.directive, f"{host} is answered otherwise on https")
    return False


def _everywhere(server: Server, host: str, found: Outcome | None) -> Directive | None:
    """Return what a server answers to every path but those that the edge answers itself; None where paths differ."""
    places = [each for each in server.directive.all("location") if not each.args[-1:] or not each.args[-1].startswith(RESERVED)]
    if found is None or len(places) != 1 or places[0].args != ("/",):
        return None
    try:
        return outcome(places[0].block or (), {**found.known, "host": host, "http_host": host}).answer
    except Unclear:
        return None


# One Site


def spec_of(group: Group, ground: Ground, certificate: str) -> SiteSpec:
    """Return what a group of hosts says as a Site; what cannot be said is in the notebook of its server."""
    server, notebook = group.server, group.server.notebook
    levels = (*server.above, server.directive)
    named: dict[str, Any] = {
        "hosts": group.hosts,
        "certificate": certificate if group.is_tls else "none",
        "redirect_http": group.redirects_http,
    }
    if group.answer is not None:
        spare = Directive("location", ("/",), (group.answer,))
        place = Place(levels=(*levels, spare), known=group.known, is_tls=group.is_tls, hosts=group.hosts)
        return SiteSpec(**named, **route(place, "prefix", "/", ground, notebook))
    found: list[PathSpec] = []
    for entry in entries(tuple(_places(server)), notebook):
        place = Place(levels=(*levels, entry.location), known=group.known, is_tls=group.is_tls, hosts=group.hosts)
        if any(each.name == "location" for each in entry.location.block or ()):
            notebook.cannot(entry.location, "locations stand within it")
        fields = route(place, entry.match, entry.prefix or entry.path, ground, notebook)
        found.append(PathSpec(path=entry.path, match=_match(entry), **fields))
    return _lifted(named, tuple(found))


def _match(entry: Entry) -> Any:
    return entry.match


def _places(server: Server) -> Iterator[Directive]:
    """Yield the locations that clients reach; files of the server itself are those of `/`."""
    places = server.directive.all("location")
    pages = {each.args[-1] for each, _ in walk((server.directive,)) if each.name == "error_page" and each.args}
    for each in places:
        path = each.args[-1] if each.args else ""
        if path in pages and not each.all("proxy_pass") and not each.all("internal"):
            server.notebook.change("error-page", f"{path} is asked for by nothing any more", each)
            continue
        if path.startswith(RESERVED) or each.all("internal"):
            continue
        if path.startswith("@"):
            server.notebook.cannot(each, f"{path} is a location that only others lead to")
            continue
        yield each
    has_files = server.directive.all("root") or server.directive.all("try_files")
    if has_files and not any(each.args in {("/",), ("^~", "/")} for each in places):
        yield Directive("location", ("/",), server.directive.all("try_files"), spelling=server.directive.spelling)


def _lifted(named: Mapping[str, Any], paths: Sequence[PathSpec]) -> SiteSpec:
    """Return the Site with what all paths say said once, and the answer of `/` its own where that changes nothing for the others."""
    common = {name: getattr(paths[0], name) for name in LIFTED if paths} if paths else {}
    common = {name: value for name, value in common.items() if value is not None and all(getattr(each, name) == value for each in paths)}
    kept = [_without(each, common) for each in paths]
    top = next((each for each in kept if each.path == "/" and each.match == "prefix"), None)
    others = [each for each in kept if each is not top]
    if (
        top is not None
        and (not others or not any(getattr(top, name) is not None for name in LIFTED))
        and all(says(each) for each in others)
    ):
        own = {name: getattr(top, name) for name in Route.__dataclass_fields__}
        own |= {name: value for name, value in common.items() if own.get(name) is None}
        return SiteSpec(**named, **own, paths=tuple(others))
    return SiteSpec(**named, **common, paths=tuple(kept))


def _without(path: PathSpec, common: Mapping[str, Any]) -> PathSpec:
    fields = {name: getattr(path, name) for name in PathSpec.__dataclass_fields__ if name not in common}
    return PathSpec(**fields)
