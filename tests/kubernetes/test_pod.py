"""Pods: their selectors as text, which containers have something to say, and that no line is told twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kubernetes.pod import Position, default_container, run_of, selector_of, source_of, started


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({"matchLabels": {"b": "2", "a": "1"}}, "a=1,b=2"),
        (
            {
                "matchLabels": {"a": "1"},
                "matchExpressions": [
                    {"key": "t", "operator": "In", "values": ["x", "y"]},
                    {"key": "u", "operator": "NotIn", "values": ["z"]},
                    {"key": "v", "operator": "Exists"},
                    {"key": "w", "operator": "DoesNotExist"},
                ],
            },
            "a=1,t in (x,y),u notin (z),v,!w",
        ),
        ({"app": "old"}, "app=old"),
        ({}, None),
        (None, None),
        ({"matchLabels": {}}, None),
    ],
)
def test_a_selector_as_the_server_reads_it(selector: Any, text: str | None) -> None:
    assert selector_of({"spec": {"selector": selector}}) == text


def pod(*names: str, statuses: dict[str, dict[str, Any]] | None = None, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-0", "namespace": "shop", "annotations": annotations},
        "spec": {"containers": [{"name": name} for name in names]},
        "status": {"containerStatuses": [{"name": name, **status} for name, status in (statuses or {}).items()]},
    }


def test_only_what_has_started_has_something_to_say() -> None:
    statuses: dict[str, dict[str, Any]] = {
        "a": {"state": {"running": {}}, "restartCount": 2},
        "b": {"state": {"waiting": {"reason": "ContainerCreating"}}},
        "c": {"state": {"terminated": {}}},
        "d": {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 1},
    }
    found = pod("a", "b", "c", "d", statuses=statuses)
    assert list(started(found)) == ["a", "c", "d"]
    assert [run_of(found, name) for name in "abcde"] == [(2, True), (0, False), (0, False), (1, False), (0, False)]


def test_a_source_says_no_more_than_is_needed() -> None:
    assert source_of(pod("app"), "app") == "Pod/shop/web-0"
    assert source_of(pod("app", "proxy"), "proxy") == "Pod/shop/web-0:proxy"


def test_the_default_container_is_the_annotated_one_or_the_first() -> None:
    key = "kubectl.kubernetes.io/default-container"
    assert default_container(pod("a", "b")) == "a"
    assert default_container(pod("a", "b", annotations={key: "b"})) == "b"
    assert default_container(pod("a", "b", annotations={key: "gone"})) == "a"
    assert default_container(pod()) is None


def test_what_comes_again_after_a_break_is_told_once() -> None:
    position = Position()
    stamps = ("00.5", "00.5", "00.500000001", "01")
    lines = [f"2026-01-02T12:00:{stamp}Z line {number}" for number, stamp in enumerate(stamps)]
    assert position.begin() is None
    assert [position.take(line) for line in lines[:2]] == ["line 0", "line 1"]
    assert position.begin() == "2026-01-02T12:00:00Z"
    assert [position.take(line) for line in lines] == [None, None, "line 2", "line 3"]
    position.begin()
    assert [position.take(line) for line in lines] == [None, None, None, None]
    assert position.take("no time at all") == "no time at all"


@given(
    st.lists(st.integers(min_value=0, max_value=3 * 10**9), max_size=12).map(sorted),
    st.lists(st.integers(min_value=0, max_value=12), max_size=5),
)
def test_a_stream_that_breaks_anywhere_tells_every_line_once(times: list[int], breaks: list[int]) -> None:
    """The server is asked since a second, and answers with every line of that second and after."""
    written = [f"2026-01-02T03:04:0{at // 10**9}.{at % 10**9:09d}Z {number}" for number, at in enumerate(times)]
    position, told = Position(), []
    for upto in [*sorted(breaks), len(written)]:
        since = (position.begin() or "")[:19]
        again = [each for each in written if each[:19] >= since]
        until = max(0, upto - (len(written) - len(again)))
        told += [text for each in again[:until] if (text := position.take(each)) is not None]
    assert told == [str(number) for number in range(len(times))]
