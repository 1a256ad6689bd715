"""`holdfast resume`."""

from __future__ import annotations

import click

from holdfast.cli.call import Call
from holdfast.cli.page import application, page


@page(
    "resume",
    document="Done",
    examples=(("holdfast resume shop", "Follow Git again, after `suspend` or after a rollback."),),
    exits={75: "no daemon answers"},
    see=("suspend", "rollback", "status"),
)
@application()
@click.pass_obj
def command(call: Call, application: str) -> int:
    """Let an Application that was suspended, or pinned by a rollback, follow Git again.

    A pinned one is brought to what Git says even where that is what failed before. Needs a running daemon.
    """
    document = call.client.post("/v1/resume", application=application)
    call.terminal.answer("Done", document["data"], lambda: [f"{application} follows Git again"], document["warnings"])
    return 0
