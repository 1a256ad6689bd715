"""On a real terminal: colour, width, and the one question that is asked."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from tests.cli.daemon import DEADLINE_S, Daemon, declared, observed, operated, rendered

PROGRAM = (sys.executable, "-c", "import sys; from holdfast.cli.main import main; sys.exit(main())")


class Screen:
    """One command with both ends of a terminal."""

    def __init__(self, running: subprocess.Popen[bytes], end: int) -> None:
        self.running = running
        self._end = end
        self.seen = ""

    def until(self, text: str) -> str:
        """Read until `text` was shown; what was seen by then."""
        deadline = time.monotonic() + DEADLINE_S
        while text not in self.seen and time.monotonic() < deadline and self._read():
            pass
        assert text in self.seen, self.seen
        return self.seen

    def answer(self, text: str) -> None:
        os.write(self._end, text.encode())

    def close(self) -> int:
        while self._read():
            pass
        return self.running.wait(DEADLINE_S)

    def _read(self) -> bool:
        if not select.select([self._end], [], [], DEADLINE_S)[0]:
            return False
        try:
            data = os.read(self._end, 65536)
        except OSError:  # EIO: the other end is closed
            return False
        self.seen += data.decode()
        return bool(data)


@contextmanager
def screen(daemon: Daemon, *words: str, environ: Mapping[str, str] | None = None) -> Iterator[Screen]:
    near, far = pty.openpty()
    home = {"HOME": str(daemon.state), "PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "70"}
    running = subprocess.Popen(
        [*PROGRAM, *words, "--state", str(daemon.state)], stdin=far, stdout=far, stderr=far, env={**home, **(environ or {})}
    )
    os.close(far)
    try:
        yield Screen(running, near)
    finally:
        running.kill()
        running.wait()
        os.close(near)


@pytest.fixture
def shop(daemon: Daemon) -> Daemon:
    daemon.put(declared("shop"), rendered("shop"), observed("shop", message="word " * 40))
    daemon.service.operation = operated("Succeeded")
    return daemon


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("yes", 0), ("n", 5), ("", 5)])
def test_down_names_what_goes_and_asks(shop: Daemon, answer: str, code: int) -> None:
    with screen(shop, "down") as shown:
        assert "removing 1 resource of shop: Process/shop/web" in shown.until("[y/N] ")
        shown.answer(f"{answer}\n")
        assert shown.close() == code
    assert bool(shop.service.asked) == (code == 0)


def test_down_asks_nothing_where_it_is_told_not_to(shop: Daemon) -> None:
    for words in (("down", "shop", "--yes"), ("down", "shop", "--json")):
        with screen(shop, *words) as shown:
            assert shown.close() == 0
        assert "[y/N]" not in shown.seen
        assert "removing 1 resource of shop: Process/shop/web" in shown.seen


def test_a_screen_has_colours_and_its_lines_fit(shop: Daemon) -> None:
    with screen(shop, "status") as shown:
        assert shown.close() == 0
    assert "\x1b[32mHealthy" in shown.seen
    assert "…" in shown.seen
    with screen(shop, "status", environ={"NO_COLOR": "1"}) as plain:
        assert plain.close() == 0
    assert "\x1b[" not in plain.seen
    tables = [line for line in plain.seen.splitlines() if "Process/shop/web" in line]
    assert tables
    assert all(len(line) <= 80 for line in tables)


def test_a_dumb_terminal_gets_no_colours(shop: Daemon) -> None:
    with screen(shop, "status", environ={"TERM": "dumb"}) as shown:
        assert shown.close() == 0
    assert "\x1b[" not in shown.seen
