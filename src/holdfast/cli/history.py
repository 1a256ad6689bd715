"""`holdfast history`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import Ink, table
from holdfast.cli.page import application, jsonl, page
from holdfast.cli.telling import event_line
from holdfast.cli.terminal import Form, Terminal
from holdfast.cli.times import show_instant, show_span
from holdfast.cli.words import outcomes, revision


@page(
    "history",
    document="History",
    examples=(
        ("holdfast history shop", "Its operations, the newest first."),
        ("holdfast history shop --events", "And everything that happened, in order."),
        ("holdfast history shop --json | jq '.data.operations[0]'", "The newest operation, for programs."),
    ),
    exits={},
    see=("events", "status", "rollback"),
)
@application()
@click.option("--events", "is_whole", is_flag=True, help="Show what happened too, in order.")
@jsonl
@click.pass_obj
def command(call: Call, application: str, is_whole: bool) -> int:
    """Show the operations of an Application: when and why each began, its revision, how it ended and how long it took.

    The document holds the newest 2,000 events of the Application as well; with --jsonl each operation is a line (kind Operation), then
    each event (kind Event). Without a daemon it is read from the store.
    """
    if (client := call.daemon()) is not None:
        data = client.get("/v1/history", application=application)["data"]
    else:
        from holdfast.app.offline import Offline

        data = Offline(call.state_dir).history(application)
    terminal = call.terminal
    if terminal.form is Form.LINES:
        for kind, items in (("Operation", data["operations"]), ("Event", data["events"])):
            for item in items:
                terminal.document(kind, item)
    else:
        terminal.answer("History", data, lambda: history_lines(data, terminal, is_whole=is_whole))
    return 0


def history_lines(data: Mapping[str, Any], terminal: Terminal, *, is_whole: bool) -> Iterator[str]:
    ink = terminal.ink
    if data["operations"]:
        rows = [_row(it, terminal.is_screen) for it in data["operations"]]
        yield from table([("STARTED", "TRIGGER", "REVISION", "PHASE", "TOOK", "OUTCOMES", "MESSAGE"), *rows], ink, terminal.width)
    else:
        yield "no operation was recorded yet"
    if is_whole:
        yield from _events(data["events"], ink, terminal.is_screen)


def _events(events: list[Mapping[str, Any]], ink: Ink, is_screen: bool) -> Iterator[str]:
    yield ""
    for event in events:
        yield event_line(event, ink, is_screen)


def _row(it: Mapping[str, Any], is_screen: bool) -> tuple[str, ...]:
    started, finished = it["started_at"], it["finished_at"]
    took = show_span(max(0.0, finished - started)) if started is not None and finished is not None else ""
    when = show_instant(started, is_screen) if started is not None else ""
    return (when, it["trigger"] or "", revision(it["revision"]), it["phase"] or "", took, outcomes(it.get("outcomes")), it["message"] or "")
