"""Commands in pods against a small server that speaks v5.channel.k8s.io as KEP-4006 and the API server's own code write it down.

What the real API server and kwok can show is in tests/real/test_kubernetes_pods.py; here is what needs a kubelet: exit codes, the end of
standard input, the size of a terminal, and what breaks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from holdfast.engines.kubernetes.credential import Credentials
from holdfast.engines.kubernetes.exec import PROTOCOL, STDERR, STDOUT, Command, Place, run_in
from holdfast.engines.kubernetes.wire import HttpWire
from holdfast.errors import Rejected, Unavailable
from holdfast.host.clock import RealClock
from holdfast.kubernetes.kubeconfig import Access

PLACE = Place(namespace="shop", pod="web-0", container="app")
Node = Callable[[web.WebSocketResponse], Awaitable[None]]
WAIT_S = 20.0


def failed(code: int) -> bytes:
    """How a kubelet tells a code (k8s.io/kubelet remotecommand `NonZeroExitCodeReason`)."""
    status = {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with exit code {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
    return b"\x03" + json.dumps(status).encode()


SUCCESS = b'\x03{"metadata":{},"status":"Success"}'


def against(node: Node, act: Callable[[Command], Awaitable[Any]], *, protocol: str = PROTOCOL, **how: bool) -> tuple[Any, list[Any]]:
    """Run a command where `node` answers; return what `act` returns, and what was asked."""
    asked: list[Any] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=(protocol,))
        await socket.prepare(request)
        asked.append((request.path, request.query.getall("command"), sorted(set(request.query) - {"command"})))
        await node(socket)
        await socket.close()
        return socket

    async def run() -> Any:
        application = web.Application()
        application.router.add_get("/{path:.*}", serve)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        credentials = Credentials(Access(server=f"http://127.0.0.1:{port}"), base=Path("/"), clock=RealClock(), environment={})
        wire = HttpWire(credentials)
        options = {"has_input": True, "has_terminal": False, **how}
        try:
            async with asyncio.timeout(WAIT_S), run_in(wire, PLACE, ("sh", "-c", "a b"), **options) as command:
                return await act(command)
        finally:
            await wire.aclose()
            await runner.cleanup()

    return asyncio.run(run()), asked


async def read(command: Command) -> tuple[int | None, list[tuple[int, bytes]]]:
    told = [piece async for piece in command.read()]
    return command.code, told


def test_output_errors_and_the_code_come_back() -> None:
    async def node(socket: web.WebSocketResponse) -> None:
        for piece in (b"\x01", b"\x02", b"\x01out", b"\x02err", b"\x01 more", failed(42)):
            await socket.send_bytes(piece)

    told, asked = against(node, read)
    assert told == (42, [(STDOUT, b"out"), (STDERR, b"err"), (STDOUT, b" more")])
    assert asked == [("/api/v1/namespaces/shop/pods/web-0/exec", ["sh", "-c", "a b"], ["container", "stderr", "stdin", "stdout"])]


def test_input_is_sent_in_pieces_and_its_end_is_said() -> None:
    text = b"x" * 100_000

    async def node(socket: web.WebSocketResponse) -> None:
        taken = b""
        async for message in socket:
            assert message.type is WSMsgType.BINARY
            if message.data == b"\xff\x00":
                break
            assert message.data[0] == 0
            taken += message.data[1:]
        await socket.send_bytes(b"\x01" + taken)
        await socket.send_bytes(SUCCESS)

    async def act(command: Command) -> Any:
        await command.write(text)
        await command.end_input()
        return await read(command)

    assert against(node, act)[0] == (0, [(STDOUT, text)])


def test_a_terminal_is_told_its_size() -> None:
    async def node(socket: web.WebSocketResponse) -> None:
        message = await socket.receive()
        await socket.send_bytes(b"\x01" + message.data)
        await socket.send_bytes(SUCCESS)

    async def act(command: Command) -> Any:
        await command.resize(101, 37)
        return await read(command)

    told, asked = against(node, act, has_terminal=True)
    assert told == (0, [(STDOUT, b'\x04{"Width":101,"Height":37}')])
    assert asked[0][2] == ["container", "stdin", "stdout", "tty"], "a terminal has one stream"


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (b'\x03{"status":"Failure","message":"exec: \\"nope\\": executable file not found in $PATH"}', "executable file not found"),
        (b'\x03{"status":"Failure","reason":"NonZeroExitCode","message":"it was lost"}', "it was lost"),
        (b"\x03no JSON", "no JSON"),
        (b'\x03{"status":"Failure"}', "did not say why"),
    ],
)
def test_what_did_not_run_is_said(last: bytes, words: str) -> None:
    async def node(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(last)

    with pytest.raises(Rejected, match=words) as refused:
        against(node, read)
    assert refused.value.code == "HF3344"


def test_a_connection_that_is_lost_is_no_success() -> None:
    async def node(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\x01half")

    with pytest.raises(Unavailable, match="the connection was lost while it ran"):
        against(node, read)


def test_a_server_that_speaks_only_older_protocols_is_too_old() -> None:
    async def node(socket: web.WebSocketResponse) -> None: ...

    with pytest.raises(Rejected, match=r"v5\.channel\.k8s\.io") as refused:
        against(node, read, protocol="v4.channel.k8s.io")
    assert "1.30" in (refused.value.hint or "")


def test_writing_to_a_command_that_ended_is_an_error_that_input_knows() -> None:
    async def node(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(SUCCESS)

    async def act(command: Command) -> Any:
        ended = await read(command)
        with pytest.raises(BrokenPipeError):
            await command.write(b"late")
        return ended

    assert against(node, act)[0] == (0, [])
