"""The wire of the keeper: framing, field checks, and what a notify datagram may say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.host.keeper import protocol
from holdfast.host.keeper.protocol import Lines, Refusal


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda line: b"\n" not in line and line.strip() != b"")), st.integers(1, 7))
def test_lines_are_the_same_however_the_stream_is_cut(lines: list[bytes], size: int) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    reader = Lines()
    found = [line for start in range(0, len(stream), size) for line in reader.feed(stream[start : start + size])]
    assert found == lines


@pytest.mark.parametrize("data", [b"x" * 11, b"x" * 11 + b"\n", b"ok\n" + b"x" * 11])
def test_a_line_beyond_the_limit_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        Lines(limit=10).feed(data)
    assert refused.value.kind == "protocol"


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_what_is_encoded_is_one_line_and_is_decoded_again(message: dict[str, Any]) -> None:
    line = protocol.encode(message)
    assert line.count(b"\n") == 1
    assert protocol.decode(line) == message


@pytest.mark.parametrize("value", [None, "", 1, "a\0b", ["a"]])
def test_a_text_is_a_text(value: object) -> None:
    with pytest.raises(Refusal):
        protocol.text({"name": value}, "name")


@pytest.mark.parametrize("value", [-1, True, 1.0, "1"])
def test_a_whole_number_is_one(value: object) -> None:
    with pytest.raises(Refusal):
        protocol.whole({"port": value}, "port")


def test_a_notify_datagram_gives_known_fields_only() -> None:
    assert protocol.notify_fields(b"READY=1\nSTATUS=a = b\nFDNAME=x\nnonsense\n\xff=1") == {"READY": "1", "STATUS": "a = b"}


@pytest.mark.parametrize(
    ("status", "meaning"), [(0, (0, None, False)), (7 << 8, (7, None, False)), (9, (None, 9, False)), (139, (None, 11, True))]
)
def test_a_wait_status_is_a_code_or_a_signal(status: int, meaning: tuple[int | None, int | None, bool]) -> None:
    assert protocol.wait_status(status) == meaning
