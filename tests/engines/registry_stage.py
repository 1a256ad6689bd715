"""A registry of the tests' own: a real CNCF Distribution on loopback, filled over its API, with or without credentials and TLS.

`tools/registry` builds the program; a test that uses it is marked `needs("go")`. What a test starts it ends, by pid.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import http.client
import http.server
import json
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from tests.docs.tool import ROOT
from tests.ports import free_port

START_S = 30.0
USER, PASSWORD = "ada", "loveless-9"  # of a registry that lives for one test
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


@lru_cache(maxsize=1)
def program() -> str:
    """Return the path of the registry, built where it is not yet."""
    done = subprocess.run([ROOT / "tools" / "registry"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Registry:
    """One registry. `name` is how images call it: `127.0.0.1:PORT`."""

    def __init__(
        self, folder: Path, *, auth: Mapping[str, Any] | None = None, tls: tuple[Path, Path] | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.port = free_port()
        self.name = f"{host}:{self.port}"
        self._tls = tls
        address: dict[str, Any] = {"addr": f"127.0.0.1:{self.port}"}
        if tls is not None:
            address["tls"] = {"certificate": str(tls[0]), "key": str(tls[1])}
        settings: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(folder / "images")}, "delete": {"enabled": True}},
            "http": address,
        }
        if auth is not None:
            settings["auth"] = dict(auth)
        (folder / "registry.yaml").write_text(yaml.safe_dump(settings))
        self._log = folder / "registry.log"
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [program(), "serve", str(folder / "registry.yaml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": "/usr/bin:/bin", "OTEL_TRACES_EXPORTER": "none"},
                start_new_session=True,
            )
        self._headers: dict[str, str] = {}
        self._await()

    def _await(self) -> None:
        ends_at = time.monotonic() + START_S
        while time.monotonic() < ends_at and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        raise AssertionError(f"the registry does not answer:\n{self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    # Filling it, without what is tested

    def login(self, header: str) -> None:
        """Fill it with this Authorization header."""
        self._headers = {"Authorization": header}

    def push(self, repository: str, tags: Iterable[str], content: str = "one", *, platforms: int = 0) -> str:
        """Put an image without layers under tags, with `platforms` an index of so many; return its digest."""
        digest, body, kind = self._manifest(repository, content), b"", MANIFEST
        if platforms:
            parts = [self._manifest(repository, f"{content}-{at}", is_put=True) for at in range(platforms)]
            entries = [{"mediaType": MANIFEST, "digest": part, "size": len(self._body(f"{content}-{at}"))} for at, part in enumerate(parts)]
            body, kind = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode(), INDEX
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        body = body or self._body(content)
        for tag in tags:
            self._ask("PUT", f"/v2/{repository}/manifests/{tag}", body, kind)
        return digest

    def push_chart(self, repository: str, tag: str, archive: bytes, *, created: str = "") -> str:
        """Put a chart under a tag as `helm push` does; return the digest of its archive."""
        config = b"{}"
        parts = [("application/vnd.cncf.helm.config.v1+json", config), ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", archive)]
        entries = [{"mediaType": kind, "digest": self._blob(repository, data), "size": len(data)} for kind, data in parts]
        manifest: dict[str, Any] = {"schemaVersion": 2, "mediaType": MANIFEST, "config": entries[0], "layers": entries[1:]}
        if created:
            manifest["annotations"] = {"org.opencontainers.image.created": created}
        self._ask("PUT", f"/v2/{repository}/manifests/{tag}", json.dumps(manifest).encode(), MANIFEST)
        return str(entries[1]["digest"])

    def _blob(self, repository: str, data: bytes) -> str:
        place = urlsplit(self._ask("POST", f"/v2/{repository}/blobs/uploads/"))
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._ask("PUT", f"{place.path}?{place.query}&digest={digest}", data, "application/octet-stream")
        return digest

    def remove(self, repository: str, digest: str) -> None:
        self._ask("DELETE", f"/v2/{repository}/manifests/{digest}")

    def _config(self, content: str) -> bytes:
        return json.dumps(
            {"architecture": "amd64", "os": "linux", "author": content, "rootfs": {"type": "layers", "diff_ids": []}}
        ).encode()

    def _body(self, content: str) -> bytes:
        config = self._config(content)
        entry = {"mediaType": CONFIG, "digest": f"sha256:{hashlib.sha256(config).hexdigest()}", "size": len(config)}
        return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": entry, "layers": []}).encode()

    def _manifest(self, repository: str, content: str, *, is_put: bool = False) -> str:
        self._blob(repository, self._config(content))
        body = self._body(content)
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if is_put:
            self._ask("PUT", f"/v2/{repository}/manifests/{digest}", body, MANIFEST)
        return digest

    def _ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> str:
        """Ask the registry; return where it says that something is."""
        if self._tls is not None:
            context = ssl.create_default_context(cafile=str(self._tls[0]))
            connection: http.client.HTTPConnection = http.client.HTTPSConnection("localhost", self.port, timeout=30, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers={"Content-Type": kind, **self._headers})
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        assert answer.status < 300, f"{method} {path}: {answer.status} {said[:300]!r}"
        return answer.headers.get("Location", "")


@contextmanager
def registry(**settings: Any) -> Iterator[Registry]:
    """A registry that runs within the block."""
    folder = Path(tempfile.mkdtemp(prefix="hf-registry-"))
    it = Registry(folder, **settings)
    try:
        yield it
    finally:
        it.stop()
        shutil.rmtree(folder)


def basic(user: str = USER, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def password_file(folder: Path) -> Mapping[str, Any]:
    """Return the settings of a registry that wants user and password."""
    done = subprocess.run(["htpasswd", "-Bbn", USER, PASSWORD], capture_output=True, text=True, check=True)
    (folder / "passwords").write_text(done.stdout)
    return {"htpasswd": {"realm": "tests", "path": str(folder / "passwords")}}


class TokenServer:
    """Gives the tokens that a registry believes: signed by a key that it knows, for whoever has the password or the identity token."""

    IDENTITY = "identity-token-of-ada"

    def __init__(self, folder: Path, certificate: bytes, key: rsa.RSAPrivateKey) -> None:
        (folder / "tokens.pem").write_bytes(certificate)
        self._chain = base64.b64encode(_der(certificate)).decode()
        self._key = key
        self.asked: list[tuple[str, str]] = []
        """Method and scope of each question."""
        self.lifetime_s = 300
        outer = self

        class Answering(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                is_known = self.headers.get("Authorization") == basic()
                is_wrong = "Authorization" in self.headers and not is_known
                outer.answer(self, query, is_known=is_known, is_wrong=is_wrong)

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                is_known = form.get("refresh_token") == [outer.IDENTITY] and form.get("grant_type") == ["refresh_token"]
                outer.answer(self, form, is_known=is_known, is_wrong=not is_known)

            def log_message(self, *_: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.auth = {
            "token": {
                "realm": f"http://127.0.0.1:{self._server.server_address[1]}/token",
                "service": "registry.test",
                "issuer": "tests",
                "rootcertbundle": str(folder / "tokens.pem"),
            }
        }

    def answer(
        self, request: http.server.BaseHTTPRequestHandler, asked: Mapping[str, list[str]], *, is_known: bool, is_wrong: bool
    ) -> None:
        scope = asked.get("scope", [""])[0]
        self.asked.append((request.command, scope))
        if is_wrong or asked.get("service") != ["registry.test"]:
            request.send_response(401)
            request.end_headers()
            return
        body = json.dumps({"token": self.token(scope if is_known else ""), "expires_in": self.lifetime_s}).encode()
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.end_headers()
        request.wfile.write(body)

    def token(self, scope: str) -> str:
        """Return a token that lets in what `scope` says, `repository:NAME:pull,push`; nothing where it is empty."""
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        access = [{"type": kind, "name": name, "actions": actions.split(",")}] if scope else []
        now = int(time.time())
        claims = {"iss": "tests", "aud": "registry.test", "sub": USER, "iat": now, "nbf": now - 5, "exp": now + 600, "access": access}
        head = {"typ": "JWT", "alg": "RS256", "x5c": [self._chain]}
        signed = f"{_encoded(head)}.{_encoded(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _encoded(document: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def _der(pem: bytes) -> bytes:
    return base64.b64decode(b"".join(line for line in pem.splitlines() if not line.startswith(b"-----")))


def rsa_pair() -> tuple[bytes, rsa.RSAPrivateKey]:
    """Return a self-signed certificate in PEM, and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tokens of the tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM), key
