"""A connection counts when somebody accepts it; a held socket alone answers nothing."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from holdfast.errors import TimedOut, Unavailable
from holdfast.host.net import HostNet
from holdfast.kit.canonical import Json


@pytest.fixture(params=("tcp", "unix"))
def held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, Mapping[str, Json]]]:
    if request.param == "tcp":
        with socket.create_server(("127.0.0.1", 0)) as listening:
            yield listening, {"host": "127.0.0.1", "port": listening.getsockname()[1]}
    else:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(tmp_path / "s"))
            listening.listen()
            yield listening, {"path": str(tmp_path / "s")}


def test_a_held_socket_that_nobody_accepts_on_does_not_answer(held: tuple[socket.socket, Mapping[str, Json]]) -> None:
    _, target = held
    with pytest.raises(TimedOut) as caught:
        asyncio.run(HostNet().connect(target, timeout_s=0.1))
    assert caught.value.code == "HF3091"


def test_one_that_is_accepted_does(held: tuple[socket.socket, Mapping[str, Json]]) -> None:
    listening, target = held

    def accept() -> None:
        listening.accept()[0].close()

    accepting = threading.Thread(target=accept)
    accepting.start()
    asyncio.run(HostNet().connect(target, timeout_s=20.0))
    accepting.join()


def test_where_nobody_listens_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        asyncio.run(HostNet().connect({"path": str(tmp_path / "nothing")}, timeout_s=20.0))
    assert caught.value.code == "HF3090"
