"""`holdfast top`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import plain
from holdfast.cli.page import application, page

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
HEAD = ("CONTAINER", "CPUS", "MEMORY", "LIMIT", "PIDS", "RECEIVED", "SENT", "READ", "WRITTEN")


@page(
    "top",
    document="Top",
    examples=(
        ("holdfast top", "What every container uses now."),
        ("holdfast top shop --json", "Of one Application, for a program."),
        ("watch holdfast top web", "Again and again, of one Container with all its replicas."),
    ),
    exits={64: "there is no such container, or none runs"},
    see=("status", "logs", "exec"),
)
@application(is_required=False)
@click.pass_obj
def command(call: Call, application: str | None) -> int:
    """Show what containers use: processor, memory, processes, network and disk. It takes a moment, since two samples are compared.

    APPLICATION is an Application, a Container with all its replicas, or one id. CPUS of 1.0 is one whole processor; memory is without
    what the kernel takes back by itself; bytes of network and disk are since the container's start. The Docker host is asked by this
    command itself, so its user must be allowed to.

    Document: Top {containers[] {id, name, container, destination, usage {cpus, memory, memory_limit, pids, received, sent, read,
    written}}}; usage is null where the engine gave none.
    """
    from holdfast.app.console import usage  # an HTTP library, only where it is asked
    from holdfast.cli.running import running
    from holdfast.engines.docker.usage import usage_of

    found = running(call, application)
    measured = usage([where for _, where in found], call.config)
    rows: list[dict[str, Any]] = [
        {
            "id": id,
            "name": where.name,
            "container": where.container,
            "destination": where.destination,
            "usage": None if stats is None else usage_of(stats).to_json(),
        }
        for (id, where), stats in zip(found, measured, strict=True)
    ]
    call.terminal.answer("Top", {"containers": rows}, lambda: _lines(rows))
    return 0


def _lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    if not rows:
        yield "no container runs"
        return
    table = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(row[at]) for row in table) for at in range(len(HEAD))]
    for row in table:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    usage, name = row["usage"], plain(str(row["id"]).partition("/")[2])
    if usage is None:
        return (name, *("?" for _ in HEAD[1:]))
    limit = "" if usage["memory_limit"] is None else amount(usage["memory_limit"])
    moved = (amount(usage[key]) for key in ("received", "sent", "read", "written"))
    return (name, f"{usage['cpus']:.2f}", amount(usage["memory"]), limit, str(usage["pids"]), *moved)


def amount(size: int) -> str:
    """Return bytes as a person reads them: `0 B`, `1.5 MiB`."""
    value, unit = float(size), UNITS[0]
    for unit in UNITS:
        if value < 1024 or unit == UNITS[-1]:
            break
        value /= 1024
    return f"{int(value)} {unit}" if unit == UNITS[0] else f"{value:.1f} {unit}"
