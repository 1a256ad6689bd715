"""`holdfast logs`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.client import Client
from holdfast.cli.ink import SOURCES
from holdfast.cli.page import application, jsonl, page
from holdfast.cli.terminal import Form, Terminal
from holdfast.cli.times import read_instant
from holdfast.errors import UsageError


@page(
    "logs",
    document="Logs",
    examples=(
        ("holdfast logs shop", "The last lines of all its processes and containers."),
        ("holdfast logs Process/shop/web.0 --lines 500", "Of one of them."),
        ("holdfast logs Deployment/web --since 10m", "Of all pods of a workload of a cluster."),
        ("holdfast logs shop --follow", "And what comes, until Ctrl-C."),
    ),
    exits={75: "following: no daemon answers, or it went away"},
    see=("status", "events"),
)
@application()
@click.option("--lines", "-n", metavar="N", type=click.IntRange(0, 10_000), default=100, show_default=True, help="How many to begin with.")
@click.option("--since", metavar="TIME", help="Only what was written from then on: ISO 8601, or a duration back from now such as 10m.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C; needs a running daemon.")
@jsonl
@click.pass_obj
def command(call: Call, application: str, lines: int, since: str | None, follow: bool) -> int:
    """Show what an Application's processes, containers and pods write, or one resource by its id, each line after the name of its source.

    Following goes on through restarts and replacements, and takes up where it was where a Docker host or a cluster went away: no line is
    shown twice. Of a workload of a cluster (Deployment/web) all pods are read, those that come later too, each under its own name. --since
    is for lines that have times: those of containers and pods. Without a daemon the log files of processes are read. Colours pass
    through; what else could steer a terminal is shown as escapes. With --jsonl each line is a document of kind LogLine {source, text}.
    """
    terminal = call.terminal
    if follow and terminal.form is Form.JSON:
        raise UsageError("HF8001", "cannot follow with --json: a stream is not one document", hint="use --jsonl")
    at = None if since is None else read_instant(since, call.now(), "--since")
    client = call.client if follow or at is not None else call.daemon()
    found = _found(call, client, application, lines, follow, at)
    if terminal.form is Form.JSON:
        whole = list(found)
        terminal.answer("Logs", {"lines": whole}, lambda: ())
        return 0
    colours: dict[str, str] = {}
    for line in found:
        _show(terminal, line, colours)
    return 0


def _found(call: Call, client: Client | None, name: str, lines: int, follow: bool, since: float | None) -> Iterator[dict[str, Any]]:
    if client is None:
        from holdfast.app.offline import Offline

        for source, text in Offline(call.state_dir).logs(name, lines):
            yield {"source": source, "text": text}
        return
    for told in client.lines("GET", "/v1/logs", {"name": name, "lines": lines, "follow": 1 if follow else None, "since": since}):
        if told is not None and "status" not in told:
            yield told


def _show(terminal: Terminal, line: Mapping[str, Any], colours: dict[str, str]) -> None:
    if terminal.form is Form.LINES:
        terminal.document("LogLine", line)
        return
    source = line["source"]
    colour = colours.setdefault(source, SOURCES[len(colours) % len(SOURCES)])
    name = source.rpartition("/")[2]
    terminal.say(f"{terminal.ink.paint(f'{name} |', colour)} {line['text']}")
