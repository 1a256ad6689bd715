"""What was seen from several vantages is judged: closed is proven only while it answers within, and nobody is taken for kept out unseen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.vantage import Seen, Sight, Target, Vantage
from holdfast.workload.closed import Look, judge_closed, judge_open

CLOSING = (Sight.REFUSED, Sight.FORBIDDEN, Sight.UNREACHABLE)
SIGHTS = st.lists(st.sampled_from(Sight), min_size=1, max_size=4)


def look(*sights: Sight, who: str = "uid 1", may_drop: bool = False, host: str = "10.0.0.1", port: int = 5432) -> Look:
    seen = [Seen(target=Target(host=host, port=port + at), sight=sight, detail="a detail") for at, sight in enumerate(sights)]
    return Look(vantage=Vantage(name=who, targets=tuple(each.target for each in seen)), seen=seen, may_drop=may_drop)


WITHIN = look(Sight.OPEN, who="inside", host="127.0.0.1")


def test_closed_to_everybody_who_looked_is_proven_with_what_was_seen() -> None:
    outside = [look(Sight.REFUSED), look(Sight.FORBIDDEN, who="network b"), look(Sight.UNREACHABLE, who="network c")]
    assert judge_closed(WITHIN, outside) == (
        True,
        "uid 1 at 10.0.0.1:5432: refused; network b at 10.0.0.1:5432: forbidden; network c at 10.0.0.1:5432: unreachable",
    )


def test_one_stranger_who_gets_in_refutes_and_is_named() -> None:
    outside = [look(Sight.REFUSED), look(Sight.UNMADE, who="uid 2"), look(Sight.OPEN, who="uid 3")]
    assert judge_closed(WITHIN, outside) == (False, "open to uid 3 at 10.0.0.1:5432")


def test_what_answers_nobody_proves_nothing_by_being_closed() -> None:
    holds, evidence = judge_closed(look(Sight.REFUSED, who="inside"), [look(Sight.REFUSED)])
    assert holds is None
    assert evidence.startswith("inside at 10.0.0.1:5432: refused, so that it is closed")


def test_every_port_must_answer_within_at_one_of_its_addresses() -> None:
    def within(*seen: tuple[str, int, Sight]) -> Look:
        targets = [Seen(target=Target(host=host, port=port), sight=sight) for host, port, sight in seen]
        return Look(vantage=Vantage(name="inside", targets=()), seen=targets)

    four, six = "127.0.0.1", "::1"
    whole = within((four, 1, Sight.OPEN), (six, 1, Sight.REFUSED), (four, 2, Sight.REFUSED), (six, 2, Sight.OPEN))
    half = within((four, 1, Sight.OPEN), (four, 2, Sight.REFUSED), (six, 2, Sight.REFUSED))
    assert judge_closed(whole, [look(Sight.REFUSED)])[0] is True
    assert judge_closed(half, [look(Sight.REFUSED)])[0] is None
    assert (judge_open(whole)[0], judge_open(half)[0]) == (True, False)


def test_silence_is_an_answer_only_where_packets_are_dropped() -> None:
    assert judge_closed(WITHIN, [look(Sight.SILENT)])[0] is None
    assert judge_closed(WITHIN, [look(Sight.SILENT, may_drop=True)])[0] is True


def test_a_look_that_nobody_made_is_no_proof() -> None:
    assert judge_closed(WITHIN, []) == (None, "there is nowhere to look from")
    assert judge_closed(WITHIN, [look(Sight.UNMADE)]) == (None, "could not look from uid 1 at 10.0.0.1:5432 (unmade, a detail)")
    assert judge_open(look(Sight.UNMADE)) == (None, "could not look from uid 1: a detail")


def test_long_evidence_is_cut_and_says_so() -> None:
    outside = [look(Sight.REFUSED, who=f"uid {number}") for number in range(19)]
    assert judge_closed(WITHIN, outside)[1].endswith("; and 3 more")


@given(st.lists(SIGHTS, max_size=4), SIGHTS, st.booleans())
def test_the_verdict_follows_from_what_was_seen(outside: list[list[Sight]], within: list[Sight], may_drop: bool) -> None:
    inside = Look(vantage=WITHIN.vantage, seen=[Seen(target=Target(port=1), sight=sight) for sight in within])
    looks = [look(*sights, may_drop=may_drop) for sights in outside]
    holds, evidence = judge_closed(inside, looks)
    seen = [sight for sights in outside for sight in sights]
    answers = Sight.OPEN in within
    closing = {*CLOSING, Sight.SILENT} if may_drop else set(CLOSING)
    assert (holds is False) == (answers and Sight.OPEN in seen)
    assert (holds is True) == (answers and bool(seen) and set(seen) <= closing)
    assert evidence
