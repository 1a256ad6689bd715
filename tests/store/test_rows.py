"""Rows: which snapshots may go, and that a search does not read the whole log."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.ports import Append
from holdfast.store import rows
from holdfast.store.opening import connect, create_missing
from holdfast.store.rows import DAY_S, THIN_AFTER_S, superfluous
from holdfast.testing.contracts.store import event

NOW = 100 * DAY_S
AGES = st.lists(st.floats(0.0, 95 * DAY_S), max_size=60).map(lambda ages: sorted(ages, reverse=True))


@given(AGES, st.floats(0.0, 100 * DAY_S))
def test_any_moment_after_the_bound_keeps_a_snapshot_of_its_day_or_the_one_before(ages: list[float], kept_s: float) -> None:
    before = NOW - kept_s
    taken = [(seq, NOW - age) for seq, age in enumerate(ages, start=1)]
    gone = set(superfluous(taken, before, NOW))
    left = [(seq, at) for seq, at in taken if seq not in gone]
    if taken:
        assert left[-1] == taken[-1]
    for _, at in taken:
        if at >= before:
            assert any(kept <= at and at - kept <= DAY_S for _, kept in left) or not any(kept < at - DAY_S for _, kept in taken)
    old = [at // DAY_S for _, at in left if at < NOW - THIN_AFTER_S]
    assert len(old) <= len(set(old)) + 1
    assert len([at for _, at in left if at < before]) <= 1


def test_a_moment_of_long_ago_is_found_by_the_index(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    create_missing(path)
    with closing(connect(path)) as connection:
        connection.execute("BEGIN")
        rows.do(connection, [Append(event(n)) for n in range(100)])
        connection.execute("COMMIT")
        steps: list[str] = []
        connection.set_trace_callback(steps.append)
        rows.events(connection, after=10, until=20.0, limit=5)
        connection.set_trace_callback(None)
        (query,) = steps
        plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
        assert "SEARCH event USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan
        assert "USING COVERING INDEX event_at (at<?)" in plan
        assert "TEMP B-TREE" not in plan
