"""`holdfast doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import Ink, plain
from holdfast.cli.page import page
from holdfast.cli.words import count
from holdfast.errors import HoldfastError


@page(
    "doctor",
    document="Doctor",
    examples=(
        ("holdfast doctor", "Before the first `up`, or when something is odd."),
        ("holdfast doctor --json | jq '.data.checks[] | select(.result == \"fail\")'", "For programs."),
    ),
    exits={0: "nothing is wrong; warnings may be shown", 1: "a check failed"},
    see=("config", "status", "explain"),
)
@click.pass_obj
def command(call: Call) -> int:
    """Look for what is missing or wrong on this host: Git, the state folder, the store, the keeper, what the kernel permits.

    Each check is ok, warn or fail, with the next step. A running daemon is asked for what only it can see. Nothing is changed, and
    nothing leaves this host.
    """
    from holdfast.app.entry import doctor

    checks: list[Mapping[str, Any]] = [_daemon(call)]
    known = {it["name"] for it in checks}
    for it in (*doctor(state_dir=call.state_dir, config=call.config)["checks"], *_inside(call)):
        if it["name"] not in known:
            known.add(it["name"])
            checks.append(it)
    data = {"checks": checks}
    call.terminal.answer("Doctor", data, lambda: _lines(checks, call.terminal.ink))
    return int(any(it["result"] == "fail" for it in checks))


def _daemon(call: Call) -> Mapping[str, Any]:
    found: dict[str, Any] = {"name": "daemon", "result": "ok", "message": "", "next_step": None}
    try:
        client = call.daemon()
        if client is None:
            return found | {"message": f"none runs on {call.state_dir}", "next_step": "`holdfast up` starts one"}
        told = client.get("/v1/version")["data"]
    except HoldfastError as error:
        return found | {"result": "fail", "message": error.message, "next_step": error.hint}
    return found | {"message": f"version {told['version']} runs, pid {told['pid']}"}


def _inside(call: Call) -> Sequence[Mapping[str, Any]]:
    """Return what the daemon sees; nothing where none answers, which is told already."""
    try:
        client = call.daemon()
        return client.get("/v1/doctor")["data"]["checks"] if client is not None else ()
    except HoldfastError:
        return ()


def _lines(checks: Sequence[Mapping[str, Any]], ink: Ink) -> Iterator[str]:
    longest = max(len(it["name"]) for it in checks)
    for it in checks:
        yield f"{ink.word(it['result'])}{' ' * (6 - len(it['result']))}{plain(it['name']):{longest}}  {plain(it['message'])}"
        if it["next_step"] and it["result"] != "ok":
            yield f"{' ' * (8 + longest)}→ {plain(it['next_step'])}"
    bad = [it["name"] for it in checks if it["result"] == "fail"]
    odd = sum(it["result"] == "warn" for it in checks)
    named = f" ({', '.join(bad)})" if bad else ""
    yield f"{count(len(checks), 'check')}: {len(bad)} failed{named}, {count(odd, 'warning')}"
