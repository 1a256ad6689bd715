"""How far a container's lines were told: nothing twice, nothing left out, wherever a stream breaks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.engines.docker.logs import Position


def line(at: int, text: str) -> str:
    return f"2026-01-02T03:04:05.{at:09d}Z {text}"


def test_a_line_is_told_without_its_time_and_once() -> None:
    position = Position()
    assert position.query(follow=True) == {"follow": True, "timestamps": True}
    assert [position.take(line(1, "a")), position.take(line(1, "b")), position.take(line(2, ""))] == ["a", "b", ""]
    assert position.query(follow=False)["since"] == "1767323045.000000002"
    assert [position.take(line(2, "")), position.take(line(2, "c")), position.take(line(1, "b"))] == [None, "c", None]
    assert position.take("a line without a time") == "a line without a time"


@given(
    st.lists(st.integers(min_value=0, max_value=5), max_size=12).map(sorted), st.lists(st.integers(min_value=0, max_value=12), max_size=5)
)
def test_a_stream_that_breaks_anywhere_tells_every_line_once(times: list[int], breaks: list[int]) -> None:
    written = [line(at, str(number)) for number, at in enumerate(times)]
    position, told = Position(), []
    for upto in [*sorted(breaks), len(written)]:
        since = str(position.query(follow=True).get("since", "0")).partition(".")[2] or "0"
        again = [each for each, at in zip(written, times, strict=True) if at >= int(since)]
        until = max(0, upto - (len(written) - len(again)))
        told += [text for each in again[:until] if (text := position.take(each)) is not None]
    assert told == [str(number) for number in range(len(times))]
