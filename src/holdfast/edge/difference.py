"""Difference: what requests would meet otherwise in a second configuration than in the first. Text, order and file do not count.

Requests are made of both: every address, every name and one nobody has, every location. For each it is found, by nginx's own rules, what is
in force there, with all that this refers to (the group, maps, zones). Law: a configuration differs in nothing from itself, formatted,
split into files or spelled otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from holdfast.edge.explain import Explainer, Explanation, Request
from holdfast.edge.regex import example, read_regex
from holdfast.edge.review_subject import variables
from holdfast.edge.tree import Directive, walk
from holdfast.edge.write import show
from holdfast.errors import Where

STRANGER = "nobody-has.this.example"
"""A host that no configuration names."""
BELOW = "sample"
"""What is asked for below a prefix, and in place of a star."""
APART = frozenset(
    {"server", "location", "listen", "server_name", "upstream", "map", "geo", "split_clients", "log_format", "types", "include"}
)
"""What is chosen by, or is looked at where something refers to it."""
REWRITES = frozenset({"set", "if", "return", "rewrite", "break"})
"""Done in order, first in the server and then in the location; no level takes them over from another."""
OWN = frozenset(
    (
        "proxy_pass grpc_pass fastcgi_pass uwsgi_pass scgi_pass memcached_pass try_files internal stub_status empty_gif limit_except "
        "mirror autoindex_format flv mp4 perl"
    ).split()
)
"""What holds in the block that says it and in no other."""
TOGETHER: Mapping[str, str] = {"allow": "access", "deny": "access"}
"""What makes one list."""
UNORDERED = frozenset("add_header add_trailer proxy_set_header grpc_set_header proxy_hide_header fastcgi_param uwsgi_param".split())
"""Lists whose order says nothing."""
BY_PREFIX = frozenset({"proxy_pass", "alias", "uwsgi_pass"})
"""What means something else in another location."""
REFERRED: Mapping[str, tuple[str, ...]] = {
    "limit_req": ("limit_req_zone",),
    "limit_conn": ("limit_conn_zone",),
    "access_log": ("log_format",),
    "proxy_cache": ("proxy_cache_path",),
    "fastcgi_cache": ("fastcgi_cache_path",),
}
DEFINING = frozenset(
    {"map", "geo", "split_clients", "limit_req_zone", "limit_conn_zone", "log_format", "proxy_cache_path", "fastcgi_cache_path"}
)
WHOLE = frozenset({"events", "http", "stream", "mail", "include"})
_ZONE = re.compile(r"(?:keys_)?zone=([^:]+)")

Settings = Mapping[str, tuple[Directive, ...]]
"""What is in force, by what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is otherwise, and for whom."""

    what: str
    """A directive, `access`, `map $name`, `upstream`, or `server` where nobody listens."""
    before: tuple[str, ...]
    after: tuple[str, ...]
    before_at: Where | None
    after_at: Where | None
    requests: tuple[str, ...]
    """Addresses of requests that meet it; none: it is about the whole nginx."""


@dataclass(slots=True, kw_only=True)
class _Found:
    before: tuple[Directive, ...]
    after: tuple[Directive, ...]
    requests: list[str] = field(default_factory=list)


def difference(first: Sequence[Directive], second: Sequence[Directive]) -> tuple[Difference, ...]:
    """Return what differs, in the order of the requests that meet it; what is about the whole nginx comes first."""
    before, after = Side(first), Side(second)
    found: dict[tuple[str, str, str], _Found] = {}

    def note(what: str, old: tuple[Directive, ...], new: tuple[Directive, ...], request: str | None) -> None:
        key = (what, show(old), show(new))
        if key[1] != key[2]:
            entry = found.setdefault(key, _Found(before=old, after=new))
            if request is not None:
                entry.requests.append(request)

    for what in sorted(before.whole.keys() | after.whole.keys()):
        note(what, before.whole.get(what, ()), after.whole.get(what, ()), None)
    for request in requests(before, after):
        old, new = before.met(request), after.met(request)
        if old is None or new is None:
            note("server", _listening(old), _listening(new), address(request))
            continue
        for what in sorted(old.keys() | new.keys()):
            note(what, old.get(what, ()), new.get(what, ()), address(request))
    return tuple(_told(what, entry) for (what, _, _), entry in found.items())


def _told(what: str, entry: _Found) -> Difference:
    return Difference(
        what=what,
        before=tuple(show(entry.before).splitlines()),
        after=tuple(show(entry.after).splitlines()),
        before_at=next((each.where for each in entry.before if each.where is not None), None),
        after_at=next((each.where for each in entry.after if each.where is not None), None),
        requests=tuple(entry.requests),
    )


def _listening(settings: Settings | None) -> tuple[Directive, ...]:
    return (Directive("nobody", ("listens",)),) if settings is None else (Directive("a", ("server", "answers")),)


def address(request: Request) -> str:
    usual = 443 if request.is_tls else 80
    port = "" if request.port == usual else f":{request.port}"
    return f"{'https' if request.is_tls else 'http'}://{request.host}{port}{request.path}"


class Side:
    """One of two configurations that are compared."""

    def __init__(self, directives: Sequence[Directive]) -> None:
        self.explainer = Explainer(directives)
        self.whole: dict[str, tuple[Directive, ...]] = {}
        self.defined: dict[str, Directive] = {}
        for directive, above in walk(tuple(directives)):
            if directive.name in DEFINING and directive.args:
                self.defined.setdefault(defines(directive), directive)
            is_main = not above and self.explainer.servers and self.explainer.servers[0][1]
            if (is_main and directive.name not in WHOLE) or (len(above) == 1 and above[0].name == "events"):
                self.whole[directive.name] = (*self.whole.get(directive.name, ()), directive)

    def met(self, request: Request) -> Settings | None:
        """Return what a request meets; None where nobody listens."""
        found = self.explainer.explain(request)
        if found.server is None:
            return None
        settings: dict[str, tuple[Directive, ...]] = {}
        levels = (*self.explainer.above(found.server), found.server, *found.locations)
        for level in levels:
            said = [each for each in level.block or () if each.name not in APART | REWRITES and _holds(each, level, levels[-1])]
            for about in {TOGETHER.get(each.name, each.name) for each in said}:
                together = [_placed(each, level) for each in said if TOGETHER.get(each.name, each.name) == about]
                settings[about] = tuple(sorted(together, key=lambda each: each.args) if about in UNORDERED else together)
        if rewrites := tuple(_rewrites(found)):
            settings["rewrite"] = rewrites
        return {**settings, **self.referred(found, settings)}

    def referred(self, found: Explanation, settings: Settings) -> Settings:
        """Return what is referred to: the group, and what variables and zones are made of, all the way."""
        more: dict[str, tuple[Directive, ...]] = {}
        if found.upstream is not None:
            more["upstream"] = found.upstream.block or ()
        waiting = [each for several in settings.values() for each in several]
        while waiting:
            for name in names(waiting.pop()):
                if name not in more and (definition := self.defined.get(name)) is not None:
                    more[name] = (definition,)
                    waiting.append(definition)
        return more


def _holds(directive: Directive, level: Directive, innermost: Directive) -> bool:
    return directive.name not in OWN or level is innermost


def _placed(directive: Directive, level: Directive) -> Directive:
    """Return a directive with the location that it is said in, where that changes what it means."""
    has_uri = directive.name == "alias" or "/" in "".join(directive.args[:1]).rpartition("://")[2]
    if directive.name in BY_PREFIX and level.name == "location" and has_uri:
        return replace(directive, args=(*directive.args, "in", "place", "of", level.args[-1] if level.args else ""))
    return directive


def _rewrites(found: Explanation) -> Iterator[Directive]:
    for block in (found.server, *found.locations[-1:]):
        yield from (each for each in (block.block if block is not None else None) or () if each.name in REWRITES)


def defines(directive: Directive) -> str:
    """Return what a definition is called: `map $x`, `limit_req_zone y`."""
    zone = next((found[1] for word in directive.args if (found := _ZONE.match(word)) is not None), None)
    if zone is not None:
        return f"{directive.name} {zone}"
    return f"{directive.name} {directive.args[0 if directive.name == 'log_format' else -1]}"


def names(directive: Directive) -> Iterator[str]:
    """Yield what a directive and all in it may refer to."""
    for each, _ in walk((directive,)):
        for kind in REFERRED.get(each.name, ()):
            for word in each.args:
                yield f"{kind} {word.removeprefix('zone=')}"
        for word in (each.name, *each.args):
            for variable in variables(word):
                yield from (f"{kind} ${variable}" for kind in ("map", "geo", "split_clients"))


# Requests that show what there is


def requests(*sides: Side) -> Iterator[Request]:
    """Yield requests that together reach every server and location of the sides, each once."""
    seen: set[Request] = set()
    for port, is_tls in dict.fromkeys(each for side in sides for each in _ports(side.explainer)):
        for host in (*dict.fromkeys(each for side in sides for each in _hosts(side.explainer)), STRANGER):
            blank = Request(host=host, port=port, is_tls=is_tls)
            servers = [server for side in sides if (server := side.explainer.explain(blank).server) is not None]
            for path in ("/", *(path for server in servers for path in _paths(server))):
                request = replace(blank, path=path)
                if request not in seen:
                    seen.add(request)
                    yield request


def _ports(explainer: Explainer) -> Iterator[tuple[int, bool]]:
    for server, _ in explainer.servers:
        for listen in server.all("listen") or (Directive("listen", ("80",)),):
            where = listen.args[0] if listen.args else "80"
            port = where.rpartition(":")[2]
            if not where.startswith("unix:"):
                yield int(port) if port.isdigit() else 80, "ssl" in listen.args


def _hosts(explainer: Explainer) -> Iterator[str]:
    for server, _ in explainer.servers:
        for name in (word.lower() for each in server.all("server_name") for word in each.args):
            if name.startswith("~"):
                node = read_regex(name[1:])
                yield from () if node is None else (example(node),)
            elif name.startswith("."):
                yield from (name[1:], f"{BELOW}{name}")
            elif "*" in name:
                yield name.replace("*", BELOW if name.startswith("*") else "example")
            elif name not in {"", "_"}:
                yield name


def _paths(block: Directive) -> Iterator[str]:
    for location in block.all("location"):
        path = location.args[-1] if location.args else "@"
        if location.args[:1] in {("~",), ("~*",)}:
            node = read_regex(path)
            if node is not None:
                text = example(node)
                yield text if text.startswith("/") else f"/{text}"
                yield f"/{BELOW}{text}" if not text.startswith("/") else f"{text.rstrip('/')}/{BELOW}"
        elif path.startswith("/"):
            yield path
            if location.args[0] != "=":
                yield f"{path.rstrip('/')}/{BELOW}"
        yield from _paths(location)
