"""`holdfast edge render`."""

from __future__ import annotations

import click

from holdfast.cli.call import Call
from holdfast.cli.edge_sites import fold_sites
from holdfast.cli.nginx_program import capability, nginx_options
from holdfast.cli.page import files, page, revision
from holdfast.errors import UsageError


@page(
    "edge render",
    document="EdgeConfiguration",
    examples=(
        ("holdfast edge render -f application.yaml", "The nginx configuration that its Sites make."),
        ("holdfast edge render . --nginx 1.30.4", "Of the folder as it is committed, for a newer nginx."),
    ),
    exits={1: "what Git says cannot be rendered, or a Site cannot be served"},
    see=("edge explain", "edge review", "render", "plan"),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path())
@files
@revision
@nginx_options
@click.pass_obj
def command(
    call: Call, paths: tuple[str, ...], files: tuple[str, ...], revision: str | None, version: str | None, program: str | None
) -> int:
    """Show the nginx configuration that Sites make, as it would be for the nginx of this host.

    PATH is a folder of a Git repository, or an Application file; only what is committed counts. Needs no daemon and changes nothing, so
    what only a daemon knows stands by its name: the sockets that it holds for a service, and the addresses of names.

    Document: EdgeConfiguration {text, generation, nginx, sites[] {id, hosts, lines[]}, pages{}}.
    """
    wanted = (*paths, *files)
    if not wanted:
        hint = "holdfast edge render -f application.yaml, or holdfast edge render ."
        raise UsageError("HF8001", "cannot render: neither a file nor a folder is named", hint=hint)
    it = fold_sites(call, wanted, revision, capability(call, version, program), is_usual=False)
    folded = it.folded
    sites = [
        {
            "id": str(part.declared),
            "hosts": list(part.spec.hosts),
            "lines": [[piece.first, piece.last] for piece in folded.pieces if id in piece.owners],
        }
        for id, part in sorted(folded.served.items())
    ]
    data = {
        "text": folded.text,
        "generation": folded.generation,
        "nginx": str(it.world.capability),
        "sites": sites,
        "pages": dict(folded.pages),
    }
    call.terminal.answer("EdgeConfiguration", data, folded.text.splitlines, it.warnings)
    return 0
