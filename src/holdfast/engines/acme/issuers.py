"""Issuers: everyone who can sign here, by name, each asked the same way.

Made from what is declared when first asked, and anew when that changes.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from holdfast.edge.certificate_life import SELF_SIGNED, Rehearsal, RenewalInfo, Source
from holdfast.edge.issuer import Hook, Means, staging
from holdfast.edge.issuer_spec import AcmeSpec, CertbotSpec, IssuerSpec
from holdfast.engines.acme.account import Accounts
from holdfast.engines.acme.answering import Answers, Challenges
from holdfast.engines.acme.authority import LocalAuthority
from holdfast.engines.acme.certbot import CertbotFolder
from holdfast.engines.acme.client import AcmeClient
from holdfast.engines.acme.hook import Hooks
from holdfast.engines.acme.ordering import Ordering, Request
from holdfast.engines.acme.pair import Pair, certificate_id, der_of, self_signed, signed_by
from holdfast.engines.acme.problem import Refusal
from holdfast.engines.acme.transport import Transport
from holdfast.engines.acme.wire import AccountKey
from holdfast.errors import EngineError, Rejected
from holdfast.host.files import told
from holdfast.kit.clock import Clock
from holdfast.model.ports import Secrets

OWN_NAME = "Holdfast self-signed"
PASSABLE = 0o711
"""The root of a local authority is for everybody to read; what else lies there is private by itself."""


class Issuer(Protocol):
    """Who signs. Raises `EngineError`s; what it gives is checked by the engine."""

    source: Source

    async def issue(self, request: Request) -> Pair: ...

    async def aclose(self) -> None: ...


class SelfSigned:
    source = Source.ISSUED

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def issue(self, request: Request) -> Pair:
        return self_signed(request.key, request.hosts, now=self._clock.now(), lifetime_s=request.lifetime_s, common_name=OWN_NAME)

    async def aclose(self) -> None:
        return None


class ByAuthority:
    source = Source.ISSUED

    def __init__(self, authority: LocalAuthority, clock: Clock) -> None:
        self.authority = authority
        self._clock = clock

    async def issue(self, request: Request) -> Pair:
        root = await self.authority.root()
        return signed_by(request.key, request.hosts, root, now=self._clock.now(), lifetime_s=request.lifetime_s)

    async def aclose(self) -> None:
        return None


class ByHook:
    source = Source.ISSUED

    def __init__(self, hooks: Hooks, hook: Hook) -> None:
        self._hooks = hooks
        self._hook = hook

    async def issue(self, request: Request) -> Pair:
        return await self._hooks.sign(self._hook, request.hosts, request.key)

    async def aclose(self) -> None:
        return None


class ByCertbot:
    source = Source.ADOPTED

    def __init__(self, folder: CertbotFolder, spec: CertbotSpec, clock: Clock) -> None:
        self._folder = folder
        self._spec = spec
        self._clock = clock

    async def issue(self, request: Request) -> Pair:
        return self._folder.pair(request.hosts, self._spec.lineage, self._clock.now())

    async def aclose(self) -> None:
        return None


class ByAcme:
    source = Source.ISSUED

    def __init__(self, *, name: str, spec: AcmeSpec, accounts: Accounts, answers: Answers, trust: ssl.SSLContext, clock: Clock) -> None:
        self._name = name
        self._spec = spec
        self._accounts = accounts
        self._trust = trust
        self._clock = clock
        self._answers = answers
        self._client = self._made(spec.directory)

    def _made(self, directory: str) -> AcmeClient:
        transport = Transport(issuer=self._name, trust=self._trust, clock=self._clock)
        return AcmeClient(issuer=self._name, directory=directory, transport=transport, clock=self._clock)

    async def issue(self, request: Request) -> Pair:
        try:
            return await (await self._ordering()).certificate(request, profile=self._spec.profile, root=self._spec.chain)
        except Refusal as error:
            if error.type != "accountDoesNotExist":
                raise
        self._accounts.forget(self._spec.directory, self._spec)
        return await (await self._ordering()).certificate(request, profile=self._spec.profile, root=self._spec.chain)

    async def _ordering(self) -> Ordering:
        account = await self._accounts.of(self._client, self._spec.directory, self._spec)
        return Ordering(issuer=self._name, client=self._client, account=account, answers=self._answers)

    async def renewal_info(self, chain: bytes) -> RenewalInfo | None:
        """Return when the issuer wants what it gave to be renewed; None where it does not say such things."""
        id = certificate_id(chain)
        return None if id is None else await self._client.renewal_info(id)

    async def revoke(self, pair: Pair, reason: int) -> None:
        """Revoke a certificate: by our account, else by its own key, which nobody else should have."""
        account = await self._accounts.of(self._client, self._spec.directory, self._spec)
        try:
            await self._client.revoke(account, der_of(pair.chain), reason)
        except Refusal as error:
            try:
                key = AccountKey.load(pair.key.reveal().encode())
            except ValueError:
                raise error from None
            await self._client.revoke(account, der_of(pair.chain), reason, key=key)

    async def rehearse(self, hosts: Sequence[str]) -> Rehearsal:
        """Order and prove without having anything signed, at the directory for tests where there is one."""
        directory = staging(self._spec)
        client = self._client if directory is None else self._made(directory)
        try:
            account = await self._accounts.of(client, directory or self._spec.directory, self._spec)
            ordering = Ordering(issuer=self._name, client=client, account=account, answers=self._answers)
            await ordering.rehearse(hosts, profile=self._spec.profile)
        finally:
            if client is not self._client:
                await client.aclose()
        return Rehearsal(issuer=self._name, directory=directory or self._spec.directory, is_staging=directory is not None)

    async def roll_key(self) -> None:
        """Change the key of our account there."""
        await self._accounts.roll_key(self._client, self._spec.directory, self._spec)

    async def aclose(self) -> None:
        await self._client.aclose()


class Issuers:
    """By name. `declared` answers with those of the Edge, in their order; `folder` holds accounts, authorities and hooks' rooms."""

    def __init__(
        self,
        *,
        declared: Callable[[], Sequence[IssuerSpec]],
        means: Means,
        folder: Path,
        secrets: Secrets,
        challenges: Challenges | None,
        search_path: str,
        clock: Clock,
    ) -> None:
        self._declared = declared
        self._means = means
        self._folder = folder
        self._secrets = secrets
        self._challenges = challenges
        self._clock = clock
        self._accounts = Accounts(folder / "accounts", secrets)
        self._hooks = Hooks(folder / "hooks", search_path)
        self._made: dict[str, tuple[IssuerSpec, str | None, Issuer]] = {}
        self._retired: list[Issuer] = []
        self._own = SelfSigned(clock)

    @property
    def specs(self) -> tuple[IssuerSpec, ...]:
        return tuple(self._declared())

    def get(self, name: str) -> Issuer:
        """Return the issuer of that name; `Rejected` (HF3153) where none is declared, or this host lends not what it needs."""
        if name == SELF_SIGNED:
            return self._own
        spec = next((each for each in self._declared() if each.name == name), None)
        if spec is None:
            raise Rejected("HF3153", f"cannot ask issuer {name}: none of that name is declared", hint="declare it at the Edge")
        trust = self._fingerprint(spec)
        known = self._made.get(name)
        if known is None or known[:2] != (spec, trust):
            if known is not None:
                self._retired.append(known[2])
            self._made[name] = (spec, trust, self._make(spec))
        return self._made[name][2]

    def acme(self, name: str, verb: str) -> ByAcme:
        issuer = self.get(name)
        if not isinstance(issuer, ByAcme):
            raise Rejected("HF3157", f"cannot {verb} at {name}: it does not speak ACME", hint="only ACME issuers revoke and rehearse")
        return issuer

    def authority(self, name: str) -> LocalAuthority | None:
        """Return the local authority of that name, None where it is something else."""
        issuer = self.get(name)
        return issuer.authority if isinstance(issuer, ByAuthority) else None

    def _fingerprint(self, spec: IssuerSpec) -> str | None:
        return self._secrets.fingerprint(spec.acme.ca.secret) if spec.acme is not None and spec.acme.ca is not None else None

    def _make(self, spec: IssuerSpec) -> Issuer:
        with told("use", str(self._folder)):
            self._folder.mkdir(mode=PASSABLE, parents=True, exist_ok=True)
        if spec.authority is not None:
            return ByAuthority(LocalAuthority(self._folder / "authority", spec.authority.common_name, self._clock), self._clock)
        if spec.exec is not None:
            return ByHook(self._hooks, self._hook(spec.name, spec.exec))
        if spec.certbot is not None:
            if self._means.certbot is None:
                raise Rejected("HF3153", f"cannot ask issuer {spec.name}: this host lends no folder of certbot")
            return ByCertbot(CertbotFolder(Path(self._means.certbot)), spec.certbot, self._clock)
        acme = spec.acme or AcmeSpec()
        answers = Answers(
            challenges=self._challenges,
            hooks=self._hooks,
            dns=self._hook(spec.name, acme.dns) if acme.dns is not None else None,
            propagation_s=acme.propagation,
            clock=self._clock,
        )
        trust = self._trust(spec.name, acme)
        return ByAcme(name=spec.name, spec=acme, accounts=self._accounts, answers=answers, trust=trust, clock=self._clock)

    def _hook(self, issuer: str, name: str) -> Hook:
        if name not in self._means.hooks:
            hint = "name the program in the local configuration"
            raise Rejected("HF3153", f"cannot ask issuer {issuer}: this host has no hook {name}", hint=hint)
        return self._means.hooks[name]

    def _trust(self, name: str, spec: AcmeSpec) -> ssl.SSLContext:
        if spec.ca is None:
            return ssl.create_default_context()
        try:
            return ssl.create_default_context(cadata=self._secrets.resolve(spec.ca.secret).reveal())
        except (ssl.SSLError, ValueError):
            raise Rejected("HF3153", f"cannot ask issuer {name}: secret {spec.ca.secret} is no certificate in PEM") from None

    async def aclose(self) -> None:
        for issuer in (*self._retired, *(made[2] for made in self._made.values())):
            with suppress(EngineError):
                await issuer.aclose()
        self._made.clear()
        self._retired.clear()
