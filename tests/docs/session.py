"""A page of the documentation, done as a reader would: its files are written, its commands typed one after another, its output compared.

What a page may hold, and what is done with it:

- a block after a paragraph that ends with "`NAME`:" is a file of the folder that the reader is in (or ~/…)
- a `console` block is typed, line by line. A command must end well, unless its comment says `exit code N`. `holdfast up` without --once
  is a terminal of its own, and `# Ctrl-C in the first terminal` ends it; `# …` lines are for people otherwise.
- another `text` block is what its last command shows: each line somewhere in the output, `…` for what differs each time
- everything else is only read

A person types slowly, so that all is at rest before each command: `holdfast status --json` says when. What is only looked at is looked at
again until it shows what the page says, or the time is up.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.docs.tool import ROOT
from tests.ports import free_port
from tests.real.house import GIT

from holdfast.host.keeper_client import peek

LIMIT_S = 30.0
BIN = ROOT / ".venv" / "bin"
LOOKS = re.compile(r"(?:holdfast (?:status|events|history|logs|tree|plan|diff|doctor)\b|curl |cat |ls )")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"`([^`\s]+)`:\s*$")
_EXIT = re.compile(r"#.*\bexit code (\d+)")
_PORT = re.compile(r"\b(?:[58][0-9]{3}|3000)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: `file` where it is one."""

    language: str
    text: str
    file: str | None


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for fence in _FENCE.finditer(page):
        named = _NAMED.search(page[: fence.start()])
        is_file = named is not None and fence[1] != "console"
        yield Block(language=fence[1], text=fence[2], file=named[1] if named and is_file else None)


def commands(text: str) -> Iterator[str]:
    """Yield the commands of a console block: a line each, with what it continues by a backslash or as a here-document."""
    lines = iter(text.splitlines())
    for line in lines:
        command = line
        while command.endswith("\\"):
            command += "\n" + next(lines)
        if (here := re.search(r"<<-?\s*'?(\w+)'?", command)) is not None:
            for inner in lines:
                command += "\n" + inner
                if inner == here[1]:
                    break
        if command.strip():
            yield command


