"""`holdfast down`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from holdfast.cli import operation
from holdfast.cli.call import Call
from holdfast.cli.client import Client
from holdfast.cli.page import application, page
from holdfast.cli.quick import fetch
from holdfast.cli.words import count
from holdfast.errors import Refused, UsageError


@page(
    "down",
    document="Operation",
    examples=(
        ("holdfast down shop", "Take the shop away; a person at a terminal is asked first."),
        ("holdfast down shop --yes", "Take it away without being asked."),
    ),
    exits={
        0: "all of it is gone",
        1: "something could not be removed",
        5: "refused: by policy, or not confirmed",
        75: "an engine did not answer",
    },
    see=("suspend", "up", "status"),
)
@application(is_required=False)
@click.option("--yes", "-y", "is_sure", is_flag=True, help="Do not ask; without a terminal nobody is asked anyway.")
@click.option("--approve", metavar="DIGEST", help="Approve the plan of this digest where policy holds it back.")
@click.pass_obj
def command(call: Call, application: str | None, is_sure: bool, approve: str | None) -> int:
    """Remove all that an Application has: dependants first, each when what needs it is gone.

    What goes is named before. Data folders and volumes stay. APPLICATION may be left out where there is only one. Works with the daemon,
    and without one too. To keep the processes and end only the daemon, stop `holdfast up`.
    """
    client = call.daemon()
    name, resources = _found(call, application)
    told = f"removing {count(len(resources), 'resource')} of {name}" + (f": {', '.join(resources)}" if resources else "")
    if not is_sure and call.terminal.can_ask:
        call.terminal.note(told)
        if not call.terminal.ask("Remove them?"):
            raise Refused("HF8012", f"cannot remove {name}: it was not confirmed", hint="answer y, or give --yes")
    else:
        call.terminal.tell(told)
    data = _remove(call, client, name, approve)
    call.terminal.answer("Operation", data, lambda: operation.lines(data["operation"], f"{name}: there is nothing to remove"))
    return operation.exit_code(data["operation"])


def _found(call: Call, application: str | None) -> tuple[str, Sequence[str]]:
    """Return an Application's name and the ids of what it has; the only one where none is named."""
    known: Sequence[Mapping[str, Any]] = fetch(call, application, None)["data"]["applications"]
    if application is None and len(known) != 1:
        names = f"there are {', '.join(each['name'] for each in known)}" if known else "there is none"
        raise UsageError("HF8001", f"cannot tell which Application to remove: {names}", hint="holdfast down NAME")
    if not known:
        return str(application), ()
    return known[0]["name"], [it["id"] for it in known[0]["resources"] if it["health"] != "Missing"]


def _remove(call: Call, client: Client | None, name: str, approve: str | None) -> Mapping[str, Any]:
    if client is not None:
        data: Mapping[str, Any] = operation.perform(call, client, "/v1/down", name, f"removing {name}", approve=approve)["data"]
        return data
    from holdfast.app.entry import down

    return down(name, state_dir=call.state_dir, config=call.config, approve=approve, progress=call.progress)
