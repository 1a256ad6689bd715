"""The laws of the kit, each over generated values."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import random
import re
from collections.abc import Collection
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import canonical, digest, sharing
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
def test_diff_is_empty_exactly_where_digests_are_equal(one: Any, other: Any) -> None:
    assert diff(one, copy.deepcopy(one)) == ()
    assert (diff(one, other) == ()) == (digest(one) == digest(other))
    assert [(d.path, d.after, d.before) for d in diff(one, other)] == [(d.path, d.before, d.after) for d in diff(other, one)]


trees = st.recursive(
    st.booleans() | st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)


@given(trees, trees)
def test_applying_a_diff_gives_after(before: Any, after: Any) -> None:
    root: Any = {"root": copy.deepcopy(before)}
    differences = diff(root, {"root": after})
    for difference in reversed(differences):  # a list loses its last items first
        if difference.after is None:
            place, last = parent(root, difference.path)
            del place[last]
    for difference in differences:
        if difference.after is not None:
            place, last = parent(root, difference.path)
            if isinstance(place, list) and last == len(place):
                place.append(difference.after)
            else:
                place[last] = difference.after
    assert root["root"] == after


def parent(root: Any, path: str) -> tuple[Any, Any]:
    *steps, last = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path)]
    for step in steps:
        root = root[step]
    return root, last


@given(graphs)
def test_levels_or_a_cycle(waits: dict[int, frozenset[int]]) -> None:
    ring = find_cycle(waits)
    if ring is None:
        found = levels(waits)
        assert list(found) == list(waits)
        assert all(level == 0 or level - 1 in {found[other] for other in waits[node] if other in waits} for node, level in found.items())
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


class Counted(int):
    """A number that counts how often it is looked up."""

    lookups = 0

    def __hash__(self) -> int:
        Counted.lookups += 1
        return int(self)


def test_a_wide_hub_costs_a_few_lookups_an_edge() -> None:
    spokes = [Counted(n) for n in range(1, 1001)]
    waits: dict[Counted, Collection[Counted]] = {Counted(0): spokes} | dict.fromkeys(spokes, ())
    Counted.lookups = 0
    assert levels(waits)[Counted(0)] == 1
    assert 0 < Counted.lookups < 20 * len(spokes)


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


@given(st.text(min_size=8, max_size=20, alphabet=st.characters(exclude_categories=["Z", "C"])), st.text(max_size=6), st.text(max_size=6))
def test_the_redactor_finds_a_secret_amid_base64(value: str, before: str, after: str) -> None:
    redactor = Redactor([Secret(value + "\n")])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        told = redactor.redact(encode((before + value + after).encode()).decode())
        assert "[redacted]" in told
        assert len(told) - len("[redacted]") <= -(-len((before + after).encode()) // 3) * 4 + 4


def test_a_long_line_of_a_secret_is_secret_too() -> None:
    redactor = Redactor([Secret("-----BEGIN KEY-----\nMIIBVgIBADANBg\nx: 1\n")])
    assert redactor.redact("key MIIBVgIBADANBg and x: 1") == "key [redacted] and x: 1"


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


@given(json_values, json_values)
@example([0.0, True, 1], [-0.0, 1, 1.0])
def test_sharing_changes_nothing_and_keeps_what_is_equal_once(value: Any, known: Any) -> None:
    before = canonical(value), canonical(known)
    shared: Any = sharing(value, known)
    assert canonical(shared) == before[0]
    assert canonical(known) == before[1]
    assert sharing(copy.deepcopy(value), value) is value or not isinstance(value, dict | list)
    if isinstance(value, dict) and isinstance(known, dict):
        for key in value.keys() & known.keys():
            if canonical(value[key]) == canonical(known[key]) and isinstance(value[key], dict | list):
                assert shared[key] is known[key]
