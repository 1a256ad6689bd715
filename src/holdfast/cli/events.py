"""`holdfast events`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.client import Client
from holdfast.cli.page import application, jsonl, page
from holdfast.cli.telling import event_line
from holdfast.cli.terminal import Form, Terminal
from holdfast.cli.times import read_instant
from holdfast.errors import Busy, HoldfastError, Unavailable, UsageError

LAST = 100
"""How many are shown where nothing says since when."""
MOST = 10_000
"""Of one answer of the daemon."""
PATIENCE_S = 30.0
"""How long a follower waits for a daemon that went away: an upgrade takes less."""
PAUSE_S = 0.2


@page(
    "events",
    document="Events",
    examples=(
        ("holdfast events", f"The last {LAST}."),
        ("holdfast events shop --since 1h", "Of one Application, in the last hour."),
        ("holdfast events --since 4711 --follow", "Everything after event 4711, and what comes."),
        ("holdfast events --follow --jsonl | jq .data.type", "For programs."),
    ),
    exits={1: "the store cannot be read", 75: "following: no daemon answers"},
    see=("history", "status", "logs"),
)
@application(is_required=False)
@click.option("--since", metavar="SEQ|TIME", help="Begin after this event, or at this time (ISO 8601, or 10m for ten minutes ago).")
@click.option(
    "--limit", "-n", metavar="N", type=click.IntRange(1, MOST), help=f"Show at most N; without --since the last ones (default {LAST})."
)
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C; needs a running daemon.")
@jsonl
@click.pass_obj
def command(call: Call, application: str | None, since: str | None, limit: int | None, follow: bool) -> int:
    """Show what happened: every event that Holdfast wrote down, of one Application or of all, in order.

    Each has a number that never comes again; --since takes it up exactly there, without gap or repetition. --follow outlives a restart of
    the daemon. A stream has no end, so it goes with --jsonl (one document of kind Event a line), never with --json.
    """
    terminal = call.terminal
    if follow and terminal.form is Form.JSON:
        raise UsageError("HF8001", "cannot follow with --json: a stream is not one document", hint="use --jsonl")
    after, at = _since(since, call.now())
    wanted = LAST if limit is None and since is None else limit
    client = call.client if follow else call.daemon()
    found = list(_found(call, client, application, after, at, wanted))
    if not follow:
        _answer(terminal, found)
        return 0
    assert client is not None
    for event in found:
        _show(terminal, event)
    for event in _following(client, application, found[-1]["seq"] if found else after, terminal):
        _show(terminal, event)
    return 0


def _since(text: str | None, now: float) -> tuple[int, float | None]:
    """Return the seq to begin after, and the instant to begin at."""
    if text is None:
        return 0, None
    return (int(text), None) if text.isascii() and text.isdigit() and len(text) < 19 else (0, read_instant(text, now, "--since"))


def _found(
    call: Call, client: Client | None, application: str | None, after: int, at: float | None, wanted: int | None
) -> Iterator[dict[str, Any]]:
    """Yield what is there; with a wish for the last ones and nothing else, the newest."""
    is_newest = wanted is not None and not after and at is None
    told = 0
    while wanted is None or told < wanted or is_newest:
        size = MOST if wanted is None else wanted - told
        if client is not None:
            part = client.get("/v1/events", after=after or None, limit=size, application=application, since=at)["data"]["events"]
        else:
            from holdfast.app.offline import Offline

            part = Offline(call.state_dir).events(after, size, application, at)["events"]
        yield from part
        told += len(part)
        if len(part) < size or is_newest:
            return
        after = part[-1]["seq"]


def _following(
    client: Client, application: str | None, after: int, terminal: Terminal, patience_s: float = PATIENCE_S
) -> Iterator[dict[str, Any]]:
    """Yield events as they come; where the daemon goes away, wait a while for its successor and go on after the last one."""
    gone_at: float | None = None
    while True:
        problem: HoldfastError = client.absent()
        try:
            for event in client.events(after, application):
                gone_at = None
                if event is not None:
                    after = event["seq"]
                    yield event
        except (Busy, Unavailable) as error:
            problem = error
        if gone_at is None:
            gone_at = time.monotonic()
            terminal.tell("the daemon went away; waiting for it to come back …", "warning")
        elif time.monotonic() - gone_at > patience_s:
            raise problem
        time.sleep(PAUSE_S)


def _answer(terminal: Terminal, found: list[dict[str, Any]]) -> None:
    if terminal.form is Form.LINES:
        for event in found:
            _show(terminal, event)
        return
    terminal.answer(
        "Events", {"events": found}, lambda: [event_line(event, terminal.ink, terminal.is_screen) for event in found] or ["no events"]
    )


def _show(terminal: Terminal, event: Mapping[str, Any]) -> None:
    if terminal.form is Form.LINES:
        terminal.document("Event", event)
    else:
        terminal.say(event_line(event, terminal.ink, terminal.is_screen))
