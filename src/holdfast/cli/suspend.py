"""`holdfast suspend`."""

from __future__ import annotations

import click

from holdfast.cli.call import Call
from holdfast.cli.page import application, page


@page(
    "suspend",
    document="Done",
    examples=(("holdfast suspend shop --reason 'moving the database'", "Leave it as it is; the reason is shown in its status."),),
    exits={75: "no daemon answers"},
    see=("resume", "status"),
)
@application()
@click.option("--reason", metavar="TEXT", help="Why, for whoever looks at it.")
@click.pass_obj
def command(call: Call, application: str, reason: str | None) -> int:
    """Leave an Application alone: commits are not applied and drift is not healed until `holdfast resume`.

    What runs goes on running, and a process that dies is still restarted. Needs a running daemon.
    """
    document = call.client.post("/v1/suspend", application=application, **({"reason": reason} if reason else {}))
    answer = f"{application} is suspended; `holdfast resume {application}` lets it go on"
    call.terminal.answer("Done", document["data"], lambda: [answer], document["warnings"])
    return 0
