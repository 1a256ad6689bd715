"""`holdfast edge maintenance`."""

from __future__ import annotations

import click

from holdfast.cli.call import Call
from holdfast.cli.edge_closing import SWITCH, close, reopen
from holdfast.cli.page import page


@page(
    "edge maintenance",
    document="SiteClosed",
    examples=(
        ("holdfast edge maintenance shop on --until 30m", "Visitors get the page, for half an hour at most."),
        ("holdfast edge maintenance shop on --message 'Back at noon'", "The page says it."),
        ("holdfast edge maintenance shop off", "The application answers again."),
    ),
    exits={5: "Git says it, or it is not so", 64: "no such Site", 75: "no daemon answers"},
    see=("edge pause", "edge status", "suspend"),
)
@click.argument("site")
@click.argument("switch", type=SWITCH, metavar="on|off")
@click.option("--message", metavar="TEXT", help="What the page says, in place of the Site's own.")
@click.option("--until", metavar="TIME", help="When it ends: ISO 8601, or a duration from now such as 30m.")
@click.pass_obj
def command(call: Call, site: str, switch: str, message: str | None, until: str | None) -> int:
    """Put a page in the place of a Site, or take it away. nginx is not reloaded: a file beside its configuration says it, from the next
    request on. It outlives the daemon and is not healed away; with --until it ends by itself, while a daemon runs.

    SITE is an id, a name, or a host. Visitors get 503 with the page of the Site, or with --message, and `Retry-After` as the Site says.
    Who is in `maintenance.allow` gets the application. What Git says by `maintenance.enabled` is ended by a commit. Needs a running daemon.

    Document: SiteClosed {site, closed {how, by, at, until, message}}; closed is null where the Site is open.
    """
    return close(call, site, "maintenance", message, until) if switch == "on" else reopen(call, site, "maintenance")
