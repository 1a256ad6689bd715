"""Argo CD's retry: five more tries, doubling, capped; then a new digest or a person."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.retry import Retrying, RetryPolicy, failed


def story(policy: RetryPolicy, failures: int, digest: str = "d") -> list[float | None]:
    told: list[float | None] = []
    state: Retrying | None = None
    for _ in range(failures):
        state = failed(state, digest, policy, 100.0)
        told.append(None if state.next_at is None else state.next_at - 100.0)
    return told


def test_argo_defaults() -> None:
    assert story(RetryPolicy(), 7) == [5.0, 10.0, 20.0, 40.0, 80.0, None, None]


def test_the_wait_is_capped() -> None:
    assert story(RetryPolicy(max_duration_s=12.0), 3) == [5.0, 10.0, 12.0]


def test_no_retry_and_endless_retry() -> None:
    assert story(RetryPolicy(limit=0), 1) == [None]
    assert None not in story(RetryPolicy(limit=-1), 50)


def test_another_digest_starts_anew() -> None:
    spent = Retrying(digest="old", failures=9, next_at=None)
    assert failed(spent, "new", RetryPolicy(), 0.0) == Retrying(digest="new", failures=1, next_at=5.0)


@given(st.builds(Retrying, digest=st.text(), failures=st.integers(1), next_at=st.none() | st.floats(0, 1e9)))
def test_it_survives_a_restart(state: Retrying) -> None:
    assert Retrying.from_json(state.to_json()) == state


def test_the_factor_is_the_policys_own() -> None:
    assert story(RetryPolicy(factor=3.0), 3) == [5.0, 15.0, 45.0]


def test_it_is_due_at_its_time_and_when_the_clock_was_set_back_before_the_failure() -> None:
    state = failed(None, "d", RetryPolicy(), 100.0)
    assert state.failed_at == 100.0
    assert [state.is_due(now) for now in (99.9, 100.0, 104.9, 105.0)] == [True, False, False, True]


def test_it_is_written_down_word_by_word() -> None:
    state = Retrying(digest="d", failures=2, next_at=9.0, failed_at=7.0)
    assert state.to_json() == {"digest": "d", "failures": 2, "next_at": 9.0, "failed_at": 7.0}
    assert Retrying.from_json(state.to_json()) == state
