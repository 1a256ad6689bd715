"""The daemon's answers about certificates: `api.service.CertificateService`, from the engine and the controller behind the edge's door.

While nobody wanted an edge there are no certificates.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from holdfast.api.service import Data, certificate_named, unknown_application
from holdfast.controllers.renew import RenewController
from holdfast.edge.certificate_life import Failed, Held
from holdfast.errors import Bug
from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live

FORGET = "let certbot renew it no longer: `certbot certificates` names it, `certbot delete --cert-name NAME` forgets it"


class Holding(Protocol):
    """The certificate engine, as far as it is asked here."""

    def held(self) -> Mapping[ResourceId, Held]: ...

    async def observe(self, ids: Collection[ResourceId]) -> Live: ...


class Behind(Protocol):
    """What is behind the door (`app.edge.Edge`)."""

    @property
    def acme(self) -> Holding: ...

    @property
    def renew(self) -> RenewController: ...

    def authorities(self) -> Sequence[dict[str, Json]]:
        """Return the local authorities: {issuer, root, is_made, install[]}."""
        ...


class HouseCertificates:
    """Implements `api.service.CertificateService`; `behind` answers with what is behind the door now, `known` with all Applications."""

    def __init__(self, behind: Callable[[], Behind | None], known: Callable[[], Collection[str]]) -> None:
        self._behind = behind
        self._known = known

    def find(self, name: str) -> ResourceId:
        return certificate_named(name, {id: held.spec.hosts for id, held in self._held().items()})

    def application_of(self, id: ResourceId) -> str:
        return self._held()[id].application

    async def listed(self, application: str | None) -> Data:
        if application is not None and application not in self._known():
            raise unknown_application(application, self._known())
        behind = self._behind()
        if behind is None:
            return {"certificates": [], "authorities": []}
        ids = [id for id, held in sorted(self._held().items()) if application in (None, held.application)]
        return {"certificates": [await self._shown(behind, id) for id in ids], "authorities": list(behind.authorities())}

    async def renew(self, id: ResourceId, person: str, is_forced: bool) -> Data:
        behind = self._found(id)
        came = await (behind.renew.force(id, person) if is_forced else behind.renew.renew(id, person))
        outcome = "not_due" if came is None else "renewed" if came.is_news else "kept"
        return {"outcome": outcome, "certificate": await self._shown(behind, id), "rehearsal": None}

    async def rehearse(self, id: ResourceId) -> Data:
        behind = self._found(id)
        tried = await behind.renew.dry_run(id)
        rehearsal = {"issuer": tried.issuer, "directory": tried.directory, "is_staging": tried.is_staging}
        return {"outcome": "rehearsed", "certificate": await self._shown(behind, id), "rehearsal": rehearsal}

    async def revoke(self, id: ResourceId, person: str, reason: str) -> Data:
        behind = self._found(id)
        held = await behind.renew.revoke(id, reason, person)
        leaf = held.leaf
        gone = {"issuer": held.issuer, "serial": leaf.serial if leaf else None, "names": list(leaf.names) if leaf else []}
        return {"revoked": gone, "reason": reason, "certificate": await self._shown(behind, id)}

    async def take_over(self, id: ResourceId, person: str) -> Data:
        behind = self._found(id)
        came = await behind.renew.take_over(id, person)
        message = came.message if isinstance(came, Failed) else ""
        return {"certificate": await self._shown(behind, id), "message": message, "next_step": FORGET}

    async def _shown(self, behind: Behind, id: ResourceId) -> dict[str, Json]:
        """Return what is kept of a certificate, and what is wrong with what lies where nginx reads."""
        observation = (await behind.acme.observe([id])).observed.get(id)
        handle = (observation.handle if observation is not None else None) or {}
        return {**behind.renew.shown(id), "drift": handle.get("drift", ["missing"]), "awaited": handle.get("awaited")}

    def _found(self, id: ResourceId) -> Behind:
        if (behind := self._behind()) is None:
            raise Bug("HF9001", f"cannot ask for {id}: there is no edge")  # nobody found the id without one
        return behind

    def _held(self) -> Mapping[ResourceId, Held]:
        behind = self._behind()
        return {} if behind is None else behind.acme.held()
