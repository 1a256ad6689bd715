"""The index of a Helm repository, index.yaml: bytes → the versions of one chart. Pure.

An index names thousands of versions of other charts, 20 MB and more, so the lines of this chart are cut out first, as Helm lays them out;
where it is laid out otherwise the whole is read, and what belongs to others is passed over. Every scalar stays text as it is written, no
tag or merge key has a meaning, and an alias may only stand for one scalar, so that an index is never more than its own size.
Source: Helm `pkg/repo/index.go`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

import yaml
from yaml.cyaml import CSafeLoader

Node: TypeAlias = "str | list[Node] | dict[str, Node] | None"
DEEPEST = 64
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")
LATEST = float(1 << 40)
"""No commit is made later than this, in seconds since the epoch."""
_ENTRIES = re.compile(rb"^entries:[ \t]*\r?$", re.MULTILINE)
_NAME_LINE = re.compile(rb"^ +([A-Za-z0-9][A-Za-z0-9._-]*):[ \t]*\r?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One version of a chart, as its index names it."""

    version: str
    urls: tuple[str, ...]
    """Where its archive lies, absolute or relative to the repository."""
    digest: str = ""
    """SHA-256 of the archive, 64 hex digits; "" where the index has none."""
    created_at: float = 0.0
    """Seconds since the epoch; 0 where it is not said."""


def releases_of(data: bytes, chart: str) -> Mapping[str, Release] | None:
    """Return the versions of a chart by their text, in the index's order; None where it has no such chart. ValueError: it is no index."""
    found = _cut_out(data, chart)
    entries = _entries(found, chart) if found is not None else None
    if entries is None:
        entries = _entries(data, chart)
    if entries is None:
        return None
    releases: dict[str, Release] = {}
    for entry in entries:
        if (release := _release(entry)) is not None:
            releases.setdefault(release.version, release)
    return releases


def charts_of(data: bytes) -> list[str]:
    """Return the names of all charts; none where the index is laid out otherwise than Helm does. For hints."""
    at = _ENTRIES.search(data)
    if at is None:
        return []
    first = _NAME_LINE.search(data, at.end())
    if first is None:
        return []
    indent = len(first[0]) - len(first[0].lstrip(b" "))
    return sorted({each[1].decode() for each in _NAME_LINE.finditer(data, at.end()) if each[0].startswith(b" " * indent + each[1])})


def _cut_out(data: bytes, chart: str) -> bytes | None:
    """Return an index of this chart alone, None where its lines are not found."""
    at = _ENTRIES.search(data)
    start = re.compile(rb"^( +)" + re.escape(chart.encode()) + rb":[ \t]*\r?$", re.MULTILINE).search(data, at.end()) if at else None
    if start is None:
        return None
    following = re.compile(rb"^(?!" + start[1] + rb"[ -]|[ \t\r]*$)", re.MULTILINE).search(data, start.end() + 1)
    return b"entries:\n" + data[start.start() : following.start() if following else len(data)]


def _entries(data: bytes, chart: str) -> list[Node] | None:
    """Return what stands at `entries.<chart>`."""
    whole = _read(data, chart)
    entries = whole.get("entries") if isinstance(whole, dict) else None
    if not isinstance(entries, dict):
        raise ValueError("it has no entries")
    found = entries.get(chart)
    return found if isinstance(found, list) else None


def _read(data: bytes, chart: str = "") -> Node:
    """Return the first document; with `chart`, of what lies beneath `entries` only this chart. ValueError where it is no such YAML."""
    try:
        events = yaml.parse(data, Loader=CSafeLoader)
        for event in events:
            if not isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
                return _Reading(events, chart).node(event, ())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark is not None else ""
        raise ValueError(f"it is no YAML{line}") from error
    return None


class _Reading:
    """One document in reading."""

    def __init__(self, events: Iterator[yaml.Event], chart: str) -> None:
        self._events = events
        self._chart = chart
        self._anchors: dict[str, str] = {}

    def node(self, event: yaml.Event, path: tuple[str, ...]) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor:
                self._anchors[event.anchor] = str(event.value)
            return str(event.value)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise ValueError("it holds an alias of more than one value")
            return self._anchors[event.anchor]
        if len(path) > DEEPEST:
            raise ValueError("it is nested too deeply")
        if isinstance(event, yaml.SequenceStartEvent):
            return [self.node(each, (*path, "-")) for each in _until(self._events, yaml.SequenceEndEvent)]
        return self.mapping(path)

    def mapping(self, path: tuple[str, ...]) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for each in _until(self._events, yaml.MappingEndEvent):
            key = self.node(each, (*path, "?"))
            name = key if isinstance(key, str) else ""
            if self._chart and path == ("entries",) and name != self._chart:
                _pass_over(next(self._events), self._events)
            else:
                found[name] = self.node(next(self._events), (*path, name))
        return found


def _until(events: Iterator[yaml.Event], end: type[yaml.Event]) -> Iterator[yaml.Event]:
    for event in events:
        if isinstance(event, end):
            return
        yield event


def _pass_over(event: yaml.Event, events: Iterator[yaml.Event]) -> None:
    depth = 0
    while True:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth <= 0:
            return
        event = next(events)


def _release(entry: Node) -> Release | None:
    """Read one entry; None where it names no version or no archive, which Helm passes over too."""
    if not isinstance(entry, dict):
        return None
    version, urls, digest = entry.get("version"), entry.get("urls"), entry.get("digest")
    found = tuple(url for url in urls if isinstance(url, str) and url) if isinstance(urls, list) else ()
    if not isinstance(version, str) or not found:
        return None
    known = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
    return Release(version=version, urls=found, digest=known[1].lower() if known else "", created_at=instant(entry.get("created")))


def instant(text: object) -> float:
    """Return an RFC 3339 instant in whole seconds since the epoch; 0 where it is none, or none that a commit can have."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        found = None
    if found is None:
        return 0.0
    at = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return float(int(at)) if 0 <= at < LATEST else 0.0


def read_text_mapping(data: bytes) -> Mapping[str, Node]:
    """Return a mapping with every scalar as it is written; ValueError where it is none."""
    found = _read(data)
    if not isinstance(found, dict):
        raise ValueError("it is no mapping")
    return found
