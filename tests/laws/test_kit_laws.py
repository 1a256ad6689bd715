"""The laws of the kit, each over generated values."""

from __future__ import annotations

import copy
import json
import pickle
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import canonical, digest
from holdfast.kit.cron import Cron
from holdfast.kit.diff import diff
from holdfast.kit.duration import format_duration, parse_duration
from holdfast.kit.graph import find_cycle, levels, reachable, reverse
from holdfast.kit.quantity import format_quantity, parse_size
from holdfast.kit.secret import Redactor, Secret, fingerprint
from holdfast.kit.window import SlidingWindow

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
graphs = st.dictionaries(st.integers(0, 9), st.frozensets(st.integers(0, 9), max_size=4), max_size=10)


def shuffled(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, shuffled(inner, dice)) for key, inner in value.items()]
        dice.shuffle(items)
        return dict(items)
    return [shuffled(inner, dice) for inner in value] if isinstance(value, list) else value


@given(json_values, st.randoms(use_true_random=False))
def test_canonical_is_free_of_order_and_reads_back(value: Any, dice: random.Random) -> None:
    assert canonical(value) == canonical(shuffled(value, dice))
    assert json.loads(canonical(value)) == value
    assert digest(value) == digest(copy.deepcopy(value))


def test_canonical_refuses_what_json_has_not() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


@given(json_values, json_values)
def test_diff_is_empty_only_for_equals(one: Any, other: Any) -> None:
    assert diff(one, one) == ()
    if not diff(one, other):
        assert without_nulls(one) == without_nulls(other)
    assert [(d.path, d.after, d.before) for d in diff(one, other)] == [(d.path, d.before, d.after) for d in diff(other, one)]


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        inner = [without_nulls(item) for item in value]
        while inner and inner[-1] is None:
            inner.pop()
        return inner
    return value


@given(graphs)
def test_levels_or_a_cycle(waits: dict[int, frozenset[int]]) -> None:
    ring = find_cycle(waits)
    if ring is None:
        found = levels(waits)
        assert all(found[other] < found[node] for node, others in waits.items() for other in others if other in waits)
    else:
        assert ring[0] == ring[-1]
        assert all(after in waits[before] for before, after in pairwise(ring))
        with pytest.raises(ValueError, match="cycle"):
            levels(waits)


def test_a_deep_chain_is_no_trouble() -> None:
    chain = {n: frozenset([n + 1]) for n in range(10_000)}
    assert levels(chain)[0] == 9_999
    assert find_cycle(chain) is None


@given(graphs, st.sets(st.integers(0, 9)))
def test_reachable_is_closed(edges: dict[int, frozenset[int]], roots: set[int]) -> None:
    found = reachable(roots, edges)
    assert roots <= found
    assert all(edges.get(node, frozenset()) <= found for node in found)
    assert all(other in reverse(edges) for others in edges.values() for other in others)


@given(st.integers(0, 5000), st.floats(0, 1, exclude_max=True))
def test_backoff_stays_below_its_ceiling(attempt: int, unit: float) -> None:
    backoff = Backoff(first_s=0.5, factor=2, cap_s=60)
    assert 0 <= backoff.full_jitter(attempt, unit) <= backoff.ceiling(attempt) <= 60
    assert backoff.ceiling(attempt) <= backoff.ceiling(attempt + 1)
    assert backoff.equal_jitter(attempt, unit) >= backoff.ceiling(attempt) / 2


@given(st.lists(st.floats(0, 100), max_size=30), st.floats(0, 200))
def test_a_window_counts_what_is_in_it(times: list[float], later: float) -> None:
    window = SlidingWindow(10)
    for at in sorted(times):
        window.add(at)
    now = max([later, *times])
    assert SlidingWindow.from_json(10, window.to_json()).count(now) == window.count(now) == sum(at > now - 10 for at in times)


@given(st.integers(0, 10**12))
def test_durations_and_sizes_read_back(number: int) -> None:
    assert parse_duration(format_duration(number / 1e6)) == pytest.approx(number / 1e6, abs=1e-9)
    assert parse_size(format_quantity(number)) == number


@given(
    st.sampled_from(["*", "*/7", "0", "5,10-20/3"]),
    st.sampled_from(["*", "2", "1-23/5"]),
    st.sampled_from(["*", "13", "31"]),
    st.sampled_from(["*", "mon", "6-7"]),
    st.integers(0, 4_000_000_000),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
)
def test_cron_next_comes_after_and_previous_finds_it(minute: str, hour: str, day: str, week: str, instant: int, zone: str) -> None:
    cron = Cron.parse(f"{minute} {hour} {day} * {week}")
    following = cron.next_after(instant, zone)
    assert following is not None
    assert following > instant
    assert cron.previous_at_or_before(following, zone) == following
    before = cron.previous_at_or_before(following - 1, zone)
    assert before is None or before <= instant


@given(st.text(min_size=4, max_size=20), st.text(max_size=10), st.text(max_size=10))
def test_the_redactor_leaves_no_canary(value: str, before: str, after: str) -> None:
    redactor = Redactor([Secret(value)])
    assert value not in redactor.redact(before + value + after).replace("[redacted]", "\0")
    assert json.dumps(value)[1:-1] not in redactor.redact(json.dumps({"x": value})).replace("[redacted]", "\0")


def test_a_secret_cannot_be_printed() -> None:
    secret = Secret("canary-4711")
    for text in (str(secret), repr(secret), f"{secret}", f"{secret:>40}", f"{[secret]}"):
        assert "canary" not in text
    for act in (lambda: pickle.dumps(secret), lambda: copy.copy(secret), lambda: hash(secret), lambda: json.dumps(secret)):
        with pytest.raises(TypeError):
            act()
    assert secret == Secret("canary-4711")
    assert secret.reveal() == "canary-4711"


@given(st.binary(min_size=16, max_size=32), st.text(), st.text())
def test_fingerprints_tell_equal_from_other(key: bytes, one: str, other: str) -> None:
    assert (fingerprint(key, one) == fingerprint(key, other)) == (one == other)
