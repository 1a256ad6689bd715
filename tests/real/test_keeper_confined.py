"""Children that the keeper confines: TCP ports by Landlock, and a network namespace, both before exec, or not at all."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ports import free_port

from holdfast.errors import Rejected
from holdfast.host.keeper.kernel import PORT_RULES_ABI, Kernel
from holdfast.host.keeper_client import KeeperClient, peek
from holdfast.host.keeper_state import Exited, Spawn

pytestmark = pytest.mark.real

DEADLINE_S = 20.0
NOBODY = 65534
PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
"""One that any user may execute."""
HAS_PORT_RULES = Kernel().landlock_abi() >= PORT_RULES_ABI
port_rules = pytest.mark.skipif(not HAS_PORT_RULES, reason="needs a kernel with Landlock rules for TCP ports (6.7)")

TRY_PORTS = """
import errno, json, os, socket, subprocess, sys
def word(act, port):
    with socket.socket() as it:
        try:
            getattr(it, act)(("127.0.0.1", port))
        except OSError as error:
            return errno.errorcode[error.errno]
    return "ok"
asked = json.loads(sys.argv[1])
told = {f"{act} {name}": word(act, port) for act, name, port in asked}
child = "import socket,sys; s = socket.socket(); print(s.connect_ex(('127.0.0.1', int(sys.argv[1]))))"
told["inherited"] = int(subprocess.check_output([sys.executable, "-I", "-S", "-c", child, str(asked[1][2])]))
told["uid"] = os.getuid()
print(json.dumps(told))
"""


@pytest.fixture
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("k")
    yield folder
    found = peek(folder)
    if found is not None:
        os.kill(found[0].pid, signal.SIGKILL)


@pytest.fixture
def namespace() -> Iterator[Path]:
    """An empty network namespace of our own, its loopback up."""
    name = f"hf-test-{secrets.token_hex(4)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield Path("/run/netns", name)
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def outcome(run_dir: Path, script: str, arguments: tuple[str, ...] = (), **more: Any) -> tuple[int | None, Any]:
    """Run a script as a child of the keeper; return its exit code and the JSON that it printed."""
    log = run_dir / "out"
    log.unlink(missing_ok=True)
    env = {"HOLDFAST_TEST_RUN": os.environ["HOLDFAST_TEST_RUN"]}

    async def story() -> int | None:
        async with asyncio.timeout(DEADLINE_S):
            client = await KeeperClient.connect(run_dir, start=True)
            try:
                await client.subscribe()
                argv = (PYTHON, "-I", "-S", "-c", script, *arguments)
                await client.spawn(Spawn(spawn_id="it", argv=argv, path_env="/usr/bin:/bin", env=env, stdout=str(log), **more))
                code = None
                async for event in client.events():
                    if isinstance(event, Exited):
                        code = event.exit.code
                        break
                await client.forget("it")
                return code
            finally:
                await client.aclose()

    code = asyncio.run(story())
    text = log.read_text()
    return code, json.loads(text) if text.startswith("{") else text


def listener() -> tuple[socket.socket, int]:
    it = socket.create_server(("127.0.0.1", 0))
    return it, it.getsockname()[1]


@port_rules
@pytest.mark.parametrize("who", [{}, pytest.param({"uid": NOBODY, "gid": NOBODY}, marks=pytest.mark.needs("root"))])
def test_only_the_ports_that_were_named_can_be_bound_and_connected_to(run_dir: Path, who: dict[str, int]) -> None:
    (one, allowed), (two, other), mine, strange = listener(), listener(), free_port(), free_port()
    with one, two:
        asked = [
            ("connect", "allowed", allowed),
            ("connect", "other", other),
            ("bind", "mine", mine),
            ("bind", "strange", strange),
            ("bind", "any", 0),
        ]
        code, told = outcome(run_dir, TRY_PORTS, (json.dumps(asked),), bind_ports=(mine,), connect_ports=(allowed,), **who)
    assert code == 0, told
    assert told == {
        "connect allowed": "ok",
        "connect other": "EACCES",
        "bind mine": "ok",
        "bind strange": "EACCES",
        "bind any": "EACCES",
        "inherited": 13,
        "uid": who.get("uid", os.getuid()),
    }


@port_rules
def test_rules_for_binding_alone_leave_connecting_free(run_dir: Path) -> None:
    (one, first), (two, second) = listener(), listener()
    with one, two:
        asked = [("connect", "first", first), ("connect", "second", second), ("bind", "any", 0)]
        _, told = outcome(run_dir, TRY_PORTS, (json.dumps(asked),), bind_ports=())
    assert (told["connect first"], told["connect second"], told["bind any"], told["inherited"]) == ("ok", "ok", "EACCES", 0)


@pytest.mark.needs("root", "ip")
def test_a_child_starts_in_the_network_that_it_was_given_as_its_user(run_dir: Path, namespace: Path) -> None:
    one, port = listener()
    asked = [("connect", "host", port), ("connect", "again", port), ("bind", "inside", port)]
    with one:
        code, told = outcome(run_dir, TRY_PORTS, (json.dumps(asked),), network=str(namespace), uid=NOBODY, gid=NOBODY)
    assert code == 0, told
    assert (told["connect host"], told["bind inside"], told["uid"]) == ("ECONNREFUSED", "ok", NOBODY)


def test_a_network_that_is_not_there_starts_nothing(run_dir: Path) -> None:
    async def story() -> None:
        async with asyncio.timeout(DEADLINE_S):
            client = await KeeperClient.connect(run_dir, start=True)
            try:
                with pytest.raises(Rejected) as refused:
                    await client.spawn(Spawn(spawn_id="it", argv=("true",), path_env="/usr/bin:/bin", network=str(run_dir / "none")))
                assert refused.value.code == "HF3006"
                assert "network: No such file or directory" in refused.value.message
                await client.forget("it")
            finally:
                await client.aclose()

    asyncio.run(story())


@pytest.mark.needs("root")
def test_a_file_that_is_no_network_starts_nothing(run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Rejected, match="network: Invalid argument"):
        outcome(run_dir, "print()", network=str(tmp_path / "file"))


def test_an_older_keeper_is_not_trusted_to_confine(run_dir: Path) -> None:
    async def story() -> None:
        client = await KeeperClient.connect(run_dir, start=True)
        try:
            client._abilities = frozenset()  # as one that was started before they were known
            with pytest.raises(Rejected) as refused:
                await client.spawn(Spawn(spawn_id="it", argv=("true",), path_env="/usr/bin:/bin", bind_ports=()))
            assert refused.value.code == "HF3029"
        finally:
            await client.aclose()

    asyncio.run(story())