class Session:
    """`home` is the reader's; nothing of the real one is touched."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state = home / "state"
        self.folder = home
        self.output = ""
        self.last = ""
        self.daemon: subprocess.Popen[bytes] | None = None
        self.log = home / "up.log"
        self.ports: dict[str, str] = {}
        self.environment: dict[str, str] = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HOLDFAST_STATE", "XDG_"))},
            **{name: value for name, value in GIT.items() if not name.startswith("GIT_CONFIG")},
            "HOME": str(home),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOLDFAST_STATE": str(self.state),
        }

    # What a page says

    def read(self, page: str) -> None:
        """Do all that a page says."""
        for block in blocks(self.moved(page)):
            if block.file is not None:
                self.write(block.file, block.text)
            elif block.language == "console":
                for command in commands(block.text):
                    self.type(command)
            elif block.language == "text":
                self.shows(block.text)

    def moved(self, page: str) -> str:
        """Return the page with ports that nobody else on this machine has."""
        for port in set(_PORT.findall(page)):
            self.ports[port] = str(free_port())
        return _PORT.sub(lambda found: self.ports[found[0]], page)

    def move_copies(self) -> None:
        """Give what was copied from the examples the ports of the page."""
        for path in (path for path in self.folder.iterdir() if path.is_file()):
            path.write_text(_PORT.sub(lambda found: self.ports.get(found[0], found[0]), path.read_text()))

    def write(self, name: str, text: str) -> None:
        path = self.folder / name.replace("~", str(self.home), 1)
        assert path.resolve().is_relative_to(self.home.resolve()), f"{name} is no file of the reader's"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def type(self, command: str) -> None:
        """Type one command, when all before has come to rest."""
        if command.startswith("# Ctrl-C"):
            self.end()
        elif command.startswith(("#", "make")):
            return
        elif re.match(r"holdfast up\b(?!.*--once)", command):
            self.up(command)
        else:
            self.rest()
            wanted = _EXIT.search(command)
            self.last = command
            code = self.run(command)
            if command.startswith("cp -r"):
                self.move_copies()
            assert code == int(wanted[1] if wanted else 0), f"$ {command}\n{self.output}\nexit code {code}\n{self.told()}"

    def run(self, command: str) -> int:
        """Run a command where the one before left off, and return its exit code."""
        left = self.home / "left"
        script = f'{command}\ncode=$?\npwd >"{left}"; env -0 >>"{left}"; exit $code'
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=2 * LIMIT_S,
            check=False,
        )
        self.output = done.stdout.decode(errors="replace")
        folder, _, environment = left.read_text().partition("\n")
        self.folder = Path(folder)
        self.environment = dict(item.split("=", 1) for item in environment.split("\0") if "=" in item)
        return done.returncode

    def shows(self, text: str) -> None:
        """Compare what the last command showed with what the page says; look again where it only looked."""
        patterns = [_pattern(line) for line in text.splitlines() if line.strip()]
        deadline = time.monotonic() + LIMIT_S
        while missing := [each.pattern for each in patterns if not any(map(each.search, self.output.splitlines()))]:
            is_late = time.monotonic() > deadline or not LOOKS.match(self.last)
            assert not is_late, f"$ {self.last}\n{self.output}\ndoes not show {missing}\n{self.told()}"
            self.run(self.last)

    # The daemon

    def up(self, command: str) -> None:
        self.end()
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + LIMIT_S
        while not (self.state / "run" / "api.sock").exists():
            assert self.daemon.poll() is None, f"$ {command}\n{self.told()}"
            assert time.monotonic() < deadline, f"$ {command}\ndoes not come up\n{self.told()}"
        self.rest()

    def end(self) -> None:
        """Ctrl-C in the daemon's terminal."""
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGINT)
            assert self.daemon.wait(timeout=LIMIT_S) in (0, 130), self.told()
            self.daemon = None

    def rest(self) -> None:
        """Wait until nothing is under way, and what Git says now was seen."""
        deadline = time.monotonic() + LIMIT_S
        while self.daemon is not None and self.daemon.poll() is None:
            found = self.status()
            if found and all(map(self.is_at_rest, found)):
                return
            assert time.monotonic() < deadline, f"does not come to rest: {json.dumps(found, indent=1)}\n{self.told()}"

    def status(self) -> list[dict[str, Any]]:
        return list(self.asked("status").get("applications", []))

    def asked(self, *words: str) -> dict[str, Any]:
        told = subprocess.run(
            ["holdfast", *words, "--json"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
        return dict(json.loads(told.stdout)["data"])

    def is_at_rest(self, application: Mapping[str, Any]) -> bool:
        said = {condition["type"] for condition in application["conditions"] if condition["status"]}
        if "SourceError" in said or "Orphaned" in said:
            return True
        if application["desired_revision"] != self.head(application) or said & {"Reconciling"}:
            return False
        is_held = application["pinned"] or application["suspended"] or said & {"RenderError", "Refused", "Held", "RetryExhausted"}
        return bool(is_held) or application["sync"] == "Synced" or self.has_failed(application)

    def has_failed(self, application: Mapping[str, Any]) -> bool:
        """Whether the last operation failed at what Git says now: one at an earlier revision says nothing of this one."""
        last = application["operation"]
        if last is None or last["phase"] != "Failed":
            return False
        operations = self.asked("history", application["name"])["operations"]
        return any(it["id"] == last["id"] and it["revision"] == application["desired_revision"] for it in operations)

    def head(self, application: Mapping[str, Any]) -> str:
        """Return what Git says now where the reader stands in the repository, else what was seen of it."""
        asked = ["git", "rev-parse", "main"]
        told = subprocess.run(asked, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        return told.stdout.strip() if told.returncode == 0 else str(application["desired_revision"])

    def told(self) -> str:
        """Return the end of what the daemon told."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def close(self) -> None:
        """End whatever the page left: the daemon, every child of its keeper, and so the keeper."""
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()
        for run in (*self.home.glob("*/run"), *self.home.glob("*/run/edge")):
            found = peek(run)
            for child in found[1].children if found else ():
                if child.alive and child.pid is not None:
                    os.killpg(child.pid, signal.SIGKILL)
            if found:
                os.kill(found[0].pid, signal.SIGTERM)


def _pattern(line: str) -> re.Pattern[str]:
    """Return what a line of output must look like: blanks are blanks, and `…` is anything."""
    pieces = (r"\s+".join(map(re.escape, piece.split())) if piece.strip() else "" for piece in line.strip().split("…"))
    return re.compile(r"\s*.*?\s*".join(pieces))


@contextmanager
def session() -> Iterator[Session]:
    """Lend the home of a reader, with a short name that run users may pass through."""
    home = Path(tempfile.mkdtemp(prefix="hf-"))
    home.chmod(0o711)
    it = Session(home)
    try:
        yield it
    finally:
        it.close()
        shutil.rmtree(home, ignore_errors=True)
