"""What people ask of containers, on a real Docker Engine: logs through restarts and replacements, exec, top."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from tests.engines.docker_stage import NEEDS, SMALL, Dockerd
from tests.real.house import HOLDFAST, House, house
from tests.real.test_docker_up import APPLICATION, it_is_gone

pytestmark = [pytest.mark.real, pytest.mark.needs("git", *NEEDS)]
COMPOSE = """\
services:
  web:
    image: {image}
    command: ["sh", "-c", "trap 'exit 0' TERM; n=0; while :; do n=$$((n+1)); echo {version} $$n; sleep 0.05; done"]
    environment: {{ WHO: "{version}" }}
    restart: always
  other:
    image: {image}
    command: ["sh", "-c", "trap 'exit 0' TERM; echo other is here; echo and says so >&2; while :; do sleep 0.1; done"]
"""


@pytest.fixture
def shop(dockerd: Dockerd) -> Iterator[House]:
    try:
        with house() as it:
            it.file.write_text(APPLICATION.format(repository=it.repository, server=dockerd.address, annotations="{}"))
            yield it
    finally:
        it_is_gone(dockerd, "shop")


def brought_up(shop: House, version: str = "one") -> str:
    commit = shop.commit(version, compose_yaml=COMPOSE.format(image=SMALL, version=version))
    if shop.daemon is None:
        shop.up()
    shop.well(commit)
    return commit


class Lines:
    """What `holdfast logs --follow` told so far: source and text of each line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self._pipe = process.stdout
        self._rest = b""
        self.told: list[tuple[str, str]] = []
        os.set_blocking(self._pipe.fileno(), False)

    def until(self, text: str) -> None:
        """Read on until a line that begins so was told."""
        ends_at = time.monotonic() + 30
        while not any(each[1].startswith(text) for each in self.told):
            assert time.monotonic() < ends_at, f"{text!r} did not come: {self.told[-20:]}"
            if select.select([self._pipe], [], [], 1.0)[0]:
                *lines, self._rest = (self._rest + os.read(self._pipe.fileno(), 1 << 16)).split(b"\n")
                data = [json.loads(line)["data"] for line in lines]
                self.told += [(each["source"], each["text"]) for each in data]


