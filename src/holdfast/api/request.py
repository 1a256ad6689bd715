"""Requests: what one says, who asks, and the document that answers it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

from holdfast.api.service import Data
from holdfast.api.wire import Fields, envelope, json_object, malformed
from holdfast.host.users import person_of

Answer: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What answers the requests of one route."""


def query_of(request: web.Request) -> Fields:
    """Return what stands behind the `?`; UsageError (HF7005) where a name stands twice."""
    for name in request.query:
        if len(request.query.getall(name)) > 1:
            raise malformed(f"{name} stands twice")
    return Fields(request.query)


async def body_of(request: web.Request) -> Fields:
    """Return the JSON object that a request brings."""
    return Fields(json_object(await request.read()))


def document(kind: str, data: Data) -> web.Response:
    return web.Response(body=envelope(kind, data), content_type="application/json")


def peer_of(request: web.Request) -> tuple[int, int]:
    """Return pid and uid of who asks, from the kernel (unix(7) SO_PEERCRED); uid -1 once the connection is gone."""
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is None:
        return 0, -1
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, uid


def person_of_peer(request: web.Request) -> str:
    """Return who asks, `uid name`."""
    return person_of(peer_of(request)[1])
