"""The past as folds: where a view begins, and which moments can no longer be told. For the journal and for `reader`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from holdfast.core.fold import Folding
from holdfast.core.view import from_json
from holdfast.errors import StoreError
from holdfast.kit.clock import Instant
from holdfast.model.event import Event
from holdfast.model.ports import Snapshot

PAGE = 2_000
"""Events that are read at once."""


def begin(snapshot: Snapshot | None) -> Folding:
    """Return a fold that goes on after `snapshot`; from nothing without one. Raises StoreError where it cannot be read."""
    if snapshot is None:
        return Folding()
    try:
        return Folding(from_json(cast(dict[str, Any], snapshot.view)))
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError("HF5003", f"cannot read snapshot {snapshot.seq} of the store: {error}", hint="holdfast explain HF5003") from error


def must_reach(first: tuple[Event, ...], instant: Instant | None, newest: Snapshot | None = None) -> None:
    """Raise StoreError where no snapshot is old enough and the events do not begin at the beginning.

    `first` is the oldest one kept; where none is, `newest` tells that there were some: a snapshot takes the place of what was forgotten.
    """
    if first[0].seq > 1 if first else newest is not None:
        moment = f"at {datetime.fromtimestamp(instant, UTC):%Y-%m-%d %H:%M:%SZ}" if instant is not None else "now"
        raise StoreError(
            "HF5007",
            f"cannot tell how things stood {moment}: events of then are no longer kept",
            hint="`holdfast events` shows the oldest one that is",
        )
