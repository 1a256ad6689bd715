"""How a Site is told to turn requests away, and how it is told to people that it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import plain
from holdfast.cli.times import read_end, show_instant

SWITCH = click.Choice(("on", "off"))


def close(call: Call, site: str, how: str, message: str | None, until: str | None) -> int:
    end = None if until is None else read_end(until, call.now(), "--until")
    said = {"message": message, "until": end}
    return _answer(
        call, call.client.post("/v1/edge/close", site=site, how=how, **{name: value for name, value in said.items() if value is not None})
    )


def reopen(call: Call, site: str, how: str) -> int:
    return _answer(call, call.client.post("/v1/edge/open", site=site, how=how))


def _answer(call: Call, document: Mapping[str, Any]) -> int:
    data, terminal = document["data"], call.terminal
    line = f"{data['site']} {closed_words(data['closed'], terminal.is_screen, call.now())}"
    terminal.answer("SiteClosed", data, lambda: [line], document["warnings"])
    return 0


def closed_words(closed: Mapping[str, Any] | None, is_screen: bool, now: float) -> str:
    """Return how a Site stands, as the end of a sentence."""
    if closed is None:
        return "answers"
    what = {"maintenance": "is in maintenance", "pause": "is paused: requests wait"}[closed["how"]]
    until = "" if closed["until"] is None else f" until {show_instant(closed['until'], is_screen, now)}"
    message = f": {plain(closed['message'])}" if closed["message"] else ""
    return f"{what}{until}, said by {plain(closed['by'])}{message}"
