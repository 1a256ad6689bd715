"""Hooks: programs of the local configuration that answer by DNS, or sign certificates themselves.

A dns hook is called as lego calls its `exec` provider: `… present _acme-challenge.shop.example. VALUE`, later `… cleanup` with the same.
An issuing hook finds everything in its environment:

  HOLDFAST_HOSTS        the names, separated by spaces
  HOLDFAST_CSR_FILE     a signing request in PEM, for the key that we keep
  HOLDFAST_CHAIN_FILE   where it writes the chain in PEM, the end certificate first
  HOLDFAST_KEY_FILE     where it may write a key of its own making; then that one is used
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_csr

from holdfast.edge.issuer import Hook
from holdfast.engines.acme.pair import Pair, signing_request
from holdfast.engines.acme.problem import plain
from holdfast.errors import Rejected
from holdfast.host.command import run
from holdfast.host.files import Root, told
from holdfast.host.folders import remove
from holdfast.kit.secret import Secret

PRIVATE_FOLDER, PRIVATE = 0o700, 0o600
LARGEST = 1 << 20
SHOWN_LINES = 10
FILES: Mapping[str, str] = {
    "HOLDFAST_CSR_FILE": "request.pem",
    "HOLDFAST_CHAIN_FILE": "chain.pem",
    "HOLDFAST_KEY_FILE": "key.pem",
}


class Hooks:
    """Runs hooks in a folder of their own beneath `folder`, with nothing in their environment but PATH and what is theirs."""

    def __init__(self, folder: Path, search_path: str) -> None:
        self._folder = folder
        self._search_path = search_path

    async def run(self, hook: Hook, *arguments: str) -> None:
        """Run a hook to its end; `Rejected` (HF3149) where it fails or takes too long."""
        with self._room() as room:
            await self._run(hook, arguments, room.path, {})

    async def sign(self, hook: Hook, hosts: tuple[str, ...], key: Secret) -> Pair:
        """Have a hook sign for `hosts`; the pair that it gives is not checked here."""
        with self._room() as room:
            room.write("request.pem", load_der_x509_csr(signing_request(key, hosts)).public_bytes(Encoding.PEM), mode=PRIVATE)
            place = {name: os.path.join(room.path, file) for name, file in FILES.items()}
            await self._run(hook, (), room.path, {"HOLDFAST_HOSTS": " ".join(hosts), **place})
            if room.stat("chain.pem") is None:
                raise Rejected("HF3149", f"cannot get a certificate from {hook.command[0]}: it wrote no file HOLDFAST_CHAIN_FILE")
            own = _text(room.read("key.pem", limit=LARGEST)) if room.stat("key.pem") is not None else None
            return Pair(room.read("chain.pem", limit=LARGEST), key if own is None else own)

    async def _run(self, hook: Hook, arguments: tuple[str, ...], folder: str, environment: Mapping[str, str]) -> None:
        program = hook.command[0]
        base = {"PATH": self._search_path, "LANG": "C.UTF-8", "HOME": folder}
        try:
            ended = await run((*hook.command, *arguments), folder=folder, environment={**base, **environment}, timeout_s=hook.timeout_s)
        except Rejected as error:
            raise Rejected("HF3149", f"cannot use hook {program}: {error.message}", hint=error.hint) from error
        if ended.code == 0:
            return
        how = f"it took longer than {hook.timeout_s:g} s" if ended.code is None else f"it ended with {ended.code}"
        lines = tuple(plain(line) for line in ended.lines[-SHOWN_LINES:])
        said = f": {lines[-1]}" if lines else ""
        raise Rejected("HF3149", f"cannot use hook {program}: {how}{said}", log=lines)

    @contextmanager
    def _room(self) -> Iterator[Root]:
        """Lend an empty folder of our own that is gone afterwards."""
        with told("use", str(self._folder)):
            self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        name = f"hook-{secrets.token_hex(8)}"
        with Root(self._folder) as above:
            above.make_folders(name, mode=PRIVATE_FOLDER)
            try:
                with Root(self._folder / name) as room:
                    yield room
            finally:
                with above.folder() as fd:
                    remove(fd, name)


def _text(data: bytes) -> Secret:
    return Secret(data.decode(errors="replace"))
