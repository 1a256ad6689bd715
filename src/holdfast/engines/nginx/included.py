"""Included: our configuration as a part of somebody else's: what the `http` of a system's nginx may include.

What can be said for a server is said in each of ours, so that nothing changes for the servers that are there already. What only `http` can
say, and says already, is left out. The answers for unknown hosts stay the system's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from posixpath import dirname, join

from holdfast.edge.directive import contexts
from holdfast.edge.parse import parse
from holdfast.edge.tree import Directive
from holdfast.edge.write import show
from holdfast.errors import DeclarationError

EVERYWHERE = frozenset({"map", "geo", "upstream", "split_clients", "log_format", "limit_req_zone", "limit_conn_zone", "server"})
"""What `http` may say as often as it likes, each time of something else."""
CACHES = frozenset({"proxy_cache_path", "fastcgi_cache_path", "scgi_cache_path", "uwsgi_cache_path"})
STATUS = "status.holdfast"
LOGGED = (Directive("set", ("$holdfast_route", "")), Directive("set", ("$holdfast_revision", "")))
"""What the log names must be somewhere; where no Site is served, the status server says it."""
DEEPEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Included:
    """The text, and of each of its lines which line of the whole configuration it was."""

    text: str
    lines: Mapping[int, int]


def included(text: str, said: frozenset[str]) -> Included:
    """Return what to include; `said`: what the system's `http` says itself."""
    (http,) = (each for each in parse("nginx.conf", text.encode()).directives if each.name == "http")
    inside = http.block or ()
    shared = tuple(each for each in inside if each.name not in EVERYWHERE | CACHES and "server" in contexts(each.name))
    chosen = [*_global(inside, shared, said), *(_whole(each, shared) for each in inside if each.name == "server" and not _is_default(each))]
    lines = {at: line for at, each in numbered(chosen) if (line := each.line) is not None}
    return Included(text=show(chosen), lines=lines)


def _global(inside: Iterable[Directive], shared: tuple[Directive, ...], said: frozenset[str]) -> Iterator[Directive]:
    for each in inside:
        if each.name != "server" and each not in shared and (each.name in EVERYWHERE | CACHES or each.name not in said):
            yield each


def _whole(server: Directive, shared: tuple[Directive, ...]) -> Directive:
    """Return a server that says for itself what ours have in common; what it says itself goes first, as it does in nginx."""
    own = {each.name for each in server.block or ()}
    logged = LOGGED if any(each.args == (STATUS,) for each in server.all("server_name")) else ()
    return replace(server, block=(*(each for each in shared if each.name not in own), *logged, *(server.block or ())))


def _is_default(server: Directive) -> bool:
    return any(each.args == ("_",) for each in server.all("server_name"))


def numbered(directives: Iterable[Directive], start: int = 1) -> Iterator[tuple[int, Directive]]:
    """Yield each directive with the line at which `show` writes it."""
    line = start
    for each in directives:
        yield line, each
        line += 1
        if each.block:
            yield from numbered(each.block, line)
            line += _height(each.block) + 1


def _height(block: Iterable[Directive]) -> int:
    return sum(1 if not each.block else 2 + _height(each.block) for each in block)


def files(dump: str) -> Mapping[str, str]:
    """Return what `nginx -T` prints, by path."""
    mark = "# configuration file "
    found: dict[str, list[str]] = {}
    path = ""
    for line in dump.splitlines():
        if line.startswith(mark) and line.endswith(":"):
            path = line[len(mark) : -1]
            found[path] = []
        elif path:
            found[path].append(line)
    return {path: "\n".join(lines) for path, lines in found.items()}


def main_says(found: Mapping[str, str], main: str, name: str) -> tuple[str, ...] | None:
    """Return the arguments of a directive of the main file's own level; None where it does not say it."""
    return next((each.args for each in _level(found, main, dirname(main), DEEPEST) if each.name == name), None)


def http_says(found: Mapping[str, str], main: str, without: str) -> frozenset[str]:
    """Return the names that the system's `http` says, in whichever file; `without`: our own file."""
    others = {path: text for path, text in found.items() if path != without}
    blocks = (each.block or () for each in _level(others, main, dirname(main), DEEPEST) if each.name == "http")
    return frozenset(each.name for block in blocks for each in _expanded(block, others, dirname(main), DEEPEST))


def _level(found: Mapping[str, str], path: str, folder: str, depth: int) -> Iterator[Directive]:
    try:
        directives = parse(path, found.get(path, "").encode()).directives
    except DeclarationError:
        return
    yield from _expanded(directives, found, folder, depth)


def _expanded(directives: Iterable[Directive], found: Mapping[str, str], folder: str, depth: int) -> Iterator[Directive]:
    """Yield directives, those of included files in their place."""
    for each in directives:
        if each.name != "include" or not each.args or depth == 0:
            yield each
            continue
        pattern = join(folder, each.args[0])
        for path in sorted(path for path in found if fnmatchcase(path, pattern)):
            yield from _level(found, path, folder, depth - 1)
