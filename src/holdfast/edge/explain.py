"""Explain: what a request would meet in a configuration: server, location, upstream, headers and guards, each with its line.

Reads the tree by nginx's own rules, so that it explains what Holdfast renders and what somebody wrote by hand alike. Patterns are tried
with Python's `re`; one that it does not read is said to be unknown, not passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from holdfast.edge.tree import Directive, walk

GUARDS = ("allow", "deny", "auth_basic", "auth_request", "limit_req", "limit_conn", "satisfy", "if")
CHOOSERS: Mapping[str, str] = MappingProxyType({"map": "default", "split_clients": "*"})
"""What chooses a value, and its entry for all others."""
MOST_CHOICES = 6
"""That follow one another: a header, a cookie, a share, and who is left out."""
ANSWERS = ("return", "proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "alias", "root", "try_files", "rewrite")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for."""

    host: str
    port: int
    is_tls: bool
    path: str = "/"
    """As nginx compares it: decoded, without the query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What the request meets. Directives know their lines."""

    server: Directive | None
    """None: nobody listens there."""
    is_default: bool = False
    """Whether no server has the name, so that the default one answers."""
    locations: tuple[Directive, ...] = ()
    """From the outermost to the one that answers."""
    answers: tuple[Directive, ...] = ()
    """What answers, in the order in which nginx looks: rewrites and returns of the server first."""
    upstream: Directive | None = None
    """The group that it is passed on to, where a variable chooses the one that it mostly chooses; None where it is none."""
    headers: tuple[Directive, ...] = ()
    guards: tuple[Directive, ...] = ()
    unknown: tuple[str, ...] = ()
    """Patterns that could not be tried."""


class Explainer:
    """One configuration that many requests are asked of."""

    def __init__(self, directives: Sequence[Directive]) -> None:
        tree = tuple(directives)
        found = [(each, above) for each, above in walk(tree) if each.name in {"server", "upstream", *CHOOSERS}]
        self.servers = tuple((each, above) for each, above in found if each.name == "server" and (not above or above[-1].name == "http"))
        """Each with the blocks that it stands in."""
        self.outermost = Directive("http", (), tree)
        """What servers of a fragment stand in."""
        self.choices = dict(self._choices(each for each, _ in found))
        self.upstreams = {each.args[0]: each for each, _ in reversed(found) if each.name == "upstream" and each.args}

    def explain(self, request: Request) -> Explanation:
        """Return what a request meets."""
        unknown: list[str] = []
        server, is_default = _server([each for each, _ in self.servers], request, unknown)
        if server is None:
            return Explanation(server=None, unknown=tuple(unknown))
        locations = tuple(_locations(server, request.path, unknown))
        levels = (*self.above(server), server, *locations)
        answers = (*_said(server, "return", "rewrite"), *(_said(locations[-1], *ANSWERS) if locations else ()))
        return Explanation(
            server=server,
            is_default=is_default,
            locations=locations,
            answers=answers,
            upstream=self.upstream(answers),
            headers=_in_force("add_header", levels),
            guards=tuple(guard for name in GUARDS for guard in (_in_force(name, levels) if name != "if" else _said(levels[-1], "if"))),
            unknown=tuple(unknown),
        )

    def above(self, server: Directive) -> tuple[Directive, ...]:
        """Return the blocks that a server stands in."""
        return next(above for each, above in self.servers if each is server) or (self.outermost,)

    def upstream(self, answers: Sequence[Directive]) -> Directive | None:
        """Return the group that requests are passed on to by the first `…_pass`."""
        target = next((each.args[0] for each in answers if each.name.endswith("_pass") and each.args), None)
        if target is None:
            return None
        name = target.rpartition("://")[2].partition("/")[0]
        for _ in range(MOST_CHOICES):
            name = self.choices.get(name, name)
        return self.upstreams.get(name)

    @staticmethod
    def _choices(found: Iterable[Directive]) -> Iterator[tuple[str, str]]:
        """Yield each variable that chooses, and its choice for whoever is not named."""
        for each in found:
            if each.name in CHOOSERS and len(each.args) == 2:
                for entry in each.block or ():
                    if entry.name == CHOOSERS[each.name] and entry.args:
                        yield each.args[1], entry.args[0]


