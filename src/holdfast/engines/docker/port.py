"""What the docker engine asks of a Docker Engine: the client's calls, which a simulated one answers too."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from holdfast.engines.docker.client import Body, Query, Version
from holdfast.kit.canonical import Json


class Api(Protocol):
    """One Docker Engine, as `client.Client` has it. Raises the errors that `failure` names."""

    async def version(self) -> Version: ...

    async def knock(self) -> None: ...

    def forget_version(self) -> None: ...

    async def get(self, doing: str, path: str, query: Query | None = None, *, headers: Mapping[str, str] | None = None) -> Any: ...

    async def post(
        self,
        doing: str,
        path: str,
        query: Query | None = None,
        body: Json = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Any: ...

    async def put(self, doing: str, path: str, query: Query | None, data: bytes, *, content_type: str = "application/x-tar") -> Any: ...

    async def delete(self, doing: str, path: str, query: Query | None = None) -> Any: ...

    def messages(
        self,
        method: str,
        doing: str,
        path: str,
        query: Query | None = None,
        data: Body | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[dict[str, Any], None]: ...

    def stream(
        self,
        method: str,
        doing: str,
        path: str,
        query: Query | None = None,
        data: Body | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...

    async def aclose(self) -> None: ...