@contextmanager
def following(shop: House, *words: str) -> Iterator[Lines]:
    """Follow logs within the block."""
    command = [*HOLDFAST, "logs", *words, "--follow", "--jsonl", "--lines", "0", "--state", str(shop.state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield Lines(process)
        finally:
            process.terminate()


def test_logs_go_on_through_restart_and_replacement_and_tell_no_line_twice(shop: House, dockerd: Dockerd) -> None:
    brought_up(shop)
    done = shop.answer("logs", "Container/shop/other")["data"]["lines"]
    assert sorted(each["text"] for each in done) == ["and says so", "other is here"]
    assert len(shop.answer("logs", "Container/shop/other", "--since", "1h")["data"]["lines"]) == 2
    assert shop.answer("logs", "Container/shop/other", "--since", "1ms")["data"]["lines"] == [], "they were written before that"
    assert "other | other is here" in shop.run("logs", "shop", "--state", str(shop.state)).stdout
    with following(shop, "Container/shop/web") as lines:
        lines.until("one ")
        begun = int(lines.told[0][1].split()[1])
        dockerd.ask("POST", "/containers/shop-web-1/restart?t=1")
        lines.until("one 1")
        second = shop.commit("two", compose_yaml=COMPOSE.format(image=SMALL, version="two"))
        lines.until("two 5")
        shop.well(second)
        texts = [text for _, text in lines.told]
    assert {source for source, _ in lines.told} == {"Container/shop/web"}
    at = texts.index("one 1")  # the first line after the restart
    assert texts[:at] == [f"one {number}" for number in range(begun, begun + at)]
    new = texts.index("two 1")
    assert texts[at:new] == [f"one {number}" for number in range(1, new - at + 1)]
    assert texts[new:] == [f"two {number}" for number in range(1, len(texts) - new + 1)]


def test_without_a_daemon_it_is_told_who_knows(shop: House) -> None:
    brought_up(shop)
    shop.end()
    failed = shop.answer("logs", "Container/shop/web", expect=75)
    assert (failed["data"]["code"], failed["data"]["hint"]) == ("HF8055", "start the daemon (holdfast up), or ask Docker: docker logs")


def test_a_command_is_run_in_a_container_and_ends_as_it_ends(shop: House, dockerd: Dockerd) -> None:
    brought_up(shop)
    state = ("--state", str(shop.state))
    done = shop.run("exec", *state, "web", "sh", "-c", "echo $WHO; echo two >&2; exit 7", expect=7)
    assert (done.stdout, done.stderr) == ("one\n", "two\n")
    kept = shop.answer_to(
        "exec", "--json", *state, "--env", "WHO=me", "--folder", "/tmp", "Container/shop/web", "sh", "-c", "echo $WHO; pwd"
    )
    assert kept["data"] == {
        "id": "Container/shop/web",
        "command": ["sh", "-c", "echo $WHO; pwd"],
        "code": 0,
        "out": "me\n/tmp\n",
        "err": "",
    }
    piped = subprocess.run([*HOLDFAST, "exec", *state, "--input", "web", "wc", "-c"], input=b"x" * 200_000, capture_output=True, check=True)
    assert piped.stdout.split() == [b"200000"]
    (shop.folder / "rows").write_bytes(b"y" * 100_000)
    with open(shop.folder / "rows", "rb") as rows:
        filed = subprocess.run([*HOLDFAST, "exec", *state, "--input", "web", "wc", "-c"], stdin=rows, capture_output=True, check=True)
    assert filed.stdout.split() == [b"100000"]
    missing = shop.answer_to("exec", "--json", *state, "wen", "true", expect=64)
    assert (missing["data"]["code"], missing["data"]["hint"]) == ("HF8056", "did you mean web?")
    none = shop.answer_to("exec", "--json", *state, "web", "no-such-program", expect=None)
    assert none["data"]["code"] in (126, 127) or "executable file not found" in none["data"]["message"]
    shop.end()
    assert shop.run("exec", *state, "web", "echo", "still", expect=0).stdout == "still\n"  # by what was recorded last


def test_a_terminal_is_passed_through(shop: House) -> None:
    brought_up(shop)
    ours, theirs = pty.openpty()
    words = [*HOLDFAST, "exec", "--state", str(shop.state), "web", "sh"]
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        os.write(ours, b"tty; exit 3\n")  # typed before anybody asks for it
        ends_at = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < ends_at:
            if select.select([ours], [], [], 0.2)[0]:
                with suppress(OSError):  # the other side is closed
                    seen += os.read(ours, 1 << 16)
        assert process.wait(20) == 3, seen
        assert b"/dev/pts/" in seen
    finally:
        process.kill()
        process.wait(20)
        os.close(ours)


def test_what_containers_use_is_measured(shop: House, dockerd: Dockerd) -> None:
    brought_up(shop)
    found = {each["id"]: each["usage"] for each in shop.answer("top", "shop")["data"]["containers"]}
    assert found.keys() == {"Container/shop/other", "Container/shop/web"}
    assert all(each["memory"] > 0 and each["pids"] >= 1 and 0 <= each["cpus"] < 8 for each in found.values())
    text = shop.run("top", "web", "--state", str(shop.state)).stdout.splitlines()
    assert text[0].split() == ["NAME", "CPUS", "MEMORY", "LIMIT", "PIDS", "RECEIVED", "SENT", "READ", "WRITTEN"]
    assert [line.split()[0] for line in text[1:]] == ["shop/web"]
    tree = shop.run("tree", "shop", "--state", str(shop.state)).stdout
    assert "Container/shop/web" in tree
    assert "Network/shop/default" in tree
