"""`holdfast sync`."""

from __future__ import annotations

import click

from holdfast.cli import operation
from holdfast.cli.call import Call
from holdfast.cli.page import application, page


@page(
    "sync",
    document="Operation",
    examples=(
        ("holdfast sync shop", "Look at Git now and bring the shop there."),
        ("holdfast sync shop --approve 4be1…", "Do what policy held back, exactly the plan of this digest."),
        ("holdfast sync shop --no-wait", "Ask for it and do not wait."),
    ),
    exits={
        0: "done and healthy, or nothing to do",
        1: "failed; what failed was rolled back where policy says so",
        5: "refused by policy: the hint says how to approve",
        75: "no daemon answers, or something newer took over",
    },
    see=("plan", "rollback", "suspend", "history"),
)
@application()
@click.option("--approve", metavar="DIGEST", help="Approve the plan of this digest, whatever it deletes; `plan` shows the digest.")
@click.option("--wait/--no-wait", "is_waiting", default=True, help="Wait until it has ended (default), or only ask for it.")
@click.pass_obj
def command(call: Call, application: str, approve: str | None, is_waiting: bool) -> int:
    """Fetch what Git says of an Application and apply it now, also where it is not synced automatically or waits to try again.

    Needs a running daemon. Its steps are told on stderr; the answer says how it ended. Ctrl-C stops waiting, not the operation.
    """
    client = call.client
    if is_waiting:
        document = operation.perform(call, client, "/v1/sync", application, f"syncing {application}", approve=approve, wait=True)
        nothing = f"{application}: nothing to do"
    else:
        document = client.post("/v1/sync", application=application, wait=False, **({} if approve is None else {"approve": approve}))
        nothing = f"{application}: accepted; `holdfast events {application} --follow` shows it"
    data = document["data"]
    call.terminal.answer("Operation", data, lambda: operation.lines(data["operation"], nothing), document["warnings"])
    return operation.exit_code(data["operation"])
