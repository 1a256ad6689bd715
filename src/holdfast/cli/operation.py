"""What commands that have the daemon work have in common: it is asked for, told while it runs, and answered with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from holdfast.cli.call import Call
from holdfast.cli.client import Client
from holdfast.cli.telling import failure_lines, progress_line
from holdfast.cli.words import outcomes, revision

SUPERSEDED = 75
"""A newer revision took over, or the daemon stopped in the middle: nothing failed, and it is not done either."""


def perform(call: Call, client: Client, path: str, application: str, doing: str, **body: Any) -> dict[str, Any]:
    """Have the daemon do something, tell its steps, and return the `Operation` document. `doing` is said while nothing else is."""
    return work(call, client, path, doing, application=application, **body)


def work(call: Call, client: Client, path: str, doing: str, **body: Any) -> dict[str, Any]:
    """Have the daemon do something, tell its steps, and return the document that it ends with."""
    terminal = call.terminal
    terminal.tell(f"{doing} …")
    return client.work(path, _teller(terminal.tell, doing), **body)


def _teller(tell: Callable[..., None], doing: str) -> Callable[[Mapping[str, Any] | None], None]:
    started = time.monotonic()
    last = doing

    def told(event: Mapping[str, Any] | None) -> None:
        nonlocal last
        if event is None:
            waited = time.monotonic() - started
            if waited >= 1:
                tell(f"still {doing} after {waited:.0f} s; last: {last}")
            return
        line = progress_line(event)
        if line:
            last = line
            tell(line, event["severity"])

    return told


def exit_code(operation: Mapping[str, Any] | None) -> int:
    """Return the exit code of an operation; none was needed: 0."""
    phase = None if operation is None else operation["phase"]
    return {"Failed": 1, "Superseded": SUPERSEDED}.get(str(phase), 0)


def lines(operation: Mapping[str, Any] | None, nothing: str) -> Iterator[str]:
    """Yield how an operation ended."""
    if operation is None:
        yield nothing
        return
    told = outcomes(operation["outcomes"])
    of = f" of {revision(operation['revision'])}" if operation["revision"] else ""
    words = f"{operation['application']}: {operation['trigger']}{of} {operation['phase']}"
    yield words + (f": {told}" if told else "")
    if operation["message"]:
        yield f"  {operation['message']}"
    yield from (f"  {line}" for line in failure_lines(operation))
