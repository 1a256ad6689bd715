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
