"""The order in which nginx looks at locations, kept where a Site's own differs.

nginx takes the longest prefix; unless that says ^~ it tries the patterns in turn, and takes the prefix where none fits. A prefix of nginx
is any beginning of a path, `/api` that of /apis too. A Site takes an exact path, else the longest prefix of whole segments, else the first
pattern that fits, else `/`. What would come out otherwise becomes a pattern; what then still would is no Site.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from holdfast.edge.import_place import Notebook
from holdfast.edge.import_value import accepted
from holdfast.edge.regex import Anchor, Chars, Node, Series, is_catastrophic, read_regex
from holdfast.edge.scalar import Pattern, UrlPath
from holdfast.edge.tree import Directive


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One location as a path of a Site."""

    match: str
    """`prefix`, `exact` or `regex`."""
    path: str
    location: Directive
    prefix: str | None = None
    """What it was before it became a pattern."""
    is_final: bool = False
    """Whether no pattern is tried after it (^~)."""


def entries(locations: Sequence[Directive], notebook: Notebook) -> tuple[Entry, ...]:
    """Return locations as paths, in the order in which a Site must have them."""
    read = [each for location in locations if (each := _entry(location, notebook)) is not None]
    patterns = [each for each in read if each.match == "regex"]
    turned = _turned([each for each in read if each.match == "prefix" and each.path != "/"], patterns)
    for plain in turned:
        shorter = next((each for each in turned if each.is_final and plain.path.startswith(each.path) and each is not plain), None)
        if shorter is not None and not plain.is_final:
            notebook.cannot(plain.location, f"patterns are tried for {plain.path} and not for {shorter.path} around it")
    kept = [each for each in read if each.match != "regex" and each not in turned]
    final = [each for each in turned if each.is_final]
    others = [each for each in turned if not each.is_final]
    return (*kept, *map(_as_pattern, final), *patterns, *map(_as_pattern, others))


def _entry(location: Directive, notebook: Notebook) -> Entry | None:
    how, path = location.args if len(location.args) == 2 else ("", location.args[0] if location.args else "")
    match how:
        case "=" | "" | "^~":
            if accepted(UrlPath, path) is None:
                notebook.cannot(location, f"{path} is no path that nginx ever compares")
                return None
            return Entry(match="exact" if how == "=" else "prefix", path=path, location=location, is_final=how == "^~")
        case "~" | "~*":
            pattern = f"(?i){path}" if how == "~*" else path
            node = read_regex(path)
            if accepted(Pattern, pattern) is None:
                notebook.cannot(location, f"the pattern {path} is not understood")
                return None
            if node is not None and is_catastrophic(node):
                notebook.cannot(location, f"the pattern {path} can take exponential time")
                return None
            return Entry(match="regex", path=pattern, location=location)
    notebook.cannot(location, f"location {how} is not understood")
    return None


def _turned(prefixes: Sequence[Entry], patterns: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the prefixes that must become patterns, the longest first."""
    found = [
        each
        for each in prefixes
        if not each.path.endswith("/") or (not each.is_final and any(_may_take(pattern, each.path) for pattern in patterns))
    ]
    while more := [each for each in prefixes if each not in found and any(other.path.startswith(each.path) for other in found)]:
        found += more
    return tuple(sorted(found, key=lambda each: -len(each.path)))


def _may_take(pattern: Entry, prefix: str) -> bool:
    """Say whether a pattern may fit a path below a prefix."""
    node = read_regex(pattern.path.removeprefix("(?i)"))
    begins = "" if node is None else "".join(_beginning(node))
    if pattern.path.startswith("(?i)"):
        begins, prefix = begins.lower(), prefix.lower()
    return begins.startswith(prefix) or prefix.startswith(begins)


def _beginning(node: Node) -> Iterator[str]:
    """Yield the characters that everything begins with that a pattern fits."""
    items = node.items if isinstance(node, Series) else (node,)
    if not items or items[0] != Anchor("^"):
        return
    for item in items[1:]:
        if not isinstance(item, Chars) or item.mask.bit_count() != 1 or item.mask.bit_length() > 128:
            return
        yield chr(item.mask.bit_length() - 1)


def _as_pattern(entry: Entry) -> Entry:
    return replace(entry, match="regex", path=f"^{re.escape(entry.path)}", prefix=entry.path)
