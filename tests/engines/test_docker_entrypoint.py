"""The entrypoint that supervises programs in a container, run as it is there: packed, by a Python without anything of ours on its path."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ports import free_port

from holdfast.engines.docker.entrypoint import packed
from holdfast.workload.process_spec import RestartSpec, StopSpec
from holdfast.workload.supervised import SupervisedSpec, read, write

APP = SupervisedSpec(name="web", command=("sh", "-c", "echo here $WORD; exec sleep 1000"), env={"WORD": "one"})
LIMIT_S = 60


@contextmanager
def running(folder: Path, *apps: SupervisedSpec) -> Iterator[subprocess.Popen[str]]:
    (folder / "entrypoint.pyz").write_bytes(packed())
    (folder / "apps.json").write_text(write(apps))
    command = [sys.executable, "-I", "-S", str(folder / "entrypoint.pyz"), str(folder / "apps.json")]
    where: dict[str, Any] = {"cwd": folder, "env": {"PATH": os.environ["PATH"]}}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **where) as it:
        try:
            yield it
        finally:
            it.terminate()
            it.communicate(timeout=LIMIT_S)


class Told:
    """What a program writes, line by line, each within a deadline."""

    def __init__(self, it: subprocess.Popen[str]) -> None:
        assert it.stdout is not None
        self._fd = it.stdout.fileno()
        self._seen: list[str] = []
        self._rest = b""

    def lines(self, *patterns: str) -> list[re.Match[str]]:
        """Return the next line that fits each pattern, from its start, in whatever order they come: two programs write."""
        found: dict[int, re.Match[str]] = {}
        while len(found) < len(patterns):
            text = self._next()
            for at, pattern in enumerate(patterns):
                if at not in found and (match := re.match(pattern, text)) is not None:
                    found[at] = match
                    break
        return [found[at] for at in range(len(patterns))]

    def line(self, pattern: str) -> re.Match[str]:
        return self.lines(pattern)[0]

    def _next(self) -> str:
        while b"\n" not in self._rest:
            is_there, _, _ = select.select([self._fd], [], [], LIMIT_S)
            piece = os.read(self._fd, 1 << 16) if is_there else b""
            assert piece, f"nothing more came: {self._seen}"
            self._rest += piece
        text, self._rest = self._rest.split(b"\n", 1)
        self._seen.append(text.decode())
        return self._seen[-1]


def test_what_is_told_is_read_back() -> None:
    apps = (APP, SupervisedSpec(name="b", command=("x",), port=80, restart=RestartSpec(success_codes=(3,)), stop=StopSpec(timeout=1.5)))
    assert read(write(apps)) == apps


def test_a_crash_is_answered_at_once_and_a_stop_reaches_everybody(tmp_path: Path) -> None:
    crashing = SupervisedSpec(name="job", command=("sh", "-c", "echo pid $$; test -e once && exec sleep 1000; touch once; exit 3"))
    with running(tmp_path, APP, crashing) as it:
        told = Told(it)
        first = told.line(r"pid (\d+)")[1]
        second, _ = told.lines(r"pid (\d+)", "holdfast: job ended with exit code 3")
        assert second[1] != first
        it.send_signal(signal.SIGTERM)
        assert it.wait(LIMIT_S) == 0
        assert not Path(f"/proc/{second[1]}").exists()


def test_it_ends_when_nothing_is_left_to_run(tmp_path: Path) -> None:
    never = RestartSpec(policy="no")
    done = SupervisedSpec(name="done", command=("sh", "-c", "exit 0"), restart=never)
    with running(tmp_path, done) as it:
        assert it.wait(LIMIT_S) == 0
    with running(tmp_path, done, SupervisedSpec(name="bad", command=("sh", "-c", "exit 4"), restart=never)) as it:
        assert it.wait(LIMIT_S) == 1


def test_what_cannot_be_run_is_told_and_tried_again(tmp_path: Path) -> None:
    missing = SupervisedSpec(name="gone", command=("./not-there",), restart=RestartSpec(backoff=0.01, max_delay=0.01))
    with running(tmp_path, missing) as it:
        told = Told(it)
        for _ in range(3):
            told.line("holdfast: gone: cannot run ./not-there: no such file or directory")


SERVER = """
import os, socket, sys
held = socket.socket(fileno=3)
print("serves", os.getpid(), os.environ["LISTEN_FDS"], os.environ["LISTEN_PID"] == str(os.getpid()), flush=True)
while True:
    peer, _ = held.accept()
    peer.sendall(str(os.getpid()).encode())
    peer.close()
    os._exit(1)
"""


def test_sockets_are_held_so_that_a_crash_loses_nobody(tmp_path: Path) -> None:
    port = free_port()
    quick = RestartSpec(backoff=0.01, max_delay=0.01)
    app = SupervisedSpec(name="web", command=(sys.executable, "-c", SERVER), port=port, instances=2, restart=quick)
    with running(tmp_path, app) as it:
        Told(it).line(r"serves (\d+) 1 True")
        answers = []
        for _ in range(12):
            with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as visitor:
                visitor.settimeout(LIMIT_S)
                answers.append(visitor.recv(64))
        assert all(answers), "each was answered by somebody, who then crashed"
        assert len(set(answers)) > 2


def test_whoever_needs_too_much_memory_is_replaced(tmp_path: Path) -> None:
    app = SupervisedSpec(name="fat", command=(sys.executable, "-c", "import time; x = b'x' * (16 << 20); time.sleep(1000)"), memory=1 << 20)
    with running(tmp_path, app) as it:
        told = Told(it)
        told.line(r"holdfast: fat: a fresh one takes its place \(memory\)")
        told.line("holdfast: fat runs")
