"""`holdfast edge test`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.edge_sites import fold_sites
from holdfast.cli.ink import Ink, plain
from holdfast.cli.nginx_program import capability
from holdfast.cli.page import files, page, revision
from holdfast.cli.words import count
from holdfast.errors import UsageError, declaration_errors

WRONG = 3
"""Exit code."""


@page(
    "edge test",
    document="EdgeTest",
    examples=(
        ("holdfast edge test -f application.yaml", "Before a commit goes out: would the nginx of this host take it?"),
        ("holdfast edge test .", "The same for the folder as it is committed."),
        ("holdfast edge test", "What is served: every host is visited from outside."),
    ),
    exits={
        0: "nginx takes it, and every host that is visited answers as it should",
        1: "what Git says cannot be rendered, or nginx does not take it",
        3: "a host that is served does not answer as it should",
    },
    see=("edge status", "edge render", "edge explain", "plan"),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path())
@files
@revision
@click.pass_obj
def command(call: Call, paths: tuple[str, ...], files: tuple[str, ...], revision: str | None) -> int:
    """Test what Git says, and what is served. Nothing is changed.

    With a PATH or a file its Sites are rendered for the nginx of this host, and that tests them (`nginx -t`) in a folder of its own, with
    throw-away certificates and secrets; what it does not take is named with the place in Git. Where a daemon serves, each host is visited
    as a browser would: does it answer, with the certificate that was applied, and does plain HTTP redirect as it should?

    Document: EdgeTest {nginx, sites[] {id, hosts[]}, looks[] {site, url, message}}; nginx is null where nothing was rendered, looks null
    where no daemon serves, message null where all is well.
    """
    wanted, daemon = (*paths, *files), call.daemon()
    if not wanted and daemon is None:
        hint = "holdfast edge test -f application.yaml, or holdfast edge test ."
        raise UsageError("HF8001", "cannot test: neither a file nor a folder is named, and no daemon runs", hint=hint)
    data: dict[str, Any] = {"nginx": None, "sites": [], "looks": None}
    warnings: tuple[str, ...] = ()
    if wanted:
        rendered, warnings = _tried(call, wanted, revision)
        data |= rendered
    if daemon is not None:
        call.terminal.tell("visiting every host …")
        data["looks"] = daemon.get("/v1/edge/looks")["data"]["looks"]
    call.terminal.answer("EdgeTest", data, lambda: _lines(data, call.terminal.ink), warnings)
    return WRONG if any(look["message"] is not None for look in data["looks"] or ()) else 0


def _tried(call: Call, wanted: Sequence[str], revision: str | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what was rendered and tested, and the warnings of it. Raises DeclarationError with what nginx does not take."""
    from holdfast.app.edge_trial import trial

    with tempfile.TemporaryDirectory(prefix="hf-") as folder:
        os.chmod(folder, 0o711)
        it = fold_sites(call, wanted, revision, capability(call, None, None), is_usual=False, trial=folder)
        call.terminal.tell(f"testing with {it.world.capability} …")
        if refused := trial(it.folded, it.world.places, call.config.path):
            raise declaration_errors(list(refused))
    sites = [{"id": str(part.declared), "hosts": list(part.spec.hosts)} for _, part in sorted(it.folded.served.items())]
    return {"nginx": str(it.world.capability), "sites": sites}, it.warnings


def _lines(data: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    if data["nginx"] is not None:
        hosts = sum(len(site["hosts"]) for site in data["sites"])
        yield f"nginx {data['nginx']} takes {count(len(data['sites']), 'Site')} with {count(hosts, 'host')}"
    if data["looks"] is None:
        return
    wrong = [look for look in data["looks"] if look["message"] is not None]
    for look in wrong:
        yield f"{ink.heading(look['site'])}  {plain(look['url'])}: {ink.paint(plain(look['message']), 'red')}"
    seen = count(len(data["looks"]), "visit")
    yield f"{len(wrong)} of {seen} met something else than was applied" if wrong else f"{seen}: all met what was applied"
