"""The routes of certificates; `server` has all others.

| route | document |
|---|---|
| GET /v1/certificates?application | Certificates |
| POST /v1/certificates/renew {certificate, force, dry_run} | Events, last Renewal |
| POST /v1/certificates/revoke {certificate, reason} | Events, last Revocation |
| POST /v1/certificates/take-over {certificate} | Events, last TakeOver |

`certificate` is its id, its name, or one of its hosts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from aiohttp import web

from holdfast.api.request import Answer, body_of, document, person_of_peer, query_of
from holdfast.api.service import CertificateService, Data
from holdfast.api.wire import switch, text


class Work(Protocol):
    """Does what a person asked while the events of an Application go out, and ends with a document of a kind."""

    async def __call__(
        self, request: web.Request, kind: str, application: str, act: Callable[[], Awaitable[Data]]
    ) -> web.StreamResponse: ...


class CertificateRoutes:
    """Answers for `service`."""

    def __init__(self, service: CertificateService, work: Work) -> None:
        self._service = service
        self._work = work

    def table(self) -> Mapping[tuple[str, str], Answer]:
        return {
            ("GET", "/v1/certificates"): self._list,
            ("POST", "/v1/certificates/renew"): self._renew,
            ("POST", "/v1/certificates/revoke"): self._revoke,
            ("POST", "/v1/certificates/take-over"): self._take_over,
        }

    async def _list(self, request: web.Request) -> web.StreamResponse:
        query = query_of(request)
        application = query.take("application", text)
        query.end()
        return document("Certificates", await self._service.listed(application))

    async def _renew(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        name, is_forced, is_dry_run = body.need("certificate", text), body.take("force", switch), body.take("dry_run", switch)
        body.end()
        person, id = person_of_peer(request), self._service.find(name)
        if is_dry_run:
            return await self._work(request, "Renewal", self._service.application_of(id), lambda: self._service.rehearse(id))
        return await self._work(
            request, "Renewal", self._service.application_of(id), lambda: self._service.renew(id, person, bool(is_forced))
        )

    async def _revoke(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        name, reason = body.need("certificate", text), body.need("reason", text)
        body.end()
        person, id = person_of_peer(request), self._service.find(name)
        return await self._work(request, "Revocation", self._service.application_of(id), lambda: self._service.revoke(id, person, reason))

    async def _take_over(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        name = body.need("certificate", text)
        body.end()
        person, id = person_of_peer(request), self._service.find(name)
        return await self._work(request, "TakeOver", self._service.application_of(id), lambda: self._service.take_over(id, person))
