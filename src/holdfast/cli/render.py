"""`holdfast render`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import Ink, plain, table
from holdfast.cli.page import files, page, revision
from holdfast.cli.words import count
from holdfast.errors import UsageError


@page(
    "render",
    document="Render",
    examples=(
        ("holdfast render -f application.yaml", "All that its Application asks for, as committed."),
        ("holdfast render .", "The folder as it is committed, under its own name."),
        ("holdfast render -f application.yaml --revision feature --brief", "Only the ids of a branch, and where they stand."),
    ),
    exits={1: "what Git says cannot be rendered: every error is shown with its place"},
    see=("plan", "explain"),
)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path())
@files
@revision
@click.option("--brief", "is_brief", is_flag=True, help="Only ids, digests and places.")
@click.pass_obj
def command(call: Call, paths: tuple[str, ...], files: tuple[str, ...], revision: str | None, is_brief: bool) -> int:
    """Show what Git says: every resource with its state, as YAML, and the place that declares it.

    PATH is a folder of a Git repository, or an Application file. Only what is committed counts. Needs no daemon and changes nothing. A
    secret stands in a state by its name and a fingerprint, never by its value.
    """
    wanted = (*paths, *files)
    if not wanted:
        hint = "holdfast render -f application.yaml, or holdfast render ."
        raise UsageError("HF8001", "cannot render: neither a file nor a folder is named", hint=hint)
    call.terminal.tell(f"rendering {', '.join(wanted)}{f' at {revision}' if revision else ''} …")
    from holdfast.app.entry import render

    data = render(wanted, state_dir=call.state_dir, config=call.config, revision=revision)
    terminal = call.terminal
    show = _brief if is_brief else _whole
    terminal.answer("Render", data, lambda: show(data, terminal.ink, terminal.width), [_warning(it) for it in data["warnings"]])
    return 0


def _warning(it: Mapping[str, Any]) -> str:
    return f"{it['message']} ({it['origin']})" if it["origin"] else str(it["message"])


def _brief(data: Mapping[str, Any], ink: Ink, width: int | None) -> Iterator[str]:
    rows = [(it["id"], it["digest"][:12], it["origin"] or "") for it in data["resources"]]
    yield from table([("RESOURCE", "DIGEST", "DECLARED AT"), *rows], ink, width) if rows else ["nothing is declared"]


def _whole(data: Mapping[str, Any], ink: Ink, width: int | None) -> Iterator[str]:
    import yaml

    objects = 0
    for it in data["models"]:
        yield ink.paint(f"# {plain(it['path'])}, as it is understood", "cyan")
        documents = it["model"] if isinstance(it["model"], list) else [it["model"]]
        objects += len(documents) if isinstance(it["model"], list) else 0
        for document in documents:
            yield yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=width or 120, explicit_start=True).rstrip("\n")
    for it in data["resources"]:
        yield ink.paint(f"# {plain(it['id'])}" + (f"  {plain(it['origin'])}" if it["origin"] else ""), "cyan")
        document = {"id": it["id"], "application": it["application"], "wave": it["wave"], "needs": it["needs"], "state": it["state"]}
        yield yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=width or 120, explicit_start=True).rstrip("\n")
    yield f"# {count(objects, 'object')}" if objects and not data["resources"] else f"# {count(len(data['resources']), 'resource')}"
