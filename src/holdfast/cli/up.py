"""`holdfast up`."""

from __future__ import annotations

import click

from holdfast.cli.call import Call
from holdfast.cli.page import files, page
from holdfast.cli.status_text import status_lines
from holdfast.errors import UsageError
from holdfast.host.options import UpOptions
from holdfast.kit.duration import parse_duration


@page(
    "up",
    document="Status",
    examples=(
        ("holdfast up -f application.yaml", "Run it until Ctrl-C, which leaves the processes running."),
        ("holdfast up -f application.yaml --once --timeout 2m", "Bring it to Synced and Healthy, then end: for scripts."),
        ("holdfast up --from-cluster in-cluster/argocd", "Follow the Application objects of a cluster, and write their status."),
        ("holdfast init --service > holdfast.service", "Have systemd run it."),
    ),
    exits={
        0: "ended by a signal; with --once: all is Synced and Healthy",
        1: "failed; with --once: an operation failed, or what Git says cannot be rendered",
        3: "with --once: degraded, or pinned after a rollback",
        5: "refused by policy",
        75: "another daemon runs on this state folder; with --once: the time limit",
    },
    see=("plan", "status", "down", "init"),
)
@files
@click.option(
    "--from-cluster",
    metavar="CLUSTER[/NAMESPACE]",
    help="Follow the Applications and AppProjects that live as objects in a cluster, by default in its namespace argocd.",
)
@click.option("--once", "is_once", is_flag=True, help="Reconcile to Synced and Healthy, then end.")
@click.option("--timeout", metavar="DURATION", default="60s", show_default=True, help="With --once: how long that may take.")
@click.pass_obj
def command(call: Call, files: tuple[str, ...], from_cluster: str | None, is_once: bool, timeout: str) -> int:
    """Bring Applications up and keep them as Git says: the daemon, in the foreground.

    Without -f the files of `applications/` beside the configuration file are brought up. Steps are told on stderr. While it runs, the
    other commands talk to it from any terminal.

    --from-cluster follows Application objects as their files would be followed, and writes their status: CLUSTER is a destination such as
    in-cluster or a context of the kubeconfig. While Argo CD's controller runs beside them, nothing of them is synced or written.

    SIGTERM and Ctrl-C end the daemon, not what it runs: processes go on, and the next `up` takes them over without a restart. `holdfast
    down` takes them away.
    """
    options = UpOptions(files=files, from_cluster=from_cluster, state_dir=call.state_dir, once=is_once, timeout_s=_timeout(timeout))
    given = (*files, *((f"the Applications of {from_cluster}",) if from_cluster is not None else ()))
    what = ", ".join(given) or "the Applications of this installation"
    call.terminal.tell(f"bringing up {what} (state in {options.state_dir}) …")
    from holdfast.app.entry import up

    outcome = up(options, call.config, call.progress)
    terminal = call.terminal
    for note in outcome.notes:
        terminal.note(note)
    if is_once or not terminal.is_text:
        terminal.answer(
            "Status",
            dict(outcome.status),
            lambda: status_lines(outcome.status, terminal.ink, terminal.width, is_long=True, is_screen=terminal.is_screen),
        )
    return outcome.exit_code


def _timeout(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise UsageError("HF8001", f"cannot read --timeout {text!r}: it is no duration", hint="write 30s, 2m or 1m30s")
    return seconds
