"""Service: what the API asks of the running daemon. `app` implements it; tests have one that remembers what it was asked.

Every method raises only `HoldfastError`s; an Application that is not known is HF7004 (`unknown_application`). Shapes of the answers are
those of product.md §5; `document` makes them from values of the model.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from holdfast.errors import UsageError
from holdfast.kit.clock import Instant
from holdfast.kit.suggest import did_you_mean
from holdfast.model.event import Event

Data: TypeAlias = Mapping[str, Any]
"""The `data` of a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line that a resource wrote; `source` is its id."""

    source: str
    text: str


class Service(Protocol):
    """The doors of the daemon. `person` is who asks, `uid name`, from the kernel and not from the caller."""

    def version(self) -> Data:
        """Return {version, pid, state, started_at}."""
        ...

    async def status(self, application: str | None, at: Instant | None) -> Data:
        """Return the data of `Status`, as it is or as it was at an instant."""
        ...

    async def history(self, application: str) -> Data:
        """Return the data of `History`: {operations[], events[]}."""
        ...

    async def newest(self) -> int:
        """Return the seq of the newest event, 0 where there is none."""
        ...

    async def events(self, after: int, limit: int | None, application: str | None, since: Instant | None) -> tuple[Event, ...]:
        """Return events with seq > `after` and at >= `since`, ascending; with `limit` and nothing else the newest of them."""
        ...

    def follow(self, after: int) -> AsyncIterator[Event]:
        """Yield every event with seq > `after`, those that are there and then those that come, without gap or repetition."""
        ...

    async def plan(self, application: str, revision: str | None) -> Data:
        """Return the data of `Plan` for one Application, now or as another revision would have it."""
        ...

    async def sync(self, application: str, person: str, approve: str | None, wait: bool) -> Data:
        """Return the data of `Operation`; without `wait` as soon as it is accepted, with {operation: null, accepted: true}."""
        ...

    async def rollback(self, application: str, to: str | None, person: str) -> Data:
        """Return the data of `Operation` when it has ended."""
        ...

    async def suspend(self, application: str, person: str, reason: str) -> None: ...

    async def resume(self, application: str, person: str) -> None: ...

    async def down(self, application: str, person: str, approve: str | None) -> Data:
        """Return the data of `Operation` when all that the Application has is gone."""
        ...

    def logs(self, name: str, lines: int, follow: bool) -> AsyncIterator[LogLine]:
        """Yield the last `lines` lines of an Application's resources, or of one resource by its id, and with `follow` what comes."""
        ...

    async def refresh(self, application: str | None) -> None:
        """Look at Git now, for one Application or for all."""
        ...

    async def tree(self, application: str | None) -> Data:
        """Return the applications and their resources as `status` does; more fields do no harm.

        A tree is drawn from `resources[]` {id, destination, declared, needs[], wave, sync, health, message, origin}; a `declared` other
        than the resource's own id says what it was derived from.
        """
        ...

    async def doctor(self) -> Data:
        """Return {checks[] {name, result ok|warn|fail, message, next_step}} of what only the daemon can look at."""
        ...


def unknown_application(name: str, known: Iterable[str]) -> UsageError:
    """Return the error for an Application that nobody declared."""
    names = sorted(known)
    guess = did_you_mean(name, names)
    have = f"there are {', '.join(names)}" if names else "there is none yet; start one with `holdfast up -f application.yaml`"
    return UsageError("HF7004", f"cannot find Application {name}: it is not known here", hint=f"did you mean {guess}?" if guess else have)
