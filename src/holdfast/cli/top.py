"""`holdfast top`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import plain
from holdfast.cli.page import application, page

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
HEAD = ("NAME", "CPUS", "MEMORY", "LIMIT", "PIDS", "RECEIVED", "SENT", "READ", "WRITTEN")


@page(
    "top",
    document="Top",
    examples=(
        ("holdfast top", "What every process and container uses now."),
        ("holdfast top shop --json", "Of one Application, for a program."),
        ("watch holdfast top web", "Again and again, of one Process or Container with all its replicas."),
    ),
    exits={64: "there is no such process or container, or none runs"},
    see=("status", "logs", "exec"),
)
@application(is_required=False)
@click.pass_obj
def command(call: Call, application: str | None) -> int:
    """Show what processes and containers use: processor, memory, processes, network and disk. It takes a moment: two samples are compared.

    APPLICATION is an Application, a Process or Container with all its replicas, or one id. CPUS of 1.0 is one whole processor; memory is
    without what the kernel takes back by itself, and of a Process its share of what it has in common with others (PSS); bytes of network
    and disk are since the start. A Process counts with all that it started in its session; network is counted for containers alone. The
    Docker host is asked by this command itself, so its user must be allowed to.

    Document: Top {containers[] {id, name, container, destination, usage {cpus, memory, memory_limit, pids, received, sent, read,
    written}}, processes[] {id, pid, usage {cpus, memory, pids, read, written}}}; usage is null where nobody gave any.
    """
    from holdfast.app.console import usage  # an HTTP library, only where it is asked
    from holdfast.cli.running import running_all
    from holdfast.engines.docker.usage import usage_of

    found, processes = running_all(call, application)
    measured = usage([where for _, where in found], [pid for _, pid in processes], call.config)
    rows: list[dict[str, Any]] = [
        {
            "id": id,
            "name": where.name,
            "container": where.container,
            "destination": where.destination,
            "usage": None if stats is None else usage_of(stats).to_json(),
        }
        for (id, where), stats in zip(found, measured.containers, strict=True)
    ]
    own: list[dict[str, Any]] = [
        {"id": id, "pid": pid, "usage": used} for (id, pid), used in zip(processes, measured.processes, strict=True)
    ]
    call.terminal.answer("Top", {"containers": rows, "processes": own}, lambda: _lines([*own, *rows]))
    return 0


def _lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    if not rows:
        yield "no process and no container runs"
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
    limit = "" if usage.get("memory_limit") is None else amount(usage["memory_limit"])
    moved = ("" if usage.get(key) is None else amount(usage[key]) for key in ("received", "sent", "read", "written"))
    return (name, f"{usage['cpus']:.2f}", amount(usage["memory"]), limit, str(usage["pids"]), *moved)


def amount(size: int) -> str:
    """Return bytes as a person reads them: `0 B`, `1.5 MiB`."""
    value, unit = float(size), UNITS[0]
    for unit in UNITS:
        if value < 1024 or unit == UNITS[-1]:
            break
        value /= 1024
    return f"{int(value)} {unit}" if unit == UNITS[0] else f"{value:.1f} {unit}"
