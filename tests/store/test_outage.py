"""The ring: nothing is lost but the oldest, in order, through every way a try can end."""

from __future__ import annotations

from dataclasses import replace

from holdfast.model.event import Event
from holdfast.store.outage import Outage
from holdfast.testing.contracts.store import event

OPENING = event(0)


def numbers(events: tuple[Event, ...]) -> list[int]:
    return [int(it.at) for it in events]


def outage(*waiting: int, room: int = 100) -> Outage:
    it = Outage(opening=OPENING, tried_at=0.0, room=room)
    it.keep(event(n) for n in waiting)
    return it


def test_what_comes_while_a_try_is_under_way_waits_for_the_next() -> None:
    it = outage(1, 2)
    assert numbers(it.take()) == [0, 1, 2]
    it.keep([event(3)])
    assert numbers(it.pending) == [0, 1, 2, 3]
    it.stored()
    assert numbers(it.pending) == [3]
    assert not it.is_over
    it.take()
    it.stored()
    assert it.is_over


def test_a_try_that_fails_puts_everything_back_in_order() -> None:
    it = outage(1, 2)
    it.take()
    it.keep([event(3)])
    it.failed(event(9), 5.0)
    assert numbers(it.pending) == [0, 1, 2, 3]
    assert it.tried_at == 5.0


def test_a_new_failure_after_the_first_was_told_has_an_opening_of_its_own() -> None:
    it = outage(1)
    it.take()
    it.keep([event(2)])
    it.stored()
    it.take()
    it.failed(event(9), 5.0)
    assert numbers(it.pending) == [9, 2]


def test_the_oldest_are_dropped_and_the_opening_never() -> None:
    it = outage(1, 2, 3, room=3)
    it.take()
    it.keep(event(n) for n in range(4, 8))
    assert it.dropped == 1
    it.failed(event(9), 5.0)
    assert numbers(it.pending) == [0, 5, 6, 7]
    assert it.dropped == 4


def test_what_the_store_has_after_all_is_not_written_again() -> None:
    it = outage(1, 2, 2, 3)
    it.take()
    it.forget([replace(event(2), seq=8), replace(event(7), seq=9)])
    assert numbers(it.pending) == [0, 1, 2, 3]
    it.forget([replace(OPENING, seq=10), replace(event(1), seq=11), replace(event(2), seq=12), replace(event(3), seq=13)])
    assert it.is_over
