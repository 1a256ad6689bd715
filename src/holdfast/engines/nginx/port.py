"""The port `Nginx`: one nginx, its folder and its memory, as the engine handles it. Real and simulated ones pass one contract.

What it has on disk and what it serves are two things: a configuration that a test takes may be refused at the reload, workers take a while,
and somebody may edit the one or reload the other. Methods that raise say so with `EngineError`s.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from holdfast.edge.capability import Capability
from holdfast.edge.world import Places
from holdfast.host.wire import Seen, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One configuration, by the digest that its status server answers with; `pages` by file name."""

    digest: str
    text: str
    pages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a configuration finds beside it. `flags`: files that close Sites; `messages`: what stands in the place of their pages, by file;
    `releases`: Application → release id of the files served."""

    flags: frozenset[str] = frozenset()
    messages: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    releases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What somebody changed in what is served from: the file, a unified diff, and the lines of ours that are no longer as they were."""

    path: str
    diff: str
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Master:
    """The master that is known, by pid and start time; its workers likewise: those that accept, and those that only finish."""

    pid: int
    start_time: int
    accepting: frozenset[tuple[int, int]] = frozenset()
    draining: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Connections of clients: `idle` ones wait for a next request, `busy` ones are answered, or are tunnels."""

    idle: int
    busy: int


class Nginx(Protocol):
    """One nginx. For one caller at a time, but for `answer`, `master`, `edits` and `flags`."""

    places: Places

    async def begin(self) -> None:
        """Find what is installed, and what runs from an earlier life; before anything else."""
        ...

    async def capability(self) -> Capability:
        """Return what the nginx that reads the next configuration can: the running one's while it runs."""
        ...

    async def prepare(self, ground: Ground) -> None:
        """Put flags, secrets and links in place; flags and links hold at once, without a reload. Requests of a paused Site wait."""
        ...

    async def mark(self, suffix: str, wanted: frozenset[str]) -> None:
        """Have exactly these flags of the kind that ends so; they hold at once, without a reload. Writes nothing where they are there."""
        ...

    async def lay(self, generation: Generation) -> None:
        """Write a generation beside what is served; an edited one is written anew."""
        ...

    async def test(self, digest: str, text: str | None = None) -> tuple[str, ...]:
        """Return what nginx says against a generation that was laid; nothing where it takes it. Raises TimedOut.

        `text`: the generation without servers that nginx is known to take; whoever cannot test that by itself tests the whole.
        """
        ...

    async def switch(self, digest: str | None) -> None:
        """Have the next start or reload read this generation; None: none any more."""
        ...

    def current(self) -> str | None:
        """Return the generation that a start or reload would read; None where there is none, or not as it was written."""
        ...

    def linked(self) -> str | None:
        """Return the name of the generation that a start or reload would read, whatever its files hold now."""
        ...

    async def keep(self, most: int) -> None:
        """Forget all but the last generations that were switched to."""
        ...

    async def start(self) -> None: ...

    async def reload(self) -> None:
        """Tell the known master to read its configuration again; whether it takes it is seen by `answer` and `said`."""
        ...

    async def stop(self) -> None:
        """End it, letting requests finish; no nginx is no error."""
        ...

    def master(self) -> Master | None:
        """Return the known master while it lives."""
        ...

    async def answer(self) -> str | None:
        """Return the generation that the workers answer with on the private socket; None where nobody answers."""
        ...

    async def traffic(self) -> Traffic | None:
        """Return how many connections it has now; None where it does not say."""
        ...

    def listener(self, address: str, port: int) -> str | None:
        """Return who else listens there now, for people; None where nobody does, or it cannot be found out."""
        ...

    def descriptors(self) -> int | None:
        """Return how many descriptors a worker may be given at most; None where that is for nginx to find out."""
        ...

    def said(self) -> tuple[str, ...]:
        """Return the lines of the error log since the last call."""
        ...

    def answered(self) -> tuple[str, ...]:
        """Return the lines of the log that breakers are judged by since the last call."""
        ...

    def edits(self) -> tuple[Edit, ...]:
        """Return what somebody changed in the generation that is switched to."""
        ...

    def flags(self) -> frozenset[str]:
        """Return the flags that are there."""
        ...

    def waiting(self, key: str) -> int:
        """Return how many requests of a paused Site wait now."""
        ...

    def certificate(self, namespace: str, name: str) -> str | None:
        """Return the SHA-256 over the DER of the certificate that lies there for the next reload; None where none does."""
        ...

    async def follow(self, ring: Callable[[], None]) -> None:
        """Call `ring` whenever files may have changed or the master may have ended, until cancelled."""
        ...

    async def rotate(self) -> None:
        """Put logs aside that have grown large."""
        ...

    async def aclose(self) -> None:
        """Let go; the nginx goes on."""
        ...


class Wire(Protocol):
    """Looks from outside. Raises `Unavailable` or `TimedOut`."""

    async def visit(self, visit: Visit, *, timeout_s: float) -> Seen: ...


class Certificates(Protocol):
    """Whoever makes the pairs that the configuration names."""

    async def ensure(self, wanted: Collection[tuple[str, str]]) -> None:
        """Make sure that each pair (namespace, name) lies where nginx reads it: self-signed where nobody has issued one yet."""
        ...

    def hosts(self) -> Mapping[str, tuple[str, ...]]:
        """Return `namespace/name` of each declared certificate → the hosts that it is for."""
        ...
