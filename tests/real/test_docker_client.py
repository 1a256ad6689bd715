"""The client on a real Docker Engine: documents, streams, hijacked connections, ssh, TLS, and what is refused."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import stat
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from tests.engines.docker_stage import NEEDS, SMALL, Dockerd
from tests.real.edge_house import self_signed

from holdfast.engines.docker.address import read_address
from holdfast.engines.docker.client import Client
from holdfast.engines.docker.failure import Missing, NameTaken
from holdfast.engines.docker.raw import STDERR, STDOUT, pieces
from holdfast.engines.docker.way import TcpWay, way_to
from holdfast.errors import Rejected, TimedOut, Unavailable
from holdfast.kit.canonical import Json

pytestmark = [pytest.mark.real, pytest.mark.needs(*NEEDS)]
T = TypeVar("T")


def play(address: str, script: Callable[[Client], Awaitable[T]], *, ssh: str = "ssh", timeout_s: float = 20.0) -> T:
    async def main() -> T:
        where = read_address(address)
        client = Client(where, way_to(where, ssh=ssh), timeout_s=timeout_s)
        try:
            async with asyncio.timeout(60):
                return await script(client)
        finally:
            await client.aclose()

    return asyncio.run(main())


async def made(client: Client, name: str, command: list[str], **more: Json) -> str:
    body: dict[str, Json] = {"Image": SMALL, "Cmd": list(command), **more}
    said = await client.post(f"create container {name}", "/containers/create", {"name": name}, body)
    identity: str = said["Id"]
    return identity


async def removed(client: Client, name: str) -> None:
    await client.delete(f"remove container {name}", f"/containers/{name}", {"force": True, "v": True})


def test_a_container_is_made_watched_read_and_removed(dockerd: Dockerd) -> None:
    async def script(client: Client) -> None:
        version = await client.version()
        assert version.api == "1.41"
        since = int(time.time()) - 1
        name = "client-life"
        identity = await made(client, name, ["sh", "-c", "echo out; echo err >&2"])
        assert await client.post("start", f"/containers/{name}/start") is None
        ended = await client.post("wait", f"/containers/{name}/wait", timeout_s=20)
        assert ended["StatusCode"] == 0
        async with client.stream("GET", "read logs", f"/containers/{name}/logs", {"stdout": True, "stderr": True}) as data:
            found = [piece async for piece in pieces(data, is_terminal=False)]
        assert {(piece.stream, piece.data) for piece in found} == {(STDOUT, b"out\n"), (STDERR, b"err\n")}
        told: list[str] = []
        query: dict[str, Json] = {"since": since, "filters": {"container": [identity]}}
        await removed(client, name)
        stream = client.messages("GET", "watch", "/events", query)
        async for event in stream:
            told.append(event["Action"])
            if event["Action"] == "destroy":
                break
        await stream.aclose()
        assert [each for each in told if each in {"create", "start", "die", "destroy"}] == ["create", "start", "die", "destroy"]
        with pytest.raises(Missing):
            await client.get("look", f"/containers/{name}/json")

    play(dockerd.address, script)


def test_exec_goes_both_ways(dockerd: Dockerd) -> None:
    async def script(client: Client) -> None:
        name = "client-exec"
        await made(client, name, ["sleep", "1000"])
        try:
            await client.post("start", f"/containers/{name}/start")
            what: dict[str, Json] = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "Cmd": ["cat"]}
            run = await client.post("exec", f"/containers/{name}/exec", None, what)
            pipe = await client.hijack("exec", f"/exec/{run['Id']}/start", None, {"Detach": False, "Tty": False})
            await pipe.write(b"there and back")
            pipe.end_input()
            assert b"".join([piece.data async for piece in pipe.read()]) == b"there and back"
            await pipe.aclose()
            assert (await client.get("look", f"/exec/{run['Id']}/json"))["ExitCode"] == 0
        finally:
            await removed(client, name)

    play(dockerd.address, script)


def test_what_is_refused_has_its_code(dockerd: Dockerd) -> None:
    async def script(client: Client) -> None:
        holder = await made(client, "client-taken", ["sleep", "1"])
        try:
            with pytest.raises(NameTaken) as taken:
                await made(client, "client-taken", ["sleep", "1"])
            assert taken.value.holder == holder
            with pytest.raises(Rejected) as refused:
                await client.hijack("exec", "/exec/none/start", None, {})
            assert refused.value.code == "HF3205"
        finally:
            await removed(client, "client-taken")

    play(dockerd.address, script)


def test_two_hundred_looks_at_once_share_connections(dockerd: Dockerd) -> None:
    async def script(client: Client) -> None:
        await client.version()
        async with asyncio.TaskGroup() as group:
            found = [group.create_task(client.get("list", "/containers/json", {"all": True})) for _ in range(200)]
        assert len({str(each.result()) for each in found}) == 1

    play(dockerd.address, script)


def test_nobody_there_and_nobody_answering(tmp_path: Path) -> None:
    async def script(client: Client) -> None:
        with pytest.raises(Unavailable) as gone:
            await client.version()
        assert gone.value.code == "HF3201"
        assert "no such file" in gone.value.message

    play(f"unix://{tmp_path}/none.sock", script)

    async def main() -> None:
        ended = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            ended.set()

        server = await asyncio.start_unix_server(silent, tmp_path / "mute.sock")
        where = read_address(f"unix://{tmp_path}/mute.sock")
        client = Client(where, way_to(where), timeout_s=0.2)
        with pytest.raises(TimedOut):
            await client.version()
        await client.aclose()
        server.close()
        await ended.wait()

    asyncio.run(main())


@pytest.mark.parametrize(("theirs", "least", "api"), [("1.40", "1.12", None), ("1.60", "1.44", "1.52"), ("2.9", "2.0", None)])
def test_the_version_is_negotiated(tmp_path: Path, theirs: str, least: str, api: str | None) -> None:
    async def main() -> None:
        async def engine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            body = f'{{"Version":"x","ApiVersion":"{theirs}","MinAPIVersion":"{least}"}}'.encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
            writer.close()

        server = await asyncio.start_unix_server(engine, tmp_path / "engine.sock")
        where = read_address(f"unix://{tmp_path}/engine.sock")
        client = Client(where, way_to(where))
        if api is None:
            with pytest.raises(Rejected) as refused:
                await client.version()
            assert refused.value.code == "HF3202"
        else:
            assert (await client.version()).api == api
        await client.aclose()
        server.close()

    asyncio.run(main())


def script_of(folder: Path, text: str) -> str:
    path = folder / "ssh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.needs("docker")
def test_an_engine_is_reached_through_ssh(dockerd: Dockerd, tmp_path: Path) -> None:
    docker = shutil.which("docker")
    ssh = script_of(tmp_path, f'while [ "$1" != "--" ]; do shift; done; shift 2; shift; exec {docker} -H {dockerd.address} "$@"')

    async def script(client: Client) -> None:
        await made(client, "client-ssh", ["sleep", "1000"])
        try:
            await client.post("start", "/containers/client-ssh/start")
            run = await client.post("exec", "/containers/client-ssh/exec", None, {"AttachStdout": True, "Cmd": ["echo", "far"]})
            pipe = await client.hijack("exec", f"/exec/{run['Id']}/start", None, {"Detach": False, "Tty": False})
            assert b"".join([piece.data async for piece in pipe.read()]) == b"far\n"
            await pipe.aclose()
        finally:
            await removed(client, "client-ssh")

    play("ssh://somebody@somewhere", script, ssh=ssh)


def test_ssh_says_why_it_did_not_come_through(tmp_path: Path) -> None:
    ssh = script_of(tmp_path, 'echo "somebody@somewhere: Permission denied (publickey)." >&2; exit 255')

    async def script(client: Client) -> None:
        with pytest.raises(Unavailable, match="Permission denied"):
            await client.version()

    play("ssh://somebody@somewhere", script, ssh=ssh)


def test_tls_is_spoken_and_strangers_are_refused(dockerd: Dockerd, tmp_path: Path) -> None:
    chain, key = self_signed("localhost")
    (tmp_path / "ca.pem").write_bytes(chain)
    (tmp_path / "cert.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "key.pem").chmod(0o600)

    async def main() -> None:
        ended: list[asyncio.Event] = []

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(1 << 16):
                sink.write(data)
            sink.close()
            with suppress(OSError):
                await sink.wait_closed()

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ended.append(end := asyncio.Event())
            theirs, ours = await asyncio.open_unix_connection(dockerd.path)
            async with asyncio.TaskGroup() as group:
                group.create_task(pump(reader, ours))
                group.create_task(pump(theirs, writer))
            end.set()

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.pem"))
        context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        server = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
        where = read_address(f"tcp://localhost:{server.sockets[0].getsockname()[1]}")
        client = Client(where, way_to(where, certificates=tmp_path))
        assert (await client.version()).engine.startswith("20.10")
        await client.aclose()
        stranger = Client(where, TcpWay(where, ssl.create_default_context()), timeout_s=5)
        with pytest.raises(Unavailable):
            await stranger.version()
        await stranger.aclose()
        server.close()
        for end in ended:
            await end.wait()

    asyncio.run(main())


def test_certificates_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=r"ca\.pem") as refused:
        way_to(read_address("tcp://localhost:1"), certificates=tmp_path)
    assert refused.value.code == "HF3216"


def test_the_socket_of_somebody_else_is_named(dockerd: Dockerd) -> None:
    async def script() -> None:
        where = read_address(dockerd.address)
        client = Client(where, way_to(where))
        os.seteuid(65534)
        try:
            with pytest.raises(Rejected) as refused:
                await client.version()
        finally:
            os.seteuid(0)
            await client.aclose()
        assert refused.value.code == "HF3214"

    asyncio.run(script())
