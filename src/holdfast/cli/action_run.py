"""`holdfast action run`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import plain
from holdfast.cli.page import page
from holdfast.errors import UsageError


@page(
    "action run",
    document="ActionDone",
    examples=(
        ("holdfast action run web restart --reason 'a stuck pool'", "Replace the pods of a Deployment, one after another."),
        ("holdfast action run StatefulSet/db scale --param replicas=3", "With a parameter."),
    ),
    exits={
        1: "there is no such action, it is disabled, or a user's script failed",
        64: "no such object, or several",
        75: "no daemon or no cluster answers",
    },
    see=("action list", "events", "status"),
)
@click.argument("object", metavar="OBJECT")
@click.argument("action")
@click.option("--param", "-p", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of it; may be given more than once.")
@click.option("--reason", metavar="TEXT", help="Why, for whoever reads the events.")
@click.pass_obj
def command(call: Call, object: str, action: str, params: tuple[str, ...], reason: str | None) -> int:  # noqa: A002 - the argument's name
    """Do an action of an object of a cluster. It is an event (`action.ran`) with who did it and why. Needs a running daemon.

    What it changes and Git does not declare stays: a restart leaves no drift. What it changes and Git declares is drift, as if it were
    done by hand: it is named, and put back where the Application heals itself.

    Document: ActionDone {application, id, destination, action, params, changed[], created[], drift[], heals}.
    """
    given = dict(_pair(each) for each in params)
    document = call.client.post("/v1/actions", name=object, action=action, params=given, **({"reason": reason} if reason else {}))
    data = document["data"]
    call.terminal.answer("ActionDone", data, lambda: done_lines(data), document["warnings"])
    return 0


def done_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was done, and what follows of it."""
    yield plain(f"{data['action']} done on {data['id']}")
    if data["changed"]:
        yield plain(f"changed: {', '.join(data['changed'])}")
    for each in data["created"]:
        yield plain(f"made: {each}")
    if not data["changed"] and not data["created"]:
        yield "nothing had to be changed"
    if data["drift"]:
        fate = "it is put back" if data["heals"] else f"`holdfast sync {data['application']}` puts it back"
        yield plain(f"Git declares {', '.join(data['drift'])}: that is drift now, and {fate}. To keep it, commit it.")


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise UsageError("HF8001", f"cannot read --param {text}: it is no NAME=VALUE", hint="such as --param replicas=3")
    return name, value
