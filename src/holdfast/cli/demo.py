"""`holdfast demo`: the whole story once, on a temporary repository, with measured times. The story itself is in `demo_story`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.page import page


@page(
    "demo",
    document="DemoReport",
    examples=(
        ("holdfast demo", "tell the story, then leave the shop open until Ctrl-C"),
        ("holdfast demo --once", "tell the story and clear everything away"),
        ("holdfast demo --once --json", "the measured times, for scripts"),
    ),
    exits={1: "a step of the story failed"},
    see=("up", "status", "history"),
)
@click.option("--once", is_flag=True, help="End after the story instead of leaving the shop open.")
@click.pass_obj
def command(call: Call, once: bool) -> int:
    """Tell the whole story on this machine: a temporary Git repository with a web application and a worker is brought up; a process is
    killed and healed; where nginx is installed, a Site is opened by TLS and an edit by hand is put back; a commit is rolled out under
    load; a bad commit is stopped and rolled back. Nothing is needed but Python and Git, and nothing is left behind. Where no person
    sits at a terminal it ends after the story, as with --once.
    """
    from holdfast.cli.demo_story import Story

    with Story(call.terminal.tell) as story:
        report = story.tell()
        call.terminal.answer("DemoReport", report, lambda: _text(report))
        if not once and call.terminal.can_ask:
            call.terminal.note(f"the shop stays open on http://127.0.0.1:{story.port} until Ctrl-C; look at it with another terminal:")
            call.terminal.note(f"  holdfast status --state {story.state}")
            call.terminal.note(f"  git -C {story.repository} log")
            with suppress(KeyboardInterrupt):
                story.wait()
        return 0 if is_good(report) else 1


def is_good(report: dict[str, Any]) -> bool:
    """Say whether the story went as it should."""
    return bool(report["bad_commit"]["rolled_back"]) and report["deploy"]["failed"] == 0


def _text(report: dict[str, Any]) -> Iterator[str]:
    heal, deploy, bad = report["heal"], report["deploy"], report["bad_commit"]
    yield f"killed     a new process after {heal['new_pid_ms']:.1f} ms, answering after {heal['http_ok_ms']:.0f} ms"
    yield f"deployed   {deploy['requests']} requests meanwhile, {deploy['failed']} failed"
    yield f"bad commit {'stopped and rolled back' if bad['rolled_back'] else 'not rolled back'}; {bad['failed']} requests failed"
    if edge := report.get("edge"):
        yield f"by TLS     {edge['change_to_serving_ms']:.0f} ms after its commit; {edge['requests']} requests, {edge['failed']} failed"
        yield f"edited     nginx.conf put back after {edge['manual_edit_healed_ms']:.0f} ms"
    yield f"in all     {report['seconds']:.1f} s"
