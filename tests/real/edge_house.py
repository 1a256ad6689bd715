"""A running edge for tests: nginx in a folder of its own, applications that answer what they were asked, and clients that look closely."""

from __future__ import annotations

import datetime as dt
import http.client
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.ports import free_port

from holdfast.edge.capability import Capability, read_capability
from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.fold import Folded, fold
from holdfast.edge.part import Part
from holdfast.edge.world import Places, World
from holdfast.errors import DeclarationError

SEARCH_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
NGINX = shutil.which("nginx", path=SEARCH_PATH) or "nginx"
DEADLINE_S = 10.0


def capability() -> Capability:
    """Return what the nginx of this machine can."""
    answer = subprocess.run([NGINX, "-V"], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    return read_capability(answer.stderr)


def command(folder: Path, *more: str) -> list[str]:
    return [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"), *more]


def self_signed(*hosts: str) -> tuple[bytes, bytes]:
    """Return chain and key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return certificate.public_bytes(serialization.Encoding.PEM), pem


class Ground:
    """Folders of an edge, as its engine would make them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o755)
        for name in ("run", "logs", "temp", "flags", "pages", "secrets", "cache", "challenges"):
            (folder / name).mkdir(mode=0o755, exist_ok=True)
        self.chain, self.key = self_signed("shop.example.com", "*.shop.example.com")
        self.http, self.https = free_port(), free_port()
        # The folders of tests are their user's alone.
        user = "root" if os.geteuid() == 0 else None
        releases, data = str(folder / "releases"), str(folder / "data")
        self.places = Places(root=str(folder), releases=releases, data=data, http=self.http, https=self.https, user=user)

    def world(self, edge: EdgeSpec | None = None) -> World:
        return World(capability=capability(), places=self.places, edge=edge or EdgeSpec(bind=("127.0.0.1",), connections=256))

    def lay(self, folded: Folded, secrets: Mapping[str, bytes] | None = None) -> None:
        """Put everything where the configuration looks for it."""
        for namespace, name in {*folded.certificates, ("holdfast", "default")}:
            chain, key = self.places.certificate(namespace, name)
            Path(chain).parent.mkdir(parents=True, exist_ok=True)
            Path(chain).write_bytes(self.chain)
            Path(key).write_bytes(self.key)
        for name, html in folded.pages.items():
            (self.folder / "pages" / name).write_text(html)
        for name in folded.secrets:
            Path(self.places.secret(name)).write_bytes((secrets or {}).get(name, self.chain))
        for flag in folded.flags:
            (self.folder / "flags" / flag).touch()
        (self.folder / "nginx.conf").write_text(folded.text)

    def tested(self) -> str:
        """Return what `nginx -t` says of the configuration, empty where it takes it without a word."""
        answer = subprocess.run(command(self.folder, "-t", "-q"), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        return answer.stderr


def folded(ground: Ground, *parts: Part, edge: EdgeSpec | None = None, world: World | None = None) -> Folded:
    result = fold(parts, world or ground.world(edge))
    errors = [error for refusal in result.failed.values() for error in refusal.errors]
    if errors:
        raise DeclarationError(errors[0].code, errors[0].message)
    return result


@contextmanager
def running(ground: Ground, result: Folded, secrets: Mapping[str, bytes] | None = None) -> Iterator[Edge]:
    """Run nginx with a configuration until the block is left; wait until it says that it serves this generation."""
    ground.lay(result, secrets)
    process = subprocess.Popen(command(ground.folder, "-g", "daemon off;"), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        edge = Edge(ground)
        deadline = time.monotonic() + DEADLINE_S
        while edge.generation() != result.generation:
            if process.poll() is not None or time.monotonic() > deadline:
                said = process.stderr.read().decode() if process.poll() is not None and process.stderr is not None else ""
                pytest.fail(said + (ground.folder / "logs" / "error.log").read_text())
            time.sleep(0.01)  # nobody tells when a socket begins to listen
        yield edge
    finally:
        process.terminate()
        process.wait(DEADLINE_S)
        if process.stderr is not None:
            process.stderr.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def seen(self) -> dict[str, str]:
        """Headers that the application got, by name in lower case; and `:method`, `:path`, `:body`, `:who`."""
        result: dict[str, str] = json.loads(self.body)
        return result


class Edge:
    """A running nginx."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def generation(self) -> str | None:
        """Return what the private socket says."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(DEADLINE_S)
            try:
                probe.connect(self.ground.places.socket)
                probe.sendall(b"GET /generation HTTP/1.0\r\nHost: status.holdfast\r\n\r\n")
                data = b"".join(iter(lambda: probe.recv(4096), b""))
            except OSError:
                return None
        return data.rpartition(b"\r\n\r\n")[2].decode()

    def get(
        self,
        path: str = "/",
        *,
        host: str = "shop.example.com",
        tls: bool = True,
        method: str = "GET",
        body: bytes | None = None,
        also: Mapping[str, str] | None = None,
        **headers: str,
    ) -> Answer:
        """Ask once, over a connection of its own, with `also` as headers; `X_Name` in `headers` is X-Name."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.ground.https if tls else self.ground.http), timeout=DEADLINE_S)
        connection = http.client.HTTPConnection(host)
        connection.sock = context.wrap_socket(plain, server_hostname=host) if tls else plain
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body=body, headers={"Host": host, **(also or {}), **named})
            answer = connection.getresponse()
            return Answer(status=answer.status, headers=tuple(answer.getheaders()), body=answer.read().decode())
        finally:
            connection.close()

    def length(self, path: str, host: str = "shop.example.com") -> int:
        """Return how many bytes the body of an answer takes on the wire, where the client takes gzip."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.ground.https), timeout=DEADLINE_S)
        with context.wrap_socket(plain, server_hostname=host) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n".encode())
            return len(b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")[2])

    def log(self, lines: int) -> list[dict[str, object]]:
        """Return the access log once it has that many lines."""
        path = self.ground.folder / "logs" / "access.log"
        deadline = time.monotonic() + DEADLINE_S
        while len(found := path.read_text().splitlines()) < lines and time.monotonic() < deadline:
            time.sleep(0.02)  # nginx flushes once a second
        return [json.loads(line) for line in found]


@dataclass(slots=True, kw_only=True)
class Application:
    """An HTTP server that answers with what it was asked, as JSON; `answers` by path say otherwise."""

    name: str = "web"
    answers: dict[str, tuple[int, dict[str, str], str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    @contextmanager
    def serving(self) -> Iterator[Application]:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        server.daemon_threads = True
        self.address = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        application = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                application.asked.append(f"{self.command} {self.path}")
                status, headers, text = application.answers.get(self.path.partition("?")[0], (200, {}, ""))
                told = {name.lower(): value for name, value in self.headers.items()}
                seen = {**told, ":method": self.command, ":path": self.path, ":body": body, ":who": application.name}
                data = (text or json.dumps(seen)).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def log_request(self, *_: object) -> None:
                """Stay silent."""

        for method in ("GET", "POST", "PUT", "HEAD"):
            setattr(Handler, f"do_{method}", Handler.answer)
        return Handler


def with_slots(world: World, **services: tuple[str, ...]) -> World:
    return replace(world, slots={f"Process/shop/{name}": addresses for name, addresses in services.items()})
