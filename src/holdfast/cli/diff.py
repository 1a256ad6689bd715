"""`holdfast diff`."""

from __future__ import annotations

import click

from holdfast.cli import planning
from holdfast.cli.call import Call
from holdfast.cli.page import application, files, page, revision
from holdfast.cli.plan_text import diff_lines, exit_code


@page(
    "diff",
    document="Diff",
    examples=(
        ("holdfast diff -f application.yaml", "What runs against what Git says; no daemon is needed."),
        ("holdfast diff shop --revision v1.4.2", "What going back would change."),
    ),
    exits={
        0: "there is no difference",
        1: "what Git says cannot be rendered",
        2: "there are differences",
        5: "policy refuses some of it",
        75: "an engine or the daemon did not answer, so that it is not known",
    },
    see=("plan", "render"),
)
@application(is_required=False)
@files
@revision
@click.pass_obj
def command(call: Call, application: str | None, files: tuple[str, ...], revision: str | None) -> int:
    """Show what would change, field by field: `-` as it is, `+` as Git says.

    Values are compared as Holdfast compares them, so what is shown is all that counts; secrets stand in it as fingerprints. The document
    is that of `plan`.
    """
    document = planning.plan(call, "diff", files, application, revision)
    data, terminal = document["data"], call.terminal
    code = exit_code(data)
    terminal.answer("Diff", data, lambda: diff_lines(data, terminal.ink), document["warnings"])
    return code
