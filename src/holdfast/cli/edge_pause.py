"""`holdfast edge pause`."""

from __future__ import annotations

import click

from holdfast.cli.call import Call
from holdfast.cli.edge_closing import SWITCH, close, reopen
from holdfast.cli.page import page


@page(
    "edge pause",
    document="SiteClosed",
    examples=(
        ("holdfast edge pause shop on --until 1m", "Requests wait, for a minute at most."),
        ("holdfast edge pause shop off", "All that wait go on."),
    ),
    exits={5: "Git says it, or it is not so", 64: "no such Site", 75: "no daemon answers"},
    see=("edge maintenance", "edge status", "suspend"),
)
@click.argument("site")
@click.argument("switch", type=SWITCH, metavar="on|off")
@click.option("--until", metavar="TIME", help="When it ends: ISO 8601, or a duration from now such as 30s.")
@click.pass_obj
def command(call: Call, site: str, switch: str, until: str | None) -> int:
    """Let the requests of a Site wait instead of failing, while something behind it is changed, or let them go on. nginx is not reloaded.

    Each waits as long as `pause.max` of the Site says (30s), then gets 503 with `Retry-After`. When the pause ends, all that wait are
    passed on as they were asked, with their bodies. At most 10,000 wait. A request whose address nginx would write otherwise (`%2F`,
    `//`) does not wait and gets 503 at once, and so do all while no daemon runs. Needs a running daemon.

    Document: SiteClosed {site, closed {how, by, at, until, message}}; closed is null where the Site is open.
    """
    return close(call, site, "pause", None, until) if switch == "on" else reopen(call, site, "pause")
