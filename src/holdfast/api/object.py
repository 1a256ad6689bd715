"""The routes of objects of a cluster; `server` has all others.

| route | document |
|---|---|
| GET /v1/actions?name | Actions |
| POST /v1/actions {name, action, params, reason} | ActionDone |

`name` is an object's id, `Kind/name`, or its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from holdfast.api.request import Answer, body_of, document, person_of_peer, query_of
from holdfast.api.service import ObjectService
from holdfast.api.wire import text


class ObjectRoutes:
    """Answers for `service`."""

    def __init__(self, service: ObjectService) -> None:
        self._service = service

    def table(self) -> Mapping[tuple[str, str], Answer]:
        return {("GET", "/v1/actions"): self._actions, ("POST", "/v1/actions"): self._act}

    async def _actions(self, request: web.Request) -> web.StreamResponse:
        query = query_of(request)
        name = query.need("name", text)
        query.end()
        return document("Actions", await self._service.actions(name))

    async def _act(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        name, action = body.need("name", text), body.need("action", text)
        params, reason = body.take("params", texts) or {}, body.take("reason", text) or ""
        body.end()
        return document("ActionDone", await self._service.act(name, action, params, person_of_peer(request), reason))


def texts(value: Any) -> dict[str, str]:
    """Return a mapping of texts; ValueError for anything else."""
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError("expected texts by name")
    return value
