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
def test_a_snapshot_goes_only_behind_the_bound_or_beside_a_later_one_of_its_day(ages: list[float], kept_s: float) -> None:
    before = NOW - kept_s
    taken = {seq: NOW - age for seq, age in enumerate(ages, start=1)}
    gone = superfluous(tuple(taken.items()), before, NOW)
    left = {seq: at for seq, at in taken.items() if seq not in gone}
    bound = max((seq for seq, at in taken.items() if at < before), default=0)
    assert left.keys() >= {seq for seq in (bound, len(taken)) if seq}
    assert min(left, default=0) >= bound
    for seq in gone:
        of_its_day = [later for later, at in left.items() if later > seq and at // DAY_S == taken[seq] // DAY_S]
        assert seq < bound or (of_its_day and taken[seq] < NOW - THIN_AFTER_S)
    old_days = [at // DAY_S for at in left.values() if at < NOW - THIN_AFTER_S]
    assert len(old_days) <= len(set(old_days)) + 1


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
