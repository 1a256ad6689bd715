"""The ports of the outside. Each has a real and a simulated implementation that pass one contract suite; deciding code sees only these."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self, TypeAlias

from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.kit.secret import Secret
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live
from holdfast.model.operation import Operation, Step
from holdfast.model.plan import Inventory, Owned


class Engine(Protocol):
    """One system that resources live in. Thin: translates, decides nothing. Raises only `EngineError`s."""

    name: str
    kinds: frozenset[str]

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        """Look at `ids`; each is in the answer, observed (absent counts) or unreachable with the reason."""
        ...

    async def apply(self, step: Step) -> None:
        """Do one step. Safe to repeat with the same operation, to cancel, and to run beside steps on other ids."""
        ...

    def watch(self) -> AsyncIterator[ResourceId]:
        """Yield the id of whatever may have changed, never a payload; own changes too. Coalesces; misses nothing while iterated."""
        ...


class Logs(Protocol):
    """Optional for an engine: what a resource wrote."""

    async def tail(self, id: ResourceId, lines: int, since: Instant | None = None) -> tuple[str, ...]:
        """Return the last lines, of those written since an instant, which is only asked where lines have times."""
        ...

    def follow(self, id: ResourceId) -> AsyncIterator[str]: ...


@dataclass(frozen=True, slots=True)
class Append:
    event: Event


@dataclass(frozen=True, slots=True)
class PutOwned:
    owned: Owned


@dataclass(frozen=True, slots=True)
class DropOwned:
    id: ResourceId


@dataclass(frozen=True, slots=True)
class PutOperation:
    operation: Operation


@dataclass(frozen=True, slots=True)
class PutRecord:
    space: str
    key: str
    value: Json


@dataclass(frozen=True, slots=True)
class DropRecord:
    space: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The folds of all events up to `seq`, so that older events may go."""

    seq: int
    at: Instant
    view: Json


@dataclass(frozen=True, slots=True)
class PutSnapshot:
    snapshot: Snapshot


Write: TypeAlias = Append | PutOwned | DropOwned | PutOperation | PutRecord | DropRecord | PutSnapshot


class Store(Protocol):
    """What Holdfast remembers. One writer; a commit is atomic and survives a crash of the process once it returned. Raises `StoreError`."""

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        """Do all or none; return the appended events with their `seq`: ascending without gaps, in the order of `writes`."""
        ...

    async def events(
        self,
        *,
        after: int = 0,
        until: Instant | None = None,
        application: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> tuple[Event, ...]:
        """Return events with seq > `after` and at <= `until`, ascending; with `newest` the last `limit` of them, still ascending."""
        ...

    async def inventory(self) -> Inventory: ...

    async def operations(
        self, *, application: str | None = None, limit: int | None = None, unfinished: bool = False
    ) -> tuple[Operation, ...]:
        """Return operations, newest first; with `unfinished` those whose phase is Running."""
        ...

    async def records(self, space: str) -> Mapping[str, Json]: ...

    async def snapshot(self, *, until: Instant | None = None) -> Snapshot | None:
        """Return the newest snapshot with at <= `until`."""
        ...

    async def prune_events(self, *, before: Instant) -> int:
        """Forget events older than `before` that a snapshot covers; return how many."""
        ...


class Records(Protocol):
    """What an engine must remember, in a space of its own: in memory for reading, journalled before `put` returns."""

    def get(self, key: str) -> Json: ...

    def all(self) -> Mapping[str, Json]: ...

    async def put(self, key: str, value: Json) -> None: ...

    async def drop(self, key: str) -> None: ...


class Secrets(Protocol):
    """Secret references → values. Only engines resolve, when they apply."""

    def resolve(self, reference: str) -> Secret:
        """Return the secret; `Rejected` (HF3110) where there is none, naming where it was looked for."""
        ...

    def fingerprint(self, reference: str) -> str | None:
        """Return the keyed hash of the value, or None where it cannot be read now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Net(Protocol):
    """Looks from outside: probes and proofs. Raises `Unavailable` (refused, reset) or `TimedOut`."""

    async def connect(self, target: Mapping[str, Json], *, timeout_s: float) -> None:
        """Open and close a connection: {"host","port"} or {"path"} (unix)."""
        ...

    async def http(
        self,
        target: Mapping[str, Json],
        *,
        method: str = "GET",
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        timeout_s: float,
    ) -> HttpAnswer:
        """Ask once over a connection of its own, following no redirect; the body is cut at 64 KiB."""
        ...


class FileStatus(Protocol):
    """What is at a path: `os.stat_result`, as far as deciding code reads it."""

    @property
    def st_mode(self) -> int: ...

    @property
    def st_uid(self) -> int: ...

    @property
    def st_gid(self) -> int: ...

    @property
    def st_size(self) -> int: ...


class Folder(Protocol):
    """A folder that everything stays beneath: no link is followed, no path leaves. Paths are relative to it.

    Raises `Rejected`: HF3100 a path that is not plain, HF3101 a link or a file where a folder is expected, HF3103 not a plain file or too
    large; `Unavailable` (HF3104): the disk said no.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def stat(self, relative: str) -> FileStatus | None:
        """Return what is at a path, a link itself and not its target; None where nothing is. "" is the folder itself."""
        ...

    def read(self, relative: str, *, limit: int) -> bytes:
        """Return the content of a plain file of at most `limit` bytes."""
        ...

    def write(self, relative: str, data: bytes, *, mode: int = 0o644, uid: int = -1, gid: int = -1) -> None:
        """Replace a file: a reader sees the old content or the new, a crash leaves one of them. A link of that name is replaced."""
        ...

    def make_folders(self, relative: str, *, mode: int = 0o755, uid: int = -1, gid: int = -1) -> None:
        """Make a folder and those above it; the new ones get that mode and owner, old ones are left as they are."""
        ...

    def remove(self, relative: str) -> bool:
        """Remove a file or a link; return whether there was one."""
        ...


class Files(Protocol):
    """The files of a host."""

    def is_there(self, path: str) -> bool:
        """Say whether anything is at an absolute path, a link that leads nowhere included."""
        ...

    def open(self, path: str) -> Folder:
        """Open a folder by its absolute path, which is the operator's and may go through links; the caller closes it."""
        ...


Emit: TypeAlias = Callable[[Event], Awaitable[None]]
"""How engines say what happened: the event is journalled, or waits in a bounded ring while the store is down."""


class Journal(Protocol):
    """The one door through which events go: stored, folded into what people see, told to whoever listens."""

    async def emit(self, *events: Event) -> None:
        """Say what happened. While the store is down the events wait in a bounded ring; never raises `StoreError`."""
        ...

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        """Write all or none, before an effect that must not happen unwritten; raises `StoreError`."""
        ...
