"""Accounts at issuers: their keys on disk, registered once, changed safely.

FOLDER/<digest of directory and binding>/  0700
  key.pem        0600, written before the issuer hears of it
  next.pem       0600, while the key is being changed
  account.json   what the issuer calls us
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from pathlib import Path

from holdfast.edge.issuer_spec import AcmeSpec
from holdfast.engines.acme.client import Account, AcmeClient, Binding
from holdfast.engines.acme.wire import AccountKey
from holdfast.errors import Rejected
from holdfast.host.files import Root, told
from holdfast.kit.canonical import digest
from holdfast.model.ports import Secrets

PRIVATE_FOLDER, PRIVATE = 0o700, 0o600
LARGEST = 64 * 1024
KEY, NEXT, ACCOUNT = "key.pem", "next.pem", "account.json"


class Accounts:
    """Beneath `folder`, which is made. One account for each directory (and binding), however many issuers name it."""

    def __init__(self, folder: Path, secrets: Secrets) -> None:
        self._folder = folder
        self._secrets = secrets
        self._known: dict[str, Account] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, client: AcmeClient, directory: str, spec: AcmeSpec) -> Account:
        """Return our account at `directory`, registered where it is not yet."""
        name = _name(directory, spec)
        async with self._turns[name]:
            if name not in self._known:
                self._known[name] = await self._found(client, name, spec)
            return self._known[name]

    def forget(self, directory: str, spec: AcmeSpec) -> None:
        """Say that the issuer knows this account no longer: it is registered again, with the key that is there."""
        name = _name(directory, spec)
        self._known.pop(name, None)
        with self._root() as root:
            root.remove(f"{name}/{ACCOUNT}")

    async def roll_key(self, client: AcmeClient, directory: str, spec: AcmeSpec) -> Account:
        """Change the account's key. A crash at any moment leaves one that the issuer takes."""
        account = await self.of(client, directory, spec)
        name, key = _name(directory, spec), AccountKey.make()
        async with self._turns[name]:
            self._write(name, NEXT, key.pem())
            self._known.pop(name, None)
            rolled = await client.roll_key(account, key)
            self._promote(name, key)
            self._known[name] = rolled
        return rolled

    async def _found(self, client: AcmeClient, name: str, spec: AcmeSpec) -> Account:
        key = await self._key(client, name)
        known = self._read_account(name)
        if isinstance(url := known.get("url"), str):
            account = Account(key=key, url=url)
            if known.get("contact") != spec.contact:
                await client.write_to(account, spec.contact)
                self._write_account(name, account, spec)
            return account
        binding = spec.binding
        account = await client.register(
            key,
            contact=spec.contact,
            binding=None if binding is None else Binding(key_id=binding.key_id, key=self._secrets.resolve(binding.key.secret)),
        )
        self._write_account(name, account, spec)
        return account

    async def _key(self, client: AcmeClient, name: str) -> AccountKey:
        """Return the account's key; of a change that a crash cut off, the one that the issuer knows."""
        upcoming = self._read_key(name, NEXT)
        if upcoming is not None:
            if await client.known(upcoming) is not None:
                return self._promote(name, upcoming)
            with self._root() as root:
                root.remove(f"{name}/{NEXT}")
        if (key := self._read_key(name, KEY)) is not None:
            return key
        key = AccountKey.make()
        self._write(name, KEY, key.pem())
        return key

    def _promote(self, name: str, key: AccountKey) -> AccountKey:
        self._write(name, KEY, key.pem())
        with self._root() as root:
            root.remove(f"{name}/{NEXT}")
        return key

    def _read_key(self, name: str, file: str) -> AccountKey | None:
        with self._root() as root:
            if root.stat(f"{name}/{file}") is None:
                return None
            pem = root.read(f"{name}/{file}", limit=LARGEST)
        try:
            return AccountKey.load(pem)
        except (ValueError, TypeError):
            path = self._folder / name / file
            hint = "restore it; without it a new account must be made: move the file away"
            raise Rejected("HF3155", f"cannot read the account key {path}: it is no key on P-256", hint=hint) from None

    def _read_account(self, name: str) -> dict[str, object]:
        with self._root() as root:
            if root.stat(f"{name}/{ACCOUNT}") is None:
                return {}
            try:
                found = json.loads(root.read(f"{name}/{ACCOUNT}", limit=LARGEST))
            except ValueError:
                return {}  # the key says who we are; registering again finds the account
        return found if isinstance(found, dict) else {}

    def _write_account(self, name: str, account: Account, spec: AcmeSpec) -> None:
        self._write(name, ACCOUNT, json.dumps({"url": account.url, "contact": spec.contact, "directory": spec.directory}).encode())

    def _write(self, name: str, file: str, data: bytes) -> None:
        with self._root() as root:
            root.make_folders(name, mode=PRIVATE_FOLDER)
            root.write(f"{name}/{file}", data, mode=PRIVATE)

    def _root(self) -> Root:
        with told("use", str(self._folder)):
            self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        return Root(self._folder)


def _name(directory: str, spec: AcmeSpec) -> str:
    return digest([directory, spec.binding.key_id if spec.binding else None])[:24]
