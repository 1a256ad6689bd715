"""`holdfast version`."""

from __future__ import annotations

import platform
from typing import Any

import click

from holdfast import __version__
from holdfast.cli.call import Call
from holdfast.cli.page import page
from holdfast.errors import HoldfastError


@page(
    "version",
    document="Version",
    examples=(
        ("holdfast version", "This program's version, and the daemon's where one answers."),
        ("holdfast --version", "Only this program's."),
    ),
    exits={},
    see=("doctor",),
)
@click.pass_obj
def command(call: Call) -> int:
    """Show the version of this program, of its Python, and of the daemon that runs on the state folder: {version, python, daemon}, where
    `daemon` is null, or {version, pid, state, started_at}.
    """
    daemon: dict[str, Any] | None = None
    try:
        if (client := call.daemon()) is not None:
            daemon = client.get("/v1/version")["data"]
    except HoldfastError as error:
        call.terminal.tell(error.message, "warning")
    data = {"version": __version__, "python": platform.python_version(), "daemon": daemon}
    words = f"daemon {daemon['version']}, pid {daemon['pid']}" if daemon else "no daemon answers"
    call.terminal.answer("Version", data, lambda: [f"holdfast {__version__} (Python {data['python']})", words])
    return 0
