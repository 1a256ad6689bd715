"""Heals of one resource: the first at once, then slower, then contended, then forgiven."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.damping import Damping
from holdfast.kit.backoff import Backoff
from holdfast.model.ids import ResourceId

WEB = ResourceId("host", "Process", "shop", "web")
OTHER = ResourceId("host", "Process", "shop", "other")
PLAIN = Backoff(first_s=1.0, factor=2.0, cap_s=60.0)


def damping() -> Damping:
    return Damping(limit=3, window_s=100.0, retry=PLAIN)


def test_the_first_heal_is_immediate_and_later_ones_back_off() -> None:
    it = damping()
    assert it.due_at(WEB, 5.0) == 5.0
    assert not it.healed(WEB, 5.0, 1.0)
    assert it.due_at(WEB, 5.0) == 6.0
    assert not it.healed(WEB, 6.0, 0.5)
    assert it.due_at(WEB, 6.0) == 7.0, "half of two seconds"
    assert it.due_at(WEB, 50.0) == 50.0, "a drift that comes late is healed at once"
    assert it.due_at(OTHER, 6.0) == 6.0


def test_too_many_in_a_window_are_contended_and_healed_slowly() -> None:
    it = damping()
    assert [it.healed(WEB, at, 0.0) for at in (0.0, 1.0, 2.0, 62.0)] == [False, False, True, False]
    assert it.is_contended(WEB, 62.0)
    assert it.due_at(WEB, 62.0) == 122.0


def test_patience_is_not_contended() -> None:
    it = damping()
    assert not any(it.healed(WEB, at, 1.0) for at in (0.0, 60.0, 120.0, 180.0))


def test_quiet_forgives() -> None:
    it = damping()
    for at in (0.0, 1.0, 2.0):
        it.healed(WEB, at, 0.0)
    it.healed(OTHER, 2.0, 0.0)
    assert it.forgiven(101.0) == ()
    assert it.is_contended(WEB, 101.0)
    assert not it.is_contended(WEB, 102.0)
    assert it.forgiven(102.0) == (WEB,)
    assert it.to_json() == []
    assert it.due_at(WEB, 102.0) == 102.0


def test_heals_to_what_is_still_wanted_are_not_forgotten() -> None:
    it = damping()
    for at in (0.0, 1.0, 2.0):
        it.healed(WEB, at, 0.0, "old")
    assert not it.forgive(WEB, "old")
    assert it.is_contended(WEB, 2.0)
    assert it.forgive(WEB, "new")
    assert not it.is_contended(WEB, 2.0)


def test_a_person_forgives() -> None:
    it = damping()
    for at in (0.0, 1.0, 2.0):
        it.healed(WEB, at, 0.0)
    it.forgive(WEB)
    assert not it.is_contended(WEB, 3.0)
    assert it.due_at(WEB, 3.0) == 3.0


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 0.99), st.booleans()), max_size=20))
def test_a_restart_changes_nothing(story: list[tuple[float, float, bool]]) -> None:
    steady, restarted, now = damping(), damping(), 0.0
    for wait, unit, is_restarted in story:
        now += wait
        assert steady.due_at(WEB, now) == restarted.due_at(WEB, now)
        assert steady.healed(WEB, now, unit) == restarted.healed(WEB, now, unit)
        assert steady.is_contended(WEB, now) == restarted.is_contended(WEB, now)
        if is_restarted:
            saved = restarted.to_json()
            restarted = damping()
            restarted.restore(saved)


def test_a_heal_counts_for_as_long_as_its_window_and_no_longer() -> None:
    it = damping()
    assert [it.healed(WEB, at, 0.0) for at in (0.0, 50.0, 100.0)] == [False, False, False]
    assert it.healed(WEB, 149.0, 0.0)


def test_only_who_fights_is_forgiven() -> None:
    it = damping()
    it.healed(WEB, 0.0, 0.0)
    assert not it.forgive(WEB)
    assert not it.forgive(OTHER)
    assert it.to_json() == []


def test_it_is_written_down_word_by_word_and_an_older_daemons_word_is_read() -> None:
    it = damping()
    it.healed(WEB, 5.0, 1.0, "digest")
    told: Any = it.to_json()[0]
    assert told == {"id": ["host", "Process", "shop", "web"], "at": [5.0], "due_at": 6.0, "state": "digest", "is_contended": False}
    again = damping()
    again.restore([{name: value for name, value in told.items() if name != "state"}])
    assert again.to_json() == [{**told, "state": ""}]
    assert not again.forgive(WEB, "")


def test_what_it_was_healed_to_survives_a_restart() -> None:
    before, it = damping(), damping()
    for at in (0.0, 1.0, 2.0):
        before.healed(WEB, at, 0.0, "digest")
    it.restore(before.to_json())
    assert it.to_json() == before.to_json()
    assert not it.forgive(WEB, "digest")
    assert it.forgive(WEB, "another")


def test_an_older_record_does_not_say_to_what() -> None:
    before, it = damping(), damping()
    before.healed(WEB, 1.0, 0.0)
    (entry,) = before.to_json()
    assert isinstance(entry, dict)
    assert entry.pop("state") == ""
    it.restore([entry])
    assert it.to_json() == before.to_json()
