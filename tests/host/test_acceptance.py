"""A connection that nobody has accepted is told from one that somebody has."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.host.acceptance import is_queued

FAMILIES = ("127.0.0.1", "::1", "unix")


@pytest.fixture(params=FAMILIES)
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    if request.param == "unix":
        with socket.socket(socket.AF_UNIX) as held:
            held.bind(str(tmp_path / "s"))
            held.listen()
            yield held
    else:
        with socket.create_server((request.param, 0), family=socket.AF_INET6 if ":" in request.param else socket.AF_INET) as held:
            yield held


def connected(listening: socket.socket) -> socket.socket:
    connection = socket.socket(listening.family)
    connection.connect(listening.getsockname())
    return connection


def test_a_connection_is_queued_until_somebody_accepts_it(listening: socket.socket) -> None:
    with closing(connected(listening)) as connection:
        assert is_queued(connection)
        with closing(listening.accept()[0]):
            assert not is_queued(connection)


def test_a_connection_that_was_accepted_and_closed_is_not_queued(listening: socket.socket) -> None:
    with closing(connected(listening)) as connection:
        listening.accept()[0].close()
        assert not is_queued(connection)


def test_a_connection_by_ipv4_to_a_socket_of_both_is_seen() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as both, closing(socket.socket()) as connection:
        connection.connect(("127.0.0.1", both.getsockname()[1]))
        assert is_queued(connection)
        with closing(both.accept()[0]):
            assert not is_queued(connection)


def test_what_is_no_connection_is_not_queued() -> None:
    with socket.socket() as nothing:
        assert not is_queued(nothing)
