"""`holdfast status`: the page of what `quick` answers."""

from __future__ import annotations

import click

from holdfast.cli.call import Call
from holdfast.cli.page import application, page
from holdfast.cli.quick import StatusRequest, show_status


@page(
    "status",
    document="Status",
    examples=(
        ("holdfast status", "Everything on this host."),
        ("holdfast status shop --at 10m", "How the shop stood ten minutes ago."),
        ("holdfast status --exit-code --quiet > /dev/null || echo 'look at it'", "In a script or a timer."),
        ("holdfast status --json | jq -r '.data.applications[] | .name + \" \" + .health'", "For programs."),
    ),
    exits={
        0: "shown; with --exit-code: all Synced and Healthy",
        2: "with --exit-code: changes or drift are pending",
        3: "with --exit-code: an Application is degraded, or pinned after a rollback",
        75: "with --exit-code: an engine did not say how things stand",
    },
    see=("tree", "history", "events", "explain"),
)
@application(is_required=False)
@click.option("--at", metavar="TIME", help="A moment of the past: ISO 8601, or a duration ago such as 10m.")
@click.option("--exit-code", "is_strict", is_flag=True, help="Tell by the exit code how it stands.")
@click.option("--resources", "is_long", is_flag=True, help="Show every resource of every Application.")
@click.pass_obj
def command(call: Call, application: str | None, at: str | None, is_strict: bool, is_long: bool) -> int:
    """Show each Application on three axes: synced (Git equals what runs), healthy (it runs) and proven (it was looked at from outside).

    What is not well is shown with its resources; of one Application all are. Beneath stand the conditions that keep it from moving and
    what in its files is understood but not honoured, with the place in Git.

    It is read from the events, so it can be asked for any moment that they reach back to. Without a daemon the last that was recorded is
    shown, and said to be so.
    """
    return show_status(call, StatusRequest(application=application, at=at, is_strict=is_strict, is_long=is_long))
