"""Exit codes by the table of architecture.md §5, and one document on stdout, whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.cli.daemon import DEADLINE_S, WEB, Daemon, Runner, blocked, change, declared, observed, operated, planned, rendered

from holdfast.core import events
from holdfast.core.rollback import Pin
from holdfast.core.view import OUT_OF_SYNC, UNKNOWN
from holdfast.errors import (
    Bug,
    Busy,
    Conflict,
    DeclarationError,
    EngineError,
    HoldfastError,
    Refused,
    Rejected,
    SourceError,
    StoreError,
    TimedOut,
    Unavailable,
    UsageError,
    Where,
)
from holdfast.model.event import Event
from holdfast.model.live import Status

PROGRAM = (sys.executable, "-c", "import sys; from holdfast.cli.main import main; sys.exit(main())")
BY_CLASS: dict[type[HoldfastError], int] = {
    DeclarationError: 1,
    Refused: 5,
    Unavailable: 75,
    TimedOut: 75,
    Conflict: 1,
    Rejected: 1,
    EngineError: 1,
    SourceError: 1,
    StoreError: 1,
    UsageError: 64,
    Busy: 75,
    Bug: 70,
}
FORMS = ((), ("--json",))


@pytest.mark.parametrize("form", FORMS, ids=["text", "json"])
@pytest.mark.parametrize("kind", BY_CLASS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(("route", "words"), [("status", ("status",)), ("sync", ("sync", "shop")), ("logs", ("logs", "shop"))])
def test_an_error_of_the_daemon_passes_through_with_its_exit_code(
    daemon: Daemon, holdfast: Runner, route: str, words: tuple[str, ...], kind: type[HoldfastError], form: tuple[str, ...]
) -> None:
    daemon.put(declared("shop"))
    place = Where(path="a.yaml", line=3, column=2, snippet="x: y")
    daemon.service.fail[route] = kind("HF1999", "cannot do it: a reason", where=[place], hint="do this", errors=[kind("HF1998", "a part")])
    ran = holdfast(*words, *form)
    assert ran.code == BY_CLASS[kind]
    if form:
        assert ran.document["kind"] == "Error"
        assert ran.data == daemon.service.fail[route].to_json()  # type: ignore[attr-defined]
    else:
        assert ran.out == ""
        for told in ("error: cannot do it: a reason", "error: a part", "do this", "holdfast explain HF1999"):
            assert told in ran.err


PLANS: dict[str, tuple[dict[str, Any], int]] = {
    "nothing": (planned(unchanged=3), 0),
    "changes": (planned(change("create", "web")), 2),
    "only held back": (planned(held=(blocked("web"),)), 2),
    "a refusal": (planned(change("create", "web"), held=(blocked("old", refused=True),)), 5),
    "an unknown": (planned(held=(blocked("web", unknown=True), blocked("old", refused=True))), 75),
}


@pytest.mark.parametrize("form", FORMS, ids=["text", "json"])
@pytest.mark.parametrize("command", ["plan", "diff"])
@pytest.mark.parametrize("case", PLANS)
def test_plan_and_diff_tell_by_their_exit_code(daemon: Daemon, holdfast: Runner, command: str, case: str, form: tuple[str, ...]) -> None:
    daemon.service.plans, expected = PLANS[case]
    ran = holdfast(command, "shop", *form)
    assert ran.code == expected
    if form:
        assert (ran.document["kind"], ran.data) == (command.capitalize(), daemon.service.plans)
    else:
        assert "shop at aaaaaaaaaa" in ran.out


PIN = Pin(failed_digest="d", failed_revision="b" * 40, revision="a" * 40, at=5.0, reason="it died")
STANDINGS: dict[str, tuple[tuple[Event, ...], int]] = {
    "nothing": ((), 0),
    "well": ((declared("shop"), rendered("shop"), observed("shop")), 0),
    "suspended": ((declared("shop"), rendered("shop"), observed("shop", status=Status.SUSPENDED)), 0),
    "drifted": ((declared("shop"), rendered("shop"), observed("shop", sync=OUT_OF_SYNC)), 2),
    "progressing": ((declared("shop"), rendered("shop"), observed("shop", status=Status.PROGRESSING)), 2),
    "degraded": ((declared("shop"), rendered("shop"), observed("shop", status=Status.DEGRADED)), 3),
    "pinned": (
        (declared("shop"), rendered("shop"), observed("shop"), events.revision_pinned(at=5.0, application="shop", pin=PIN)),
        3,
    ),
    "not known": ((declared("shop"), rendered("shop"), observed("shop", sync=UNKNOWN, status=Status.UNKNOWN)), 75),
    "the worst of two": ((declared("blog"), declared("shop"), rendered("shop"), observed("shop", status=Status.DEGRADED)), 3),
}


@pytest.mark.parametrize("form", FORMS, ids=["text", "json"])
@pytest.mark.parametrize("case", STANDINGS)
def test_status_tells_how_it_stands_only_where_it_is_asked_to(daemon: Daemon, holdfast: Runner, case: str, form: tuple[str, ...]) -> None:
    told, expected = STANDINGS[case]
    daemon.put(*told)
    assert holdfast("status", *form).code == 0
    ran = holdfast("status", "--exit-code", *form)
    assert ran.code == expected
    assert not form or ran.document["kind"] == "Status"


OPERATIONS: dict[str, tuple[dict[str, Any], int]] = {
    "nothing to do": ({"operation": None, "accepted": True}, 0),
    "done": (operated("Succeeded"), 0),
    "failed": (operated("Failed", message="web died"), 1),
    "superseded": (operated("Superseded"), 75),
}


@pytest.mark.parametrize("form", FORMS, ids=["text", "json"])
@pytest.mark.parametrize("command", ["sync", "rollback", "down"])
@pytest.mark.parametrize("case", OPERATIONS)
def test_an_operation_tells_how_it_ended(daemon: Daemon, holdfast: Runner, command: str, case: str, form: tuple[str, ...]) -> None:
    daemon.put(declared("shop"))
    daemon.service.operation, expected = OPERATIONS[case]
    ran = holdfast(command, "shop", *form)
    assert ran.code == expected
    if form:
        assert (ran.document["kind"], ran.data) == ("Operation", daemon.service.operation)


@pytest.mark.parametrize("form", FORMS, ids=["text", "json"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("stats",), "HF8002"),
        (("sync",), "HF8001"),
        (("sync", "a", "b"), "HF8001"),
        (("status", "--nope"), "HF8001"),
        (("status", "--at", "soon"), "HF8009"),
        (("events", "--limit", "0"), "HF8001"),
        (("plan",), "HF8001"),
        (("plan", "shop", "-f", "a.yaml"), "HF8001"),
        (("render",), "HF8001"),
        (("up", "--timeout", "soon"), "HF8001"),
        (("completion", "tcsh"), "HF8001"),
        (("config", "get"), "HF8001"),
        (("config", "get", "pol_interval"), "HF8006"),
        (("explain", "HF0000"), "HF8008"),
        (("explain", "Process.comand"), "HF8008"),
        (("init", "/nonexistent"), "HF8015"),
        (("status", "--state", ""), "HF8007"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_a_wrong_command_line_is_64_and_still_one_document(
    holdfast: Runner, words: tuple[str, ...], code: str, form: tuple[str, ...]
) -> None:
    ran = holdfast(*words, *form)
    assert ran.code == 64
    if form:
        assert (ran.document["kind"], ran.data["code"]) == ("Error", code)
    else:
        assert ran.out == ""
        assert f"holdfast explain {code}" in ran.err


@pytest.mark.parametrize("form", FORMS, ids=["text", "json"])
@pytest.mark.parametrize(
    "words",
    [
        ("sync", "shop"),
        ("rollback", "shop"),
        ("suspend", "shop"),
        ("resume", "shop"),
        ("plan", "shop"),
        ("diff", "shop"),
    ],
    ids=" ".join,
)
def test_without_a_daemon_what_needs_one_is_75(holdfast: Runner, words: tuple[str, ...], form: tuple[str, ...]) -> None:
    ran = holdfast(*words, *form)
    assert ran.code == 75
    assert "holdfast explain HF8003" in ran.err if not form else ran.data["code"] == "HF8003"


@pytest.mark.parametrize("words", [("events", "--follow"), ("logs", "shop", "--follow")], ids=" ".join)
def test_following_without_a_daemon_is_75_and_with_json_a_usage_error(holdfast: Runner, words: tuple[str, ...]) -> None:
    ran = holdfast(*words, "--jsonl")
    assert (ran.code, ran.data["code"]) == (75, "HF8003")
    ran = holdfast(*words, "--json")
    assert (ran.code, ran.data["code"]) == (64, "HF8001")
    assert ran.data["hint"] == "use --jsonl"


def hold(daemon: Daemon) -> asyncio.Event:
    """Have operations wait for the event that is returned."""
    gate = asyncio.Event()
    daemon.service.gate = gate
    return gate


def test_an_operation_that_is_waited_for_can_be_left_with_ctrl_c(daemon: Daemon) -> None:
    daemon.put(declared("shop"))
    gate = hold(daemon)
    waiting = subprocess.Popen([*PROGRAM, "sync", "shop", "--json", "--state", str(daemon.state)], stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while not daemon.service.asked and time.monotonic() < deadline:
            time.sleep(0.005)
        assert daemon.service.asked
        waiting.send_signal(signal.SIGINT)
        out, _ = waiting.communicate(timeout=DEADLINE_S)
    finally:
        waiting.kill()
        waiting.wait()
        daemon.call(gate.set)
    assert waiting.returncode == 130
    assert json.loads(out)["data"]["code"] == "HF8011"


def test_a_reader_that_goes_away_is_no_defect(daemon: Daemon) -> None:
    daemon.put(*(declared(f"app-{number}") for number in range(2000)))
    command = [*PROGRAM, "events", "--limit", "2000", "--state", str(daemon.state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert "app-0" in running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(DEADLINE_S) == 141


def test_an_answer_that_cannot_be_read_is_told_as_temporary(state: Path, holdfast: Runner) -> None:
    (state / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(state / "run" / "api.sock"))
        listening.listen()

        def babble() -> None:
            for _ in range(2):
                connection, _address = listening.accept()
                with connection, suppress(OSError):
                    connection.sendall(b"no HTTP at all\r\n\r\n")

        thread = threading.Thread(target=babble)
        thread.start()
        ran = holdfast("status", "--json")
        thread.join(DEADLINE_S)
    assert (ran.code, ran.data["code"]) == (75, "HF8004")


def test_a_defect_is_70_without_its_trace_and_with_it_on_request(daemon: Daemon, holdfast: Runner) -> None:
    daemon.service.plans = {"surprise": True}
    ran = holdfast("plan", "shop")
    assert ran.code == 70
    assert "HF9001" in ran.err
    assert "Traceback" not in ran.err
    assert "Traceback" in holdfast("plan", "shop", environ={"HOLDFAST_DEBUG": "1"}).err
    assert holdfast("plan", "shop", "--json").data["code"] == "HF9001"


def test_a_closed_stdout_and_a_folder_that_is_gone_are_survived(daemon: Daemon, tmp_path: Path) -> None:
    daemon.put(declared("shop"))
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$0" && rmdir "$0" && "$@" status --exit-code --state "$STATE" >&-; echo $?'
    environ = {"PATH": os.environ["PATH"], "STATE": str(daemon.state)}
    ran = subprocess.run(["sh", "-c", script, str(gone), *PROGRAM], capture_output=True, text=True, env=environ, check=True)
    assert (ran.stdout, ran.stderr) == ("75\n", "")


def test_a_folder_of_another_user_is_refused(state: Path) -> None:
    (state / "run").mkdir(mode=0)
    script = (
        "import os, sys\nfrom holdfast.cli.program import run\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"  # root may enter every folder
        "sys.exit(run(sys.argv[1:]))"
    )
    state.chmod(0o711)
    command = [sys.executable, "-c", script, "status", "--json", "--state", str(state)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, json.loads(ran.stdout)["data"]["code"]) == (5, "HF8014")


def test_options_may_stand_before_the_command_and_the_environment_is_the_weaker(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop"))
    ran = holdfast("--json", "--state", str(daemon.state), "status", environ={"HOLDFAST_STATE": "/nonexistent"})
    assert ran.code == 0
    assert ran.data["applications"][0]["name"] == "shop"


def test_warnings_of_the_configuration_are_in_the_document_and_on_stderr(daemon: Daemon, holdfast: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "etc" / "holdfast"
    folder.mkdir(parents=True)
    (folder / "holdfast.yaml").write_text(f"state: {daemon.state}\npoll_interval: 5s\n")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "etc"), "HOLDFAST_STATE": ""}
    assert holdfast("config", "get", "poll_interval", environ=environ).out == "5s\n"
    assert holdfast("status", "--json", environ=environ).code == 0
    (folder / "holdfast.yaml").write_text("stat: x\n")
    ran = holdfast("status", "--json", environ=environ)
    assert (ran.code, ran.data["code"]) == (64, "HF8006")
    assert ran.data["where"][0]["line"] == 1
    assert holdfast("status", "--state", str(daemon.state), environ=environ).code == 0


def test_the_daemon_hears_what_was_asked(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop"))
    me = f"{os.geteuid()} "
    for words in (
        ("sync", "shop", "--approve", "abc"),
        ("sync", "shop", "--no-wait"),
        ("rollback", "shop", "--to", "v1"),
        ("suspend", "shop", "--reason", "moving"),
        ("resume", "shop"),
        ("down", "shop", "--approve", "abc"),
        ("plan", "shop", "--revision", "v2"),
    ):
        assert holdfast(*words).code == 0, words
    asked = [(name, application, *(it for it in rest if not str(it).startswith(me))) for name, application, *rest in daemon.service.asked]
    assert asked == [
        ("sync", "shop", "abc", True),
        ("sync", "shop", None, False),
        ("rollback", "shop", "v1"),
        ("suspend", "shop", "moving"),
        ("resume", "shop"),
        ("down", "shop", "abc"),
        ("plan", "shop", "v2"),
    ]


def test_steps_are_told_on_stderr_while_an_operation_runs(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop"))
    daemon.service.during = [events.process_started(at=5.0, application="shop", id=WEB, pid=77, slot=0, spawn="s")]
    daemon.service.operation = operated("Succeeded")
    gate = hold(daemon)

    def told() -> None:
        if daemon.service.followers:
            asyncio.get_running_loop().call_later(0.1, gate.set)
        else:
            asyncio.get_running_loop().call_later(0.01, told)

    daemon.call(told)
    ran = holdfast("sync", "shop", "--json")
    assert ran.data["operation"]["phase"] == "Succeeded"
    assert "syncing shop" in ran.err
    assert "Process/shop/web started, pid 77" in ran.err
    assert "still syncing shop" not in ran.err
    assert holdfast("sync", "shop", "--json", "--quiet").err == ""
