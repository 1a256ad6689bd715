"""What the client of a Docker Engine reads and refuses, without one: addresses, words of failures, multiplexed streams, ssh."""

from __future__ import annotations

import asyncio
import ssl
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines.silent import WAIT_S, Silent

from holdfast.engines.docker.address import is_address, read_address
from holdfast.engines.docker.client import Client
from holdfast.engines.docker.failure import Missing, NameTaken, PortTaken, error_of, said_no
from holdfast.engines.docker.raw import STDERR, STDOUT, Apart, Piece
from holdfast.engines.docker.way import SshWay, TcpWay
from holdfast.errors import Conflict, Rejected, Unavailable
from holdfast.kit.tasks import Tasks


def test_addresses_are_read() -> None:
    assert read_address("unix:///var/run/docker.sock").path == "/var/run/docker.sock"
    far = read_address("ssh://deploy@db.example.com:2222")
    assert (far.user, far.host, far.port) == ("deploy", "db.example.com", 2222)
    assert read_address("tcp://[::1]:2376").host == "::1"
    assert is_address("tcp://x")
    assert not is_address("host://local")


@pytest.mark.parametrize(
    "text",
    [
        "unix://docker.sock",
        "unix:///run/../etc/docker.sock",
        "ssh://-oProxyCommand=touch",
        "ssh://-l@host",
        "ssh://host;id",
        "ssh://a b",
        "tcp://root@host:1",
        "tcp://host:0",
        "tcp://host:65536",
        "http://host",
        "",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Rejected, match="it is no address"):
        read_address(text)


def test_ssh_gets_no_word_of_git_in_the_place_of_an_option() -> None:
    command = SshWay(read_address("ssh://deploy@host:22"), "ssh").command()
    at = command.index("--")
    assert command[at + 1 :] == ("deploy@host", "docker", "system", "dial-stdio")
    assert "BatchMode=yes" in command[:at]


SAID = (
    (404, "No such container: abc", Missing, "HF3205"),
    (409, 'Conflict. The container name "/web" is already in use by container "0123456789abcdef". You have to …', NameTaken, "HF3211"),
    (
        500,
        "driver failed programming external connectivity on endpoint web: Bind for 0.0.0.0:80 failed: port is already allocated",
        PortTaken,
        "HF3208",
    ),
    (500, "driver failed: Error starting userland proxy: listen tcp4 127.0.0.1:8080: bind: address already in use", PortTaken, "HF3208"),
    (500, "write /var/lib/docker/tmp/x: no space left on device", Unavailable, "HF3210"),
    (409, "remove shop_data: volume is in use - [abc]", Conflict, "HF3209"),
    (403, "error while removing network: network shop id x has active endpoints", Conflict, "HF3209"),
    (409, "removal of container abc is already in progress", Conflict, "HF3204"),
    (500, "failed to retrieve labels: grpc: the client connection is closing: context canceled", Unavailable, "HF3201"),
    (500, "endpoint with name shop-web-1 already exists in network shop_back", Unavailable, "HF3204"),
    (503, "this node is not ready", Unavailable, "HF3201"),
    (400, "invalid reference format", Rejected, "HF3203"),
)


@pytest.mark.parametrize(("status", "said", "type", "code"), SAID)
def test_words_of_an_engine_become_errors_of_the_house(status: int, said: str, type: type[Exception], code: str) -> None:
    error = error_of("create container web", status, {"message": said})
    assert isinstance(error, type)
    assert error.code == code
    assert error.message.startswith("cannot create container web: ")


def test_a_taken_port_says_which() -> None:
    found = error_of("start container web", 500, {"message": SAID[2][1]})
    assert isinstance(found, PortTaken)
    assert found.address == "0.0.0.0:80"
    other = error_of("start container web", 500, {"message": SAID[3][1]})
    assert isinstance(other, PortTaken)
    assert other.address == "127.0.0.1:8080"


def test_a_registry_that_says_no_is_told_from_an_image_that_is_not_there() -> None:
    denied = "pull access denied for shop/web, repository does not exist or may require 'docker login'"
    assert said_no("pull image shop/web", denied).code == "HF3207"
    assert said_no("pull image shop/web:9", "manifest for shop/web:9 not found: manifest unknown").code == "HF3206"


def test_foreign_words_are_made_plain() -> None:
    error = error_of("start container web", 500, {"message": "a\x1b[31m\nb" + "x" * 10_000})
    assert "\x1b" not in error.message
    assert len(error.message) < 500


@given(st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=50))), st.lists(st.integers(1, 30), max_size=60))
def test_a_stream_is_taken_apart_however_it_was_cut(sent: list[tuple[int, bytes]], cuts: list[int]) -> None:
    data = b"".join(struct.pack(">BxxxL", stream, len(text)) + text for stream, text in sent)
    apart, found = Apart(), list[Piece]()
    for cut in [*cuts, len(data)]:
        found += apart.feed(data[:cut])
        data = data[cut:]
    found += apart.feed(data)
    assert [tuple(piece) for piece in found] == sent


def test_what_is_no_multiplexed_stream_is_told() -> None:
    with pytest.raises(ValueError, match="no multiplexed stream"):
        Apart().feed(b"HTTP/1.1 200 OK\r\n")


def test_a_question_over_tls_that_is_given_up_leaves_no_connection_behind(tmp_path: Path) -> None:
    server = Silent(tmp_path)
    (tmp_path / "ca.pem").write_bytes(server.authority)
    where = read_address(f"tcp://127.0.0.1:{server.port}")

    async def story() -> None:
        client = Client(where, TcpWay(where, ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))))
        async with Tasks(on_crash=lambda name, error: None) as tasks:
            tasks.start("ask", client.version())
            assert await asyncio.to_thread(server.was_asked.wait, WAIT_S)
            await tasks.stop()
        assert await asyncio.to_thread(server.is_over.wait, WAIT_S), "it is closed before the session is"
        await client.aclose()

    asyncio.run(story())
    server.close()
