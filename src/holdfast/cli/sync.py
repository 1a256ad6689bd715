"""`holdfast sync`."""

from __future__ import annotations

import click

from holdfast.cli import operation
from holdfast.cli.call import Call
from holdfast.cli.page import application, page, resources


@page(
    "sync",
    document="Operation",
    examples=(
        ("holdfast sync shop", "Look at Git now and bring the shop there."),
        ("holdfast sync shop --approve 4be1…", "Do what policy held back, exactly the plan of this digest."),
        ("holdfast sync shop --resource apps:Deployment:web", "Bring one Deployment there and nothing else."),
        ("holdfast sync shop --resource '!Process/shop/worker'", "Everything but the worker."),
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
@resources
@click.pass_obj
def command(call: Call, application: str, approve: str | None, is_waiting: bool, resources: tuple[str, ...]) -> int:
    """Fetch what Git says of an Application and apply it now, also where it is not synced automatically or waits to try again.

    Needs a running daemon. Its steps are told on stderr; the answer says how it ended. Ctrl-C stops waiting, not the operation.

    With --resource only what is named is planned and applied (a selective sync): no hook runs, the revision of the Application stays
    until all of it is in sync, and what fails is not rolled back. Where a part waits for something that is not there, that is told, and
    nothing is done. An Application that is synced automatically goes on to the rest by itself. With --approve the digest is that
    of `plan` with the same --resource.
    """
    client = call.client
    some = list(resources) or None
    if some is not None:
        call.terminal.tell("hooks do not run in a selective sync")
    if is_waiting:
        doing = f"syncing {'a part of ' if some else ''}{application}"
        document = operation.perform(call, client, "/v1/sync", application, doing, approve=approve, wait=True, resources=some)
        nothing = f"{application}: nothing to do"
    else:
        said = {"approve": approve, "resources": some}
        document = client.post("/v1/sync", application=application, wait=False, **{key: it for key, it in said.items() if it is not None})
        nothing = f"{application}: accepted; `holdfast events {application} --follow` shows it"
    data = document["data"]
    call.terminal.answer("Operation", data, lambda: operation.lines(data["operation"], nothing), document["warnings"])
    return operation.exit_code(data["operation"])
