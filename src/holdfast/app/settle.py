"""Settle: for `up --once`, wait until every Application stands as Git says, or cannot get there by itself, and say which.

Reads the view that people see; looks again whenever an event came.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, suppress

from holdfast.app.house import House
from holdfast.core.view import SYNCED, ApplicationView, View
from holdfast.model.event import Event
from holdfast.model.live import Status
from holdfast.model.operation import Phase
from holdfast.model.resource import Resource

PROOFS_S = 3.0
"""How long a settled house waits for the first looks from outside."""
OK, FAILED, DEGRADED, REFUSED, LATE = 0, 1, 3, 5, 75
WAITS = frozenset({"retrying", "window"})
"""Holds that time alone lifts."""


async def settle(house: House, timeout_s: float) -> int:
    """Return the exit code that it ended with, at the latest after `timeout_s`.

    0 all Synced and Healthy; 1 a source, a render or the store failed; 3 degraded, pinned or held; 5 policy said no; 75 not in time.
    """
    async with aclosing(house.journal.follow(house.journal.newest)) as news:
        try:
            async with asyncio.timeout(timeout_s):
                code = await _settled(house, news)
        except TimeoutError:
            return LATE
        if code == OK:
            with suppress(TimeoutError):  # what is not proven yet reads so
                async with asyncio.timeout(min(PROOFS_S, timeout_s)):
                    await _proven(house, news)
        return code


async def _settled(house: House, news: AsyncIterator[Event]) -> int:
    followed = house.followed
    if followed is not None:
        await followed.listed()
        if followed.rival is not None:
            return REFUSED
    names = house.applications.names
    await house.looked_at(names)
    while (code := await _judged(house, names)) is None:
        await anext(news)
    return FAILED if followed is not None and followed.problems else code


async def _proven(house: House, news: AsyncIterator[Event]) -> None:
    while not all_proven(house.journal.view, (owned.resource for owned in house.ledger.inventory.values())):
        await anext(news)


async def _judged(house: House, names: Iterable[str]) -> int | None:
    for name in names:
        await house.sync.idle(name)
    view = house.journal.view
    codes = [judge(view.applications[name]) if name in view.applications else None for name in names]
    return None if None in codes else max((code for code in codes if code is not None), key=_WEIGHT.index, default=OK)


_WEIGHT = (OK, DEGRADED, REFUSED, FAILED)


def judge(it: ApplicationView) -> int | None:
    """Return the exit code for one Application that nothing is under way for, None while time may still change it."""
    if it.render_errors or it.source_error is not None:
        return FAILED
    if it.refused:
        return REFUSED
    if it.pin is not None or it.suspended is not None:
        return DEGRADED
    if it.held is not None:
        return None if it.held["kind"] in WAITS else FAILED if it.held["kind"] == "exhausted" else DEGRADED
    if it.sync == SYNCED and it.health.status in (Status.HEALTHY, Status.SUSPENDED):
        return OK
    if it.health.status is Status.DEGRADED:
        return DEGRADED
    has_failed = it.operation is not None and it.operation.phase == Phase.FAILED
    return FAILED if has_failed and it.sync != SYNCED else None


def all_proven(view: View, resources: Iterable[Resource]) -> bool:
    """Say whether every claim was looked at."""
    seen = {(id, claim) for it in view.applications.values() for id, resource in it.resources.items() for claim in resource.proofs}
    return all((resource.id, claim.text) in seen for resource in resources for claim in resource.claims)
