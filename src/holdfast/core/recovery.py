"""Recovery: what a start does about operations that the last run did not finish.

Nothing is resumed in the middle: unfinished operations are marked superseded, everything is observed, and the Application is planned again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from holdfast.kit.clock import Instant
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Phase, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What to plan anew for one Application."""

    application: str
    trigger: Trigger
    revision: str
    desired_digest: str
    created: frozenset[ResourceId]
    """What all of its unfinished operations set out to create: what a rollback of the next one may delete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    superseded: tuple[Operation, ...]
    """To be stored, oldest first."""
    again: tuple[Again, ...]
    """In order of application."""


def recover(unfinished: Iterable[Operation], now: Instant) -> Recovery:
    """Decide from the operations whose phase is Running. The newest of an Application says what it was about.

    A heal needs no plan of its own: what drifted is seen when everything is observed.
    """
    ordered = sorted((it for it in unfinished if it.phase is Phase.RUNNING), key=lambda it: (it.started_at, it.id))
    newest = {it.application: it for it in ordered if it.trigger is not Trigger.DRIFT}
    return Recovery(
        superseded=tuple(_superseded(it, now) for it in ordered),
        again=tuple(_again(newest[application], ordered) for application in sorted(newest)),
    )


def _superseded(operation: Operation, now: Instant) -> Operation:
    message = "the daemon stopped in the middle; the work is planned again from what is live"
    return replace(operation, phase=Phase.SUPERSEDED, finished_at=now, message=message)


def _again(newest: Operation, unfinished: Iterable[Operation]) -> Again:
    created = frozenset(id for it in unfinished if it.application == newest.application for id in it.created)
    return Again(
        application=newest.application,
        trigger=newest.trigger,
        revision=newest.revision,
        desired_digest=newest.desired_digest,
        created=created,
    )
