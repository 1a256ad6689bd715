"""`holdfast exec`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from holdfast.cli.call import Call
from holdfast.cli.page import page


@page(
    "exec",
    document="Worked",
    examples=(
        ("holdfast exec web sh", "A shell in a container, where this is a terminal."),
        ("holdfast exec db pg_dump --clean shop", "What a command writes; options behind CONTAINER are its own."),
        ("holdfast exec --input db psql shop <rows.sql", "With standard input."),
    ),
    exits={
        0: "the command's own exit code, whatever it is",
        64: "there is no such container, or none runs; or the command's own",
        75: "the Docker host does not answer; or the command's own",
    },
    see=("logs", "top", "status"),
)
@click.argument("container")
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--input", "-i", "has_input", is_flag=True, help="Pass standard input on; a terminal's always is.")
@click.option("--user", "-u", metavar="USER", help="Run it as this user of the container.")
@click.option("--folder", "-w", metavar="PATH", help="Run it in this folder of the container.")
@click.option("--env", "-e", multiple=True, metavar="NAME=VALUE", help="A variable for it; may be given more than once.")
@click.pass_obj
def command(
    call: Call, container: str, words: tuple[str, ...], has_input: bool, user: str | None, folder: str | None, env: tuple[str, ...]
) -> int:
    """Run a command in a container that runs, and end as it ends.

    CONTAINER is an id such as Container/shop/web.0, or a name; of several replicas the first one is meant. Options of this command stand
    before it, what stands behind it is the command's. On a terminal the command has it too. The Docker host is asked by this command
    itself, so its user must be allowed to. What is changed in the container's own file system is gone with the container.

    With --json what it writes is kept: Document: Worked {id, command[], code, out, err}.
    """
    from holdfast.app.console import Work, work_in  # an HTTP library, only where it is asked
    from holdfast.cli.running import running

    terminal = call.terminal
    id, where = running(call, container)[0]
    has_terminal = terminal.is_text and sys.stdin.isatty() and sys.stdout.isatty()
    work = Work(
        command=words,
        has_input=has_input or has_terminal,
        has_terminal=has_terminal,
        user=user,
        folder=folder,
        env=env,
        captures=not terminal.is_text,
    )
    with _raw(has_terminal):
        done = work_in(where, work, call.config)
    if not terminal.is_text:
        data = {"id": id, "command": list(words), "code": done.code, "out": done.out, "err": done.err}
        terminal.answer("Worked", data, lambda: ())
    return done.code


command.allow_interspersed_args = False


@contextmanager
def _raw(is_wanted: bool) -> Iterator[None]:
    """Give every key to the other side within the block."""
    if not is_wanted:
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(0)
    try:
        tty.setraw(0, termios.TCSADRAIN)  # what was typed ahead is not lost
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
