"""`holdfast rollback`."""

from __future__ import annotations

import click

from holdfast.cli import operation
from holdfast.cli.call import Call
from holdfast.cli.page import application, page


@page(
    "rollback",
    document="Operation",
    examples=(
        ("holdfast rollback shop", "To the last revision that was healthy."),
        ("holdfast rollback shop --to v1.4.2", "To a revision of your choice."),
        ("holdfast resume shop", "Follow Git again."),
    ),
    exits={
        0: "back and healthy, or nothing to do",
        1: "failed, or there is no revision to go back to",
        5: "refused by policy",
        75: "no daemon answers, or something newer took over",
    },
    see=("history", "resume", "sync"),
)
@application()
@click.option("--to", metavar="REVISION", help="The revision to go back to, as history shows it; without it the last healthy one.")
@click.pass_obj
def command(call: Call, application: str, to: str | None) -> int:
    """Bring an Application back to an earlier revision and pin it there.

    The pin holds until Git asks for something else than what is rolled back from (an unrelated commit does not deploy the bad content
    again), or until `holdfast resume`. Self-heal goes on at the pinned state. Needs a running daemon.
    """
    doing = f"rolling {application} back to {to or 'the last healthy revision'}"
    document = operation.perform(call, call.client, "/v1/rollback", application, doing, to=to)
    data = document["data"]
    nothing = f"{application}: nothing to do"
    call.terminal.answer("Operation", data, lambda: operation.lines(data["operation"], nothing), document["warnings"])
    return operation.exit_code(data["operation"])
