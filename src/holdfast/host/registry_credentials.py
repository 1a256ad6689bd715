"""Credentials for image registries, from where Docker's own command line keeps them: its config.json and the helpers that it names.

The file and the helpers are the operator's (`docker login` writes them). A helper is a program by the name `docker-credential-NAME`, called
with one word and the registry on its standard input, never through a shell. What it says is a secret from the first byte.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.errors import Rejected, TimedOut
from holdfast.host.command import end_group
from holdfast.kit.image_reference import HUB
from holdfast.kit.secret import Secret

HUB_KEY = "https://index.docker.io/v1/"
"""How config.json and helpers call Docker Hub."""
TOKEN_USER = "<token>"
"""What a helper gives as the user where the secret is an identity token."""
TIMEOUT_S = 30.0
LARGEST = 1 << 20
GRACE_S = 1.0
PASSED = ("DBUS_SESSION_BUS_ADDRESS", "DOCKER_CONFIG", "GNUPGHOME", "HOME", "PASSWORD_STORE_DIR", "PATH", "USER", "XDG_RUNTIME_DIR")
"""What helpers need to find their own stores."""
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Of one registry: a user and a password, or an identity token, which is exchanged for one that does something."""

    user: str
    secret: Secret
    is_token: bool = False


def config_path(environ: Mapping[str, str]) -> str | None:
    """Return where config.json lies: in `$DOCKER_CONFIG`, else `~/.docker`; None where neither is set."""
    if folder := environ.get("DOCKER_CONFIG"):
        return os.path.join(folder, "config.json")
    home = environ.get("HOME", "")
    return os.path.join(home, ".docker", "config.json") if home.startswith("/") else None


def key_of(registry: str) -> str:
    """Return how helpers call a registry."""
    return HUB_KEY if registry == HUB else registry


def written_in(document: Mapping[str, Any], registry: str) -> Credentials | None:
    """Return the credentials that stand in a config.json itself; None where it has none for this registry."""
    auths = document.get("auths")
    for name, entry in auths.items() if isinstance(auths, dict) else ():
        if _host_of(str(name)) != _host_of(key_of(registry)) or not isinstance(entry, dict):
            continue
        if isinstance(token := entry.get("identitytoken"), str) and token:
            return Credentials(user=TOKEN_USER, secret=Secret(token), is_token=True)
        user, colon, password = _decoded(entry.get("auth")).partition(":")
        if not colon:
            user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
        if user and password:
            return Credentials(user=user, secret=Secret(password.rstrip("\0")))
    return None


def helper_of(document: Mapping[str, Any], registry: str) -> str | None:
    """Return the name of the helper that knows a registry, the one of this registry before the one of all."""
    helpers = document.get("credHelpers")
    for name, helper in helpers.items() if isinstance(helpers, dict) else ():
        if _host_of(str(name)) == _host_of(key_of(registry)):
            return str(helper)
    store = document.get("credsStore")
    return store if isinstance(store, str) and store else None


def _host_of(name: str) -> str:
    """Return the host of a key: people write `https://ghcr.io/v2/` and `ghcr.io` alike."""
    host = name.partition("://")[2] or name
    return host.partition("/")[0]


def _decoded(auth: object) -> str:
    try:
        return base64.b64decode(str(auth or ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


class RegistryCredentials:
    """`path` of a config.json, which may be missing; helpers are found by PATH of `environ`, and get of it only what they need."""

    def __init__(self, path: str | None, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ

    async def of(self, registry: str) -> Credentials | None:
        """Return the credentials for a registry, None where it is asked as anybody.

        Raises Rejected (HF3250: config.json or an answer cannot be read, HF3251: no such helper, HF3252: the helper failed) and
        TimedOut (HF3253).
        """
        document = self._document()
        helper = helper_of(document, registry)
        found = await self._asked(helper, registry) if helper is not None else None
        return found or written_in(document, registry)

    def _document(self) -> Mapping[str, Any]:
        if self._path is None:
            return {}
        try:
            with open(self._path, "rb") as file:
                return read_config(file.read(LARGEST + 1), self._path)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _unreadable(self._path, (error.strerror or "").lower()) from error

    async def _asked(self, helper: str, registry: str) -> Credentials | None:
        program = f"docker-credential-{helper}"
        path = shutil.which(program, path=self._environ.get("PATH")) if _HELPER.fullmatch(helper) else None
        if path is None:
            hint = f"install {program}, or `docker login` without it"
            raise Rejected("HF3251", f"cannot get credentials for {registry}: there is no program {program!r}", hint=hint)
        code, said = await self._run(path, key_of(registry), program, registry)
        if code != 0:
            if "not found" in said.lower():
                return None  # the protocol's way to say that there are none
            raise Rejected("HF3252", f"cannot get credentials for {registry}: {program} failed with exit code {code}")
        try:
            answer = json.loads(said)
            user, secret = answer["Username"], answer["Secret"]
        except (ValueError, TypeError, KeyError):
            raise Rejected("HF3250", f"cannot get credentials for {registry}: the answer of {program} cannot be read") from None
        return Credentials(user=str(user), secret=Secret(str(secret)), is_token=user == TOKEN_USER)

    async def _run(self, path: str, key: str, program: str, registry: str) -> tuple[int, str]:
        """Return the exit code of a helper and what it wrote; its standard error is nobody's, since it may hold the secret."""
        try:
            process = await asyncio.create_subprocess_exec(
                path,
                "get",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd="/",
                env={name: self._environ[name] for name in PASSED if name in self._environ},
                start_new_session=True,
                limit=LARGEST,
            )
        except OSError as error:
            raise Rejected("HF3251", f"cannot run {program}: {(error.strerror or str(error)).lower()}") from error
        try:
            async with asyncio.timeout(TIMEOUT_S):
                said, _ = await process.communicate(f"{key}\n".encode())
        except TimeoutError as error:
            raise TimedOut("HF3253", f"cannot get credentials for {registry}: no answer of {program} within {TIMEOUT_S:g} s") from error
        finally:
            await end_group(process, GRACE_S)
        return process.returncode or 0, said[:LARGEST].decode(errors="replace")


def read_config(data: bytes, name: str) -> Mapping[str, Any]:
    """Return what a config.json says. Raises Rejected (HF3250), which tells nothing of its content."""
    try:
        document = json.loads(data) if len(data) <= LARGEST else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _unreadable(name, "it is no JSON object")
    return document


def _unreadable(name: str, reason: str) -> Rejected:
    return Rejected("HF3250", f"cannot read credentials in {name}: {reason}", hint="`docker login` writes it anew")
