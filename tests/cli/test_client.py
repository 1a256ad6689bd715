"""The two halves of the status table, which may not import each other, agree; and the socket's path may be long."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.daemon import Daemon, declared

from holdfast.api.wire import STATUS, STATUS_OF_CODE
from holdfast.cli.client import CLASS_OF, Client, error_of
from holdfast.errors import Busy, HoldfastError, UsageError, Where


def test_every_status_of_the_api_is_known_here_as_its_class() -> None:
    for kind, status in STATUS.items():
        if kind is not HoldfastError:  # told as the plainest engine error: both leave with 1
            assert CLASS_OF[status] is kind
    assert {CLASS_OF[status] for status in (*STATUS_OF_CODE.values(), 405)} == {UsageError}
    assert all(CLASS_OF[STATUS[kind]].exit_code == kind.exit_code for kind in STATUS)


def test_an_error_comes_back_as_it_was_told() -> None:
    told = UsageError("HF7004", "cannot find it", where=[Where(path="a", line=1)], hint="h", errors=[UsageError("HF7005", "a part")])
    back = error_of(told.to_json(), 404)
    assert isinstance(back, UsageError)
    assert back.to_json() == told.to_json()


def test_nonsense_with_a_status_is_still_an_error() -> None:
    assert error_of(None, 500).exit_code == 70
    assert error_of({}, 418).code == "HF8004"


def test_a_silent_stream_of_events_gives_its_beats(state: Path) -> None:
    """Whoever waits with a deadline looks at the clock at each beat; without beats he would wait for ever."""
    with Daemon(state) as daemon:
        told = Client(str(state)).events(0, None)
        assert [next(told) for _ in range(3)] == [None] * 3
        daemon.put(declared("shop"))
        assert next(event for event in told if event is not None)["type"] == "application.declared"


def test_a_long_path_is_reached(state: Path) -> None:
    deep = state / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    with Daemon(deep) as daemon:
        daemon.put(declared("shop"))
        client = Client(str(deep))
        assert client.is_there()
        assert client.get("/v1/status")["data"]["applications"][0]["name"] == "shop"
    assert not Client(str(deep)).is_there()
    with pytest.raises(Busy):
        Client(str(deep)).get("/v1/status")
