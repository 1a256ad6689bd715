"""Connections of an aiohttp client that are left without the farewell of TLS.

A server may never answer a farewell, and nothing waits for one: of a watch that is left in its middle, of a question that was given up
before its answer, of a connection that was idle too long. aiohttp spares itself the farewell only of what it still holds when its session
is closed (`ssl_shutdown_timeout=0`); any other would stay open, up to 30 s, past the end of who asked.
"""

from __future__ import annotations

import asyncio
from functools import partial

import aiohttp
from aiohttp.client_proto import ResponseHandler


class _Abrupt(ResponseHandler):
    def close(self) -> None:
        self.abort()


def _made(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return _Abrupt(loop)


def without_farewell(connector: aiohttp.BaseConnector) -> aiohttp.BaseConnector:
    """Return `connector`, which from now on ends its connections at once."""
    connector._factory = partial(_made, connector._loop)
    return connector