def explain(directives: Sequence[Directive], request: Request) -> Explanation:
    """Return what a request meets."""
    return Explainer(directives).explain(request)


def _said(block: Directive, *names: str) -> tuple[Directive, ...]:
    return tuple(each for each in block.block or () if each.name in names)


def _in_force(name: str, levels: Sequence[Directive]) -> tuple[Directive, ...]:
    """Return what the innermost level that says it says."""
    return next((said for level in reversed(levels) if (said := level.all(name))), ())


def _server(servers: Sequence[Directive], request: Request, unknown: list[str]) -> tuple[Directive | None, bool]:
    """Return the server that nginx chooses by address and name (nginx.org, How nginx processes a request), and whether by default."""
    listening = [(server, listen) for server in servers for listen in _listens(server) if _fits(listen, request)]
    if not listening:
        return None, False
    named = [(server, name) for server, _ in listening for each in server.all("server_name") for name in each.args]
    for found in (_exact(named, request.host), _wildcard(named, request.host), _pattern(named, request.host, unknown)):
        if found is not None:
            return found, False
    default = next((server for server, listen in listening if {"default_server", "default"} & set(listen.args)), listening[0][0])
    return default, True


def _listens(server: Directive) -> tuple[Directive, ...]:
    return server.all("listen") or (Directive("listen", ("80",)),)


def _fits(listen: Directive, request: Request) -> bool:
    address = listen.args[0] if listen.args else "80"
    port = address.rpartition(":")[2]
    number = int(port) if port.isdigit() else 80
    return not address.startswith("unix:") and number == request.port and ("ssl" in listen.args or "quic" in listen.args) is request.is_tls


def _exact(named: Sequence[tuple[Directive, str]], host: str) -> Directive | None:
    for server, name in named:
        plain = name.lower()
        if plain == host or (plain.startswith(".") and plain[1:] == host):
            return server
    return None


def _wildcard(named: Sequence[tuple[Directive, str]], host: str) -> Directive | None:
    """Return the server of the longest name with a star: those that begin with it come first."""
    leading = [(len(name), server) for server, name in named if name[:1] in {"*", "."} and host.endswith(name.lstrip("*").lower())]
    trailing = [(len(name), server) for server, name in named if name.endswith(".*") and host.startswith(name[:-1].lower())]
    for found in (leading, trailing):
        if found:
            return max(found, key=lambda pair: pair[0])[1]
    return None


def _pattern(named: Sequence[tuple[Directive, str]], host: str, unknown: list[str]) -> Directive | None:
    return next((server for server, name in named if name.startswith("~") and _matches(name[1:], host, False, unknown)), None)


def _matches(pattern: str, text: str, is_folded: bool, unknown: list[str]) -> bool:
    try:
        return re.search(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern), text, re.IGNORECASE if is_folded else 0) is not None
    except re.error:
        unknown.append(pattern)
        return False


def _locations(block: Directive, path: str, unknown: list[str]) -> Iterator[Directive]:
    """Yield the location that nginx chooses in a block, and those within it."""
    found = _location(block, path, unknown)
    if found is not None:
        yield found
        yield from _locations(found, path, unknown)


def _location(block: Directive, path: str, unknown: list[str]) -> Directive | None:
    longest: Directive | None = None
    patterns = []
    for each in block.all("location"):
        how, prefix = each.args if len(each.args) == 2 else ("", each.args[0] if each.args else "@")
        if how == "=" and prefix == path:
            return each
        if how in {"~", "~*"}:
            patterns.append(each)
        elif how in {"", "^~"} and path.startswith(prefix) and (longest is None or len(prefix) > len(longest.args[-1])):
            longest = each
    if longest is not None and longest.args[0] == "^~":
        return longest
    return next((each for each in patterns if _matches(each.args[1], path, each.args[0] == "~*", unknown)), longest)
