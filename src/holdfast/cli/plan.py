"""`holdfast plan`."""

from __future__ import annotations

import click

from holdfast.cli import planning
from holdfast.cli.call import Call
from holdfast.cli.page import application, files, page, resources, revision
from holdfast.cli.plan_markdown import plan_markdown
from holdfast.cli.plan_text import Density, exit_code, plan_lines


@page(
    "plan",
    document="Plan",
    examples=(
        ("holdfast plan -f application.yaml", "What bringing it up would do. Nothing is touched, and no daemon is needed."),
        ("holdfast plan shop --revision feature", "What a branch would change in what runs."),
        ("holdfast plan shop --revision feature --markdown", "The same as Markdown, for a comment on its pull request."),
        ("holdfast plan shop --resource Process/shop/web", "What a sync of this alone would change, and the digest that approves it."),
        ("holdfast plan shop --brief", "A line for each change; --full shows every field of everything."),
    ),
    exits={
        0: "nothing would change",
        1: "what Git says cannot be rendered",
        2: "changes are pending",
        5: "policy refuses some of it",
        75: "an engine or the daemon did not answer, so that it is not known",
    },
    see=("diff", "render", "sync", "explain"),
)
@application(is_required=False)
@files
@revision
@resources
@click.option("--brief", "density", flag_value="brief", help="A line for each change.")
@click.option("--full", "density", flag_value="full", help="Every field of every change, in whole.")
@click.option("--markdown", is_flag=True, help="As Markdown: a table of changes, their fields folded away.")
@click.pass_obj
def command(
    call: Call,
    application: str | None,
    files: tuple[str, ...],
    revision: str | None,
    resources: tuple[str, ...],
    density: str | None,
    markdown: bool,
) -> int:
    """Show what would change to make the world as Git says, and why: the verb, the reason and the fields, in the order of its waves.

    With -f the files are read and what runs on this host is looked at, without a daemon. With the name of an Application the daemon is
    asked. Reasons: declared (Git says something new), drifted (the world moved), pruned (Git no longer says it), rolled-back.

    Where Sites or the Edge change, the daemon tells what that means for nginx: the diff of its configuration, whether it must read it anew
    (a reload), what that would close, and what keeps it from being served, such as a port that another program has.

    Hooks that the sync would run are listed by phase; --full shows the others as well.

    What would be deleted or replaced is always named, all of it. What policy holds back is shown with its reason and with the digest
    that approves exactly this plan. Values of Secrets of a cluster are masked in every form.
    """
    document = planning.plan(call, "plan", files, application, revision, resources)
    data, terminal = document["data"], call.terminal
    code = exit_code(data)
    if markdown:
        terminal.answer("Plan", data, lambda: plan_markdown(data), document["warnings"])
        return code
    shown = Density(density or "usual")
    terminal.answer("Plan", data, lambda: plan_lines(data, shown, terminal.ink, terminal.width), document["warnings"])
    return code
