"""Include: the files of a configuration put together as nginx reads them.

Files are known by path, absolute or as they were given, one way for all. nginx looks for a relative path beneath the folder of its main
file; of a fragment, whose main file nobody knows, the folders above it are tried too, the nearest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from holdfast.edge.directive import OPAQUE
from holdfast.edge.tree import Config, Directive, walk
from holdfast.kit.glob import matches

DEEPEST = 16
"""Files that include each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A file with all that it includes in place. Directives keep the places that they were read from."""

    path: str
    directives: tuple[Directive, ...]
    files: frozenset[str]
    """It and all that it includes."""
    missing: tuple[Directive, ...]
    """`include`s of files that are not known."""


@dataclass(slots=True, kw_only=True)
class _Reading:
    files: Mapping[str, Config]
    folder: str
    used: set[str] = field(default_factory=set)
    missing: list[Directive] = field(default_factory=list)


def normal(path: str) -> str:
    """Return a path without `.`, `..` and empty steps; one that climbs out of a relative one keeps its `..`."""
    steps: list[str] = []
    for step in path.split("/"):
        if step == ".." and steps and steps[-1] != "..":
            steps.pop()
        elif step not in {"", "."} and not (step == ".." and path.startswith("/")):
            steps.append(step)
    return ("/" if path.startswith("/") else "") + "/".join(steps)


HOMES = ("/etc/nginx/", "/usr/local/etc/nginx/", "/usr/local/nginx/conf/", "/usr/share/nginx/", "/opt/nginx/conf/", "/data/nginx/")
"""Where nginx's configuration lies on hosts. A copy of it names its files as they lay there."""


def candidates(argument: str, folder: str) -> Iterator[str]:
    """Yield the paths, or patterns, that an `include` may mean, the likeliest first. `folder`: of the file that begins it all."""
    if argument.startswith("/"):
        yield normal(argument)
        home = next((home for home in HOMES if normal(argument).startswith(home)), None)
        if home is None:
            return
        argument = normal(argument).removeprefix(home)
    root = "/" if folder.startswith("/") else ""
    while folder.strip("/"):
        yield normal(f"{folder}/{argument}")
        folder = folder.rpartition("/")[0]
    yield normal(root + argument)


def includes(directives: Sequence[Directive]) -> Iterator[Directive]:
    """Yield the `include`s of a file."""
    for directive, above in walk(tuple(directives)):
        if directive.name == "include" and len(directive.args) == 1 and not (above and above[-1].name in OPAQUE):
            yield directive


def roots(files: Mapping[str, Config]) -> tuple[Whole, ...]:
    """Return the whole configurations: the files that no other file includes, with what they include. Every file is in one of them."""
    found = [whole(path, files) for path in files]
    included = frozenset().union(*(each.files - {each.path} for each in found))
    chosen = [each for each in found if each.path not in included]
    covered = frozenset().union(*(each.files for each in chosen))
    for each in found:
        if each.path not in covered:  # files that include each other in a circle
            chosen.append(each)
            covered |= each.files
    return tuple(chosen)


def whole(path: str, files: Mapping[str, Config]) -> Whole:
    """Return one file with what it includes."""
    reading = _Reading(files=files, folder=path.rpartition("/")[0] or ("/" if path.startswith("/") else ""))
    directives = tuple(_expanded(files[path].directives, reading, (path,)))
    return Whole(path=path, directives=directives, files=frozenset({path, *reading.used}), missing=tuple(reading.missing))


def _expanded(directives: Sequence[Directive], reading: _Reading, above: tuple[str, ...]) -> Iterator[Directive]:
    for directive in directives:
        if directive.name == "include" and len(directive.args) == 1:
            found = _named(directive.args[0], reading)
            if not found and not any(mark in directive.args[0] for mark in "*?["):
                reading.missing.append(directive)
            yield from _of_files(directive, found, reading, above)
        elif directive.block and directive.name not in OPAQUE:
            inner = tuple(_expanded(directive.block, reading, above))
            yield directive if inner == directive.block else replace(directive, block=inner)
        else:
            yield directive


def _of_files(include: Directive, found: Sequence[str], reading: _Reading, above: tuple[str, ...]) -> Iterator[Directive]:
    """Yield what the files of an `include` say; the include itself where nothing of it is known, or it goes round in a circle."""
    known = [path for path in found if path not in above]
    if not known or len(above) > DEEPEST:
        yield include
    for path in known if len(above) <= DEEPEST else ():
        reading.used.add(path)
        yield from _expanded(reading.files[path].directives, reading, (*above, path))


def _named(argument: str, reading: _Reading) -> list[str]:
    for candidate in candidates(argument, reading.folder):
        found = sorted(path for path in reading.files if path == candidate or matches(candidate, path, separated=True))
        if found:
            return found
    return []
