"""`holdfast exec`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from holdfast.cli.call import Call
from holdfast.cli.page import page
from holdfast.errors import UsageError


@page(
    "exec",
    document="Worked",
    examples=(
        ("holdfast exec web sh", "A shell in a container, where this is a terminal."),
        ("holdfast exec db pg_dump --clean shop", "What a command writes; options behind CONTAINER are its own."),
        ("holdfast exec --container app Deployment/web env", "In a pod of a workload of a cluster."),
        ("holdfast exec --input db psql shop <rows.sql", "With standard input."),
    ),
    exits={
        0: "the command's own exit code, whatever it is",
        64: "there is no such container, or none runs; or the command's own",
        75: "the Docker host or the cluster does not answer; or the command's own",
    },
    see=("logs", "top", "status"),
)
@click.argument("container")
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--input", "-i", "has_input", is_flag=True, help="Pass standard input on; a terminal's always is.")
@click.option("--user", "-u", metavar="USER", help="Run it as this user of the container.")
@click.option("--folder", "-w", metavar="PATH", help="Run it in this folder of the container.")
@click.option("--env", "-e", multiple=True, metavar="NAME=VALUE", help="A variable for it; may be given more than once.")
@click.option("--pod", metavar="NAME", help="Of a workload of a cluster: in this pod; else in the first one that is ready.")
@click.option("--container", "-c", "inner", metavar="NAME", help="Of a workload of a cluster: in this container, else the default one.")
@click.pass_obj
def command(
    call: Call,
    container: str,
    words: tuple[str, ...],
    has_input: bool,
    user: str | None,
    folder: str | None,
    env: tuple[str, ...],
    pod: str | None,
    inner: str | None,
) -> int:
    """Run a command in a container or in a pod that runs, and end as it ends.

    CONTAINER is an id such as Container/shop/web.0 or apps/Deployment/shop/web, a kind and a name such as Deployment/web, or a name; of
    several replicas the first one is meant. Options of this command stand before it, what stands behind it is the command's. On a
    terminal the command has it too. The Docker host or the cluster is asked by this command itself, so its user must be allowed to: to
    the kubeconfig too. A pod has no --user, --folder and --env. What is changed in a container's own file system is gone with it.

    With --json what it writes is kept: Document: Worked {id, command[], code, out, err}; id of a pod is Pod/shop/web-0:app.
    """
    from holdfast.app.console import Work, work_in  # an HTTP library, only where it is asked
    from holdfast.cli.running import pods_of, running

    terminal = call.terminal
    of_pods = pods_of(call, container)
    if of_pods is None and (pod or inner):
        raise UsageError("HF8001", f"cannot run it in {container}: --pod and --container are for workloads of a cluster")
    if of_pods is not None and (user or folder or env):
        raise UsageError(
            "HF8001", f"cannot run it in {container}: a pod has no --user, --folder and --env", hint="such as: env A=b COMMAND"
        )
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
        if of_pods is not None:
            from holdfast.app.pods import InPod, work_in_pod

            id, done = work_in_pod(InPod(id=of_pods, pod=pod, container=inner), work, call.config)
        else:
            id, where = running(call, container)[0]
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
