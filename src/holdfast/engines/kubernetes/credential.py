"""Credentials: from an Access to what a connection needs: a TLS context and a header, renewed when they run out.

Files are read when they are wanted, so that a rotated token or certificate counts; a program of the user's (exec) is run as an argument
vector, bounded in time, and its answer is kept until it expires. Nothing of it is ever printed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from holdfast.errors import Rejected, TimedOut
from holdfast.host.command import end_group
from holdfast.kit.clock import Clock
from holdfast.kubernetes.kubeconfig import Access, Exec

EXEC_TIMEOUT_S = 30.0
EXEC_LIMIT = 1 << 20
EARLY_S = 30.0
"""A token is renewed so long before it expires."""
FILE_AGE_S = 60.0
"""How long the text of a token file is believed (client-go `CachedFileTokenSource`)."""
IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def in_cluster(environment: Mapping[str, str], folder: Path = IN_CLUSTER) -> Access | None:
    """Return the access that a pod's service account gives; None where this is no pod."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if not host or not port or not (folder / "token").exists():
        return None
    shown = f"[{host}]" if ":" in host else host
    namespace = (folder / "namespace").read_text().strip() if (folder / "namespace").exists() else ""
    return Access(
        server=f"https://{shown}:{port}",
        namespace=namespace,
        authority_file=str(folder / "ca.crt"),
        token_file=str(folder / "token"),
    )


class Credentials:
    """Of one Access; `base` is the folder that relative paths of its kubeconfig begin in."""

    def __init__(self, access: Access, *, base: Path, clock: Clock, environment: Mapping[str, str]) -> None:
        self.access = access
        self._base = base
        self._clock = clock
        self._environment = environment
        self._token = ""
        self._token_until = 0.0
        self._pair: tuple[str, str] | None = None

    async def headers(self, *, is_refused: bool = False) -> Mapping[str, str]:
        """Return what names us. `is_refused`: the server did not take the last answer, so it is made anew."""
        access = self.access
        headers = {"Impersonate-User": access.impersonate} if access.impersonate else {}
        if access.username:
            pair = base64.b64encode(f"{access.username}:{access.password}".encode()).decode()
            return {**headers, "Authorization": f"Basic {pair}"}
        if is_refused:
            self._token_until = 0.0
        if access.token_file or access.exec is not None:
            if self._clock.monotonic() >= self._token_until:
                await self._renew()
        else:
            self._token = access.token
        return {**headers, "Authorization": f"Bearer {self._token}"} if self._token else headers

    @property
    def can_renew(self) -> bool:
        return bool(self.access.token_file) or self.access.exec is not None

    async def _renew(self) -> None:
        if self.access.token_file:
            self._token = self._read(self.access.token_file).decode().strip()
            self._token_until = self._clock.monotonic() + FILE_AGE_S
            return
        assert self.access.exec is not None, "who renews has a way to"
        status = await _run(self.access.exec, self._environment, self._base)
        self._token = str(status.get("token") or "")
        certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
        self._pair = (certificate, key) if isinstance(certificate, str) and isinstance(key, str) else None
        self._token_until = self._clock.monotonic() + self._left(status.get("expirationTimestamp"))

    def _left(self, expiry: object) -> float:
        if not isinstance(expiry, str):
            return float("inf")
        try:
            return max(1.0, datetime.fromisoformat(expiry).timestamp() - self._clock.now() - EARLY_S)
        except ValueError:
            return FILE_AGE_S

    async def trust(self) -> ssl.SSLContext | None:
        """Return the TLS context; None for a server without TLS. Raises `Rejected` (HF3309) where a file of it cannot be used."""
        access = self.access
        if access.server.startswith("http://"):
            return None
        if access.exec is not None and self._token_until == 0.0:
            await self._renew()
        try:
            return self._context()
        except (OSError, ssl.SSLError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise Rejected("HF3309", f"cannot use the certificates for {access.server}: {reason}") from error

    def _context(self) -> ssl.SSLContext:
        access = self.access
        authority = base64.b64decode(access.authority_data) if access.authority_data else b""
        if access.authority_file and not authority:
            authority = self._read(access.authority_file)
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
        if authority:
            # Authorities of clusters are often made by hand; what counts is that the server's certificate comes from them.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if access.is_insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        certificate, key = self._client_pair()
        if certificate and key:
            # Python loads a key from files alone: a folder of our own, gone before this returns.
            with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
                paths = [Path(folder) / name for name in ("cert", "key")]
                for path, data in zip(paths, (certificate, key), strict=True):
                    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                    with os.fdopen(descriptor, "wb") as file:
                        file.write(data)
                context.load_cert_chain(paths[0], paths[1])
        return context

    def _client_pair(self) -> tuple[bytes, bytes]:
        if self._pair is not None:
            return self._pair[0].encode(), self._pair[1].encode()
        access = self.access
        found = []
        for data, file in ((access.certificate_data, access.certificate_file), (access.key_data, access.key_file)):
            found.append(base64.b64decode(data) if data else self._read(file) if file else b"")
        return found[0], found[1]

    def _read(self, path: str) -> bytes:
        try:
            return (self._base / path).read_bytes()
        except OSError as error:
            raise Rejected("HF3309", f"cannot read {path} of the kubeconfig: {error.strerror or error}") from error


async def _run(plugin: Exec, environment: Mapping[str, str], base: Path) -> Mapping[str, object]:
    """Run a credential plug-in and return the `status` of what it prints."""
    info = {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": {"interactive": False}}
    env = {**environment, **dict(plugin.env), "KUBERNETES_EXEC_INFO": json.dumps(info)}
    command = str(base / plugin.command) if "/" in plugin.command else plugin.command
    what = f"cannot get credentials from {plugin.command}"
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *plugin.args,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
    except OSError as error:
        raise Rejected("HF3310", f"{what}: {error.strerror or error}", hint=plugin.install_hint or None) from error
    try:
        async with asyncio.timeout(EXEC_TIMEOUT_S):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise TimedOut("HF3310", f"{what}: no answer within {EXEC_TIMEOUT_S:g} s") from error
    finally:
        await end_group(process, 0)
    if process.returncode != 0:
        words = err.decode(errors="replace").strip().splitlines()
        raise Rejected("HF3310", f"{what}: {words[-1] if words else f'it ended with {process.returncode}'}")
    try:
        said = json.loads(out[:EXEC_LIMIT])
    except ValueError as error:
        raise Rejected("HF3310", f"{what}: it printed no JSON") from error
    status = said.get("status") if isinstance(said, dict) else None
    if not isinstance(status, dict):
        raise Rejected("HF3310", f"{what}: it printed no ExecCredential with a status")
    return status
