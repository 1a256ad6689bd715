"""The routes of the edge; `server` has all others.

| route | document |
|---|---|
| GET /v1/edge | EdgeStatus |
| GET /v1/edge/looks | EdgeLooks |
| POST /v1/edge/close {site, how, message, until} | SiteClosed |
| POST /v1/edge/open {site, how} | SiteClosed |

`site` is its id, its name, or one of its hosts; `how` is maintenance or pause; `until` seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from holdfast.api.request import Answer, body_of, document, person_of_peer, query_of
from holdfast.api.service import EdgeService
from holdfast.api.wire import instant, malformed, text

WAYS = ("maintenance", "pause")
LONGEST_MESSAGE = 2_000


class EdgeRoutes:
    """Answers for `service`."""

    def __init__(self, service: EdgeService) -> None:
        self._service = service

    def table(self) -> Mapping[tuple[str, str], Answer]:
        return {
            ("GET", "/v1/edge"): self._status,
            ("GET", "/v1/edge/looks"): self._looks,
            ("POST", "/v1/edge/close"): self._close,
            ("POST", "/v1/edge/open"): self._open,
        }

    async def _status(self, request: web.Request) -> web.StreamResponse:
        query_of(request).end()
        return document("EdgeStatus", await self._service.shown())

    async def _looks(self, request: web.Request) -> web.StreamResponse:
        query_of(request).end()
        return document("EdgeLooks", await self._service.looked())

    async def _close(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        site, how = body.need("site", text), _way(body.need("how", text))
        message, until = body.take("message", text) or "", body.take("until", instant)
        body.end()
        if len(message) > LONGEST_MESSAGE:
            raise malformed(f"message is longer than {LONGEST_MESSAGE} characters")
        return document("SiteClosed", await self._service.close(site, how, person_of_peer(request), message, until))

    async def _open(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        site, how = body.need("site", text), _way(body.need("how", text))
        body.end()
        return document("SiteClosed", await self._service.open(site, how, person_of_peer(request)))


def _way(how: str) -> str:
    if how not in WAYS:
        raise malformed(f"how is neither {' nor '.join(WAYS)}")
    return how
