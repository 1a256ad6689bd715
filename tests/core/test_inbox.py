"""The inbox's laws: playbooks of marks and turns, and any number of them in any order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.inbox import Inbox
from holdfast.kit.backoff import Backoff
from holdfast.model.ids import ResourceId

A, B, C, D = (ResourceId("host", "Process", "shop", name) for name in "abcd")
PLAIN = Backoff(first_s=1.0, factor=2.0, cap_s=8.0)


def play(script: str, inbox: Inbox | None = None) -> Inbox:
    """Run lines `<time> <command>`: mark, forget, drop, rest, resume, ok, fail, again:SECONDS with a name; `take` with what it gives."""
    inbox = inbox or Inbox(slots=2, retry=PLAIN)
    names = {id.name: id for id in (A, B, C)}
    for line in script.strip().splitlines():
        at, command, *rest = line.split()
        now = float(at)
        match command.split(":"):
            case ["take"]:
                taken = inbox.take(now)
                assert (taken.name if taken else "nothing") == rest[0], line
            case ["wake"]:
                assert inbox.wake_at() == (None if rest[0] == "never" else float(rest[0])), line
            case ["mark"]:
                inbox.mark(names[rest[0]], now)
            case ["forget"]:
                inbox.forget_failures(names[rest[0]], now)
            case ["drop" | "rest" | "resume" as verb]:
                getattr(inbox, verb)(names[rest[0]])
            case ["ok" | "fail" as how]:
                inbox.finished(names[rest[0]], now, ok=how == "ok")
            case ["again", seconds]:
                inbox.finished(names[rest[0]], now, ok=True, again_in=float(seconds))
            case _:
                pytest.fail(f"no such line: {line}")
    return inbox


PLAYBOOKS = {
    "the first turn is immediate": "0 mark a\n0 wake 0\n0 take a\n0 take nothing\n1 ok a\n9 take nothing",
    "the longest due comes first": "0 mark b\n1 mark a\n2 take b\n2 take a",
    "marks coalesce": "0 mark a\n0 mark a\n1 mark a\n1 take a\n2 ok a\n2 take nothing",
    "a mark in hand is owed one more turn": (
        "0 mark a\n0 take a\n1 mark a\n1 mark a\n1 take nothing\n2 ok a\n2 take a\n2 ok a\n9 take nothing"
    ),
    "slots are kept": "0 mark a\n0 mark b\n0 mark c\n0 take a\n0 take b\n0 take nothing\n0 wake never\n1 ok a\n1 take c",
    "failures back off and double": "0 mark a\n0 take a\n0 fail a\n0 wake 1\n0.9 take nothing\n1 take a\n1 fail a\n1 wake 3",
    "a mark does not end a backoff": "0 mark a\n0 take a\n0 fail a\n0.5 mark a\n0.5 take nothing\n1 take a",
    "a new desired state does": "0 mark a\n0 take a\n0 fail a\n0.5 forget a\n0.5 take a\n0.5 fail a\n0.5 wake 1.5",
    "a failure of what is no longer wanted does not count": "0 mark a\n0 take a\n1 forget a\n2 fail a\n2 take a\n2 fail a\n2 wake 3",
    "a mark ends a voluntary wait": "0 mark a\n0 take a\n0 again:9 a\n0 wake 9\n1 mark a\n1 take a\n1 ok a\n9 take nothing",
    "a voluntary wait ends by itself": "0 mark a\n0 take a\n0 again:9 a\n8 take nothing\n9 take a",
    "a later mark does not put off a turn": "0 mark a\n1 mark a\n1 wake 0",
    "what is dropped is owed nothing": "0 mark a\n0 mark b\n0 drop a\n0 take b\n0 drop b\n1 fail b\n9 take nothing",
    "a mark after a drop counts": "0 mark a\n0 take a\n0 drop a\n1 mark a\n2 ok a\n2 take a",
    "one that rests gives its slot": (
        "0 mark a\n0 mark b\n0 mark c\n0 take a\n0 take b\n1 rest a\n1 take c\n2 resume a\n2 ok b\n2 mark b\n2 take nothing"
    ),
    "one that rests is in hand": "0 mark a\n0 take a\n1 rest a\n1 mark a\n1 take nothing\n2 ok a\n2 take a",
}


@pytest.mark.parametrize("says", PLAYBOOKS)
def test_playbook(says: str) -> None:
    play(PLAYBOOKS[says])


def test_a_full_jitter_spreads_the_next_try() -> None:
    inbox = Inbox(retry=PLAIN)
    inbox.mark(A, 0.0)
    inbox.take(0.0)
    inbox.finished(A, 0.0, ok=False, unit=0.25)
    assert inbox.wake_at() == 0.25
    assert inbox.failures(A) == 1


def test_finishing_what_is_not_in_hand_is_a_mistake() -> None:
    inbox = play("0 mark a")
    with pytest.raises(ValueError, match="nobody's hand"):
        inbox.finished(A, 0.0, ok=True)


@given(st.integers(0, 2**24))
def test_no_mark_is_lost_and_nothing_is_in_two_hands(seed: int) -> None:
    """Any story: whatever is wanted at the end is seen by a turn that began after it was marked."""
    dice, inbox = random.Random(seed), Inbox(slots=2, retry=PLAIN)
    wanted, live = dict.fromkeys((A, B, C), 0), dict.fromkeys((A, B, C), 0)
    in_hand: dict[ResourceId, int] = {}
    resting: set[ResourceId] = set()
    now = 0.0
    for _ in range(80):
        now += dice.random()
        match dice.choice(["mark", "take", "finish", "rest"]):
            case "mark":
                id = dice.choice((A, B, C))
                wanted[id] += 1
                dice.choice([inbox.mark, inbox.forget_failures])(id, now)
            case "take" if (taken := inbox.take(now)) is not None:
                assert taken not in in_hand, "one id in two hands"
                in_hand[taken] = wanted[taken]
                assert len(in_hand.keys() - resting) <= 2
            case "finish" if in_hand:
                id = dice.choice(sorted(in_hand))
                ok, aim = dice.random() > 0.3, in_hand.pop(id)
                resting.discard(id)
                live[id] = aim if ok else live[id]
                inbox.finished(id, now, ok=ok, unit=dice.random(), again_in=dice.choice([None, 1.0]))
            case "rest" if in_hand:
                id = dice.choice(sorted(in_hand))
                resting.add(id)
                inbox.rest(id)
    for id in sorted(in_hand):
        live[id] = in_hand[id]
        inbox.finished(id, now, ok=True)
    while live != wanted:
        due_at = inbox.wake_at()
        assert due_at is not None, "a mark was lost"
        now = max(now, due_at)
        id = inbox.take(now) or pytest.fail("what is due was not given")
        live[id] = wanted[id]
        inbox.finished(id, now, ok=True)


def test_the_heap_does_not_grow_with_marks() -> None:
    inbox = Inbox(retry=PLAIN)
    for at in range(5_000):
        inbox.mark(A, float(at))
        inbox.take(float(at))
        inbox.finished(A, float(at), ok=True, again_in=100_000.0 - at)
    assert len(inbox) == 1
    assert len(inbox._due) <= 100


def test_slots_are_counted_through_rest_and_resume() -> None:
    """Two work, one rests and comes back: three are at work, and two must end before the next begins."""
    inbox = play("0 mark a\n0 mark b\n0 mark c\n0 take a\n0 take b\n0 rest a\n0 rest a\n0 take c\n0 resume a\n0 resume a")
    inbox.mark(D, 1.0)
    inbox.finished(B, 1.0, ok=True)
    assert inbox.take(1.0) is None
    inbox.finished(C, 1.0, ok=True)
    assert inbox.take(1.0) == D


def test_the_end_of_one_that_rests_gives_no_slot_twice() -> None:
    inbox = play("0 mark a\n0 mark b\n0 mark c\n0 take a\n0 rest a\n0 take b\n0 take c\n0 ok a")
    inbox.mark(D, 1.0)
    assert inbox.take(1.0) is None


def test_one_that_is_not_in_hand_neither_rests_nor_resumes() -> None:
    inbox = play("0 mark a\n0 rest a\n0 resume a\n0 take a\n0 mark b\n0 mark c\n0 take b\n0 take nothing")
    assert inbox.failures(D) == 0
    assert len(inbox) == 3


def test_a_mark_at_the_instant_that_it_is_due_changes_nothing() -> None:
    inbox = play("0 mark a\n0 mark b\n0 mark a\n0 take a")
    assert len(inbox._due) == 1


def test_entries_that_count_no_more_are_thrown_away_in_bulk() -> None:
    inbox = Inbox(retry=PLAIN)
    for at in range(66):
        inbox.mark(A, 100.0 - at)
    assert len(inbox._due) == 66
    inbox.mark(A, 1.0)
    assert inbox._due == [(1.0, A)]
