"""`holdfast action list`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import plain
from holdfast.cli.page import page


@page(
    "action list",
    document="Actions",
    examples=(
        ("holdfast action list web", "What may be done to an object, by its name."),
        ("holdfast action list apps/Deployment/shop/web --json", "By its id, for a program."),
    ),
    exits={
        1: "the object is not there, or a user's script failed",
        64: "no such object, or several",
        75: "no daemon or no cluster answers",
    },
    see=("action run", "status"),
)
@click.argument("object", metavar="OBJECT")
@click.pass_obj
def command(call: Call, object: str) -> int:  # noqa: A002 - what the argument is called
    """Show the actions of an object of a cluster: those that are built in (restart, scale, pause …), and a user's own of `argocd-cm`.

    OBJECT is an id such as apps/Deployment/shop/web, a kind and a name such as Deployment/web, or a name. Needs a running daemon.

    Document: Actions {application, id, destination, actions[] {name, title, disabled, params}}; a parameter's value is its default, null
    where it must be given.
    """
    document = call.client.get("/v1/actions", name=object)
    data = document["data"]
    call.terminal.answer("Actions", data, lambda: _lines(data), document["warnings"])
    return 0


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    if not data["actions"]:
        yield f"{plain(data['id'])} has no actions"
    width = max((len(each["name"]) for each in data["actions"]), default=0)
    for each in data["actions"]:
        params = [f"--param {name}={'VALUE' if default is None else default}" for name, default in each["params"].items()]
        title = [each["title"]] if each["title"] != each["name"] else []
        words = [plain(each["name"]).ljust(width), *title, *params, *(["disabled now"] if each["disabled"] else [])]
        yield "  ".join(map(plain, words)).rstrip()
