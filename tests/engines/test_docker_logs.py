"""How a Docker Engine is asked for what a container wrote after the last line that was told."""

from __future__ import annotations

from holdfast.engines.docker.logs import _asked
from holdfast.kit.log_position import LogPosition


def test_an_engine_is_asked_since_the_very_time() -> None:
    position = LogPosition()
    assert _asked(position) == {"follow": True, "timestamps": True}
    assert position.take("2026-01-02T03:04:05.000000002Z a") == "a"
    assert _asked(position) == {"follow": True, "timestamps": True, "since": "1767323045.000000002"}
