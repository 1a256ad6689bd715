"""Events and logs: what is there, what comes, and taking it up again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.cli.daemon import DEADLINE_S, Daemon, Runner, declared, observed, rendered

from holdfast.api.service import LogLine
from holdfast.cli.client import Client
from holdfast.cli.events import _following
from holdfast.cli.terminal import Form, Terminal
from holdfast.errors import Busy, StoreError

PROGRAM = (sys.executable, "-c", "import sys; from holdfast.cli.main import main; sys.exit(main())")


def seqs(lines: str) -> list[int]:
    return [json.loads(line)["data"]["seq"] for line in lines.splitlines()]


def test_the_last_ones_are_shown_in_order(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop"), declared("blog"), rendered("shop"))
    ran = holdfast("events", "--json")
    assert [event["type"] for event in ran.data["events"]] == ["application.declared", "application.declared", "revision.rendered"]
    assert [event["seq"] for event in holdfast("events", "shop", "--json").data["events"]] == [1, 3]
    assert "shop: declared: main of /r, path ." in holdfast("events").out


def test_since_takes_a_number_or_a_time(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop", at=1.0), declared("blog", at=100.0))
    assert seqs(holdfast("events", "--since", "1", "--jsonl").out) == [2]
    assert seqs(holdfast("events", "--since", "1970-01-01T00:00:50+00:00", "--jsonl").out) == [2]
    assert holdfast("events", "--since", "2", "--json").data == {"events": []}
    assert holdfast("events", "--since", "0", "--limit", "1", "--json").data["events"][0]["seq"] == 1


def test_more_than_one_answer_holds_is_asked_for_in_parts(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(*(declared(f"a{number}") for number in range(10_050)))
    assert seqs(holdfast("events", "--since", "0", "--jsonl").out) == list(range(1, 10_051))


@contextmanager
def following(daemon: Daemon, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [*PROGRAM, *words, "--follow", "--jsonl", "--state", str(daemon.state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def next_document(running: subprocess.Popen[str]) -> Any:
    assert running.stdout is not None
    return json.loads(running.stdout.readline())


def test_following_shows_what_comes_and_outlives_a_restart_of_the_daemon(daemon: Daemon) -> None:
    daemon.put(declared("shop"))
    with following(daemon, "events") as running:
        assert next_document(running)["data"]["seq"] == 1
        daemon.put(declared("blog"))
        assert next_document(running)["data"]["seq"] == 2
        daemon.stop()
        daemon.put(rendered("shop"))
        assert running.stderr is not None
        assert "went away" in running.stderr.readline()
        daemon.start()
        assert next_document(running)["data"]["seq"] == 3
        daemon.put(observed("shop"))
        assert next_document(running)["data"]["seq"] == 4


def test_a_daemon_that_stays_away_is_told_as_temporary(daemon: Daemon) -> None:
    daemon.put(declared("shop"))
    told = _following(Client(str(daemon.state)), None, 0, Terminal({}, Form.LINES), patience_s=0.01)
    assert next(told)["seq"] == 1
    daemon.stop()
    with pytest.raises(Busy) as raised:
        next(told)
    assert raised.value.code == "HF8003"


def test_an_error_ends_a_stream_as_its_last_line(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop"))
    daemon.service.fail["follow"] = StoreError("HF5001", "cannot read the store: it is full")
    ran = holdfast("events", "--follow", "--jsonl")
    documents = [json.loads(line) for line in ran.out.splitlines()]
    assert [each["kind"] for each in documents] == ["Event", "Error"]
    assert (ran.code, documents[-1]["data"]["code"]) == (1, "HF5001")


def test_log_lines_name_their_source(daemon: Daemon, holdfast: Runner) -> None:
    daemon.service.lines = [
        LogLine(source="Process/shop/web.0", text="hello"),
        LogLine(source="Process/shop/worker", text="\x1b[31mred\x1b[2J"),
    ]
    assert holdfast("logs", "shop").out == "web.0 | hello\nworker | \x1b[31mred\\x1b[2J\n"
    assert holdfast("logs", "shop", "--lines", "1", "--json").data == {
        "lines": [{"source": "Process/shop/worker", "text": "\x1b[31mred\x1b[2J"}]
    }
    ran = holdfast("logs", "shop", "--jsonl", "--follow")
    assert [json.loads(line)["kind"] for line in ran.out.splitlines()] == ["LogLine", "LogLine"]
    assert daemon.service.asked[-1] == ("logs", "shop", 100, True)
    holdfast("logs", "shop", "--since", "1970-01-01T00:00:07+00:00")
    assert list(daemon.service.asked[-1]) == ["logs", "shop", 100, False, 7.0]
    assert holdfast("logs", "shop", "--since", "soon").code == 64


def test_history_shows_operations_and_on_request_all_that_happened(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop"), rendered("shop"))
    assert holdfast("history", "shop").out == "no operation was recorded yet\n"
    assert "revision aaaaaaaaaa asks for 0 resources" in holdfast("history", "shop", "--events").out
    assert holdfast("history", "shop", "--json").document["kind"] == "History"
    assert [json.loads(line)["kind"] for line in holdfast("history", "shop", "--jsonl").out.splitlines()] == ["Event", "Event"]
    ran = holdfast("history", "shpo", "--json")
    assert (ran.code, ran.data["code"], ran.data["hint"]) == (64, "HF7004", "did you mean shop?")


def test_following_ends_with_130_at_ctrl_c(daemon: Daemon) -> None:
    daemon.put(declared("shop"))
    with following(daemon, "events") as running:
        assert next_document(running)["data"]["seq"] == 1
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=DEADLINE_S)
    assert running.returncode == 130
    assert json.loads(out.splitlines()[-1])["data"]["code"] == "HF8011"
