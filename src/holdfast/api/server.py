"""ApiServer: the daemon's door, HTTP/1.1 with JSON on a unix socket that only the daemon's own user and root may use.

| route | document |
|---|---|
| GET /v1/version, /v1/doctor | Version, Doctor |
| GET /v1/status?application&at, /v1/tree?application | Status, Tree |
| GET /v1/plan?application&revision&resources | Plan |
| GET /v1/history?application | History |
| GET /v1/events?after&since&limit&application, with follow=1 as server-sent events (`id:` = seq, resumed by Last-Event-ID) | Events |
| GET /v1/logs?name&lines&since, with follow=1 as they come | lines {source, text}, at last End |
| POST /v1/sync {application, approve, wait, resources[]} | Events, last Operation |
| POST /v1/rollback {application, to}, /v1/down {application, approve} | Events, last Operation |
| POST /v1/suspend {application, reason}, /v1/resume {application}, /v1/refresh {application} | Done |
| /v1/certificates… | see `certificate` |
| /v1/edge… | see `edge` |
| /v1/actions | see `object` |

Whatever is not in this table is refused. Neighbours: `wire` (envelopes and statuses), `stream`, and the `Service` that knows everything.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from holdfast.api.certificate import CertificateRoutes
from holdfast.api.edge import EdgeRoutes
from holdfast.api.object import ObjectRoutes
from holdfast.api.request import Answer, body_of, document, peer_of, person_of_peer, query_of
from holdfast.api.service import Data, LogLine, Service
from holdfast.api.stream import HEARTBEAT_S, of_application, send_events, send_lines, send_work
from holdfast.api.wire import (
    Fields,
    bug,
    envelope,
    error_document,
    instant,
    malformed,
    number,
    status_of,
    switch,
    text,
    texts,
)
from holdfast.errors import Busy, HoldfastError, Refused, Unavailable, UsageError
from holdfast.kit.suggest import did_you_mean
from holdfast.model.event import Event

LARGEST_BODY = 64 * 1024
MOST_EVENTS = 10_000
"""Of one answer; who wants more asks again after the last seq, or follows."""
SHUTDOWN_S = 2.0
FOLDER_MODE = 0o711
"""Run users pass through to their notify sockets, and see nothing else."""
LONGEST_SOCKET_PATH = 100
"""sun_path holds 108 bytes; a longer path is reached through its folder's descriptor."""


def is_trusted(uid: int) -> bool:
    """Say whether a peer of this uid may ask: the daemon's own user, and root."""
    return uid in (0, os.geteuid())


class ApiServer:
    """Serves `service` at `socket_path` from `start` to `stop`."""

    def __init__(
        self,
        service: Service,
        socket_path: str | os.PathLike[str],
        *,
        crashed: Callable[[str, BaseException], None],
        trusted: Callable[[int], bool] = is_trusted,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        """`crashed` is told of defects: the route and what was raised."""
        self._service = service
        self._certificates = CertificateRoutes(service.certificates, self._work)
        self._edge = EdgeRoutes(service.edge)
        self._objects = ObjectRoutes(service.objects)
        self._path = Path(socket_path)
        self._crashed = crashed
        self._trusted = trusted
        self._heartbeat_s = heartbeat_s
        self._runner: web.AppRunner | None = None
        self._open: set[asyncio.Task[Any]] = set()
        self._inode: int | None = None

    async def start(self) -> None:
        """Listen. Raises Busy (HF7003) where somebody answers there already, Unavailable (HF7007) where it cannot be bound."""
        listening = listen(self._path)
        self._inode = os.stat(self._path).st_ino
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()

    async def stop(self) -> None:
        """End every stream, then stop listening; the socket goes from its folder, unless a successor's stands there."""
        if self._runner is None:
            return
        for task in tuple(self._open):
            task.cancel()
        await self._runner.cleanup()
        self._runner = None
        with suppress(OSError):
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard], client_max_size=LARGEST_BODY)
        for (method, path), answer in self._routes().items():
            application.router.add_route(method, path, answer)
        return application

    def _routes(self) -> Mapping[tuple[str, str], Answer]:
        return {
            ("GET", "/v1/version"): self._version,
            ("GET", "/v1/doctor"): self._doctor,
            ("GET", "/v1/status"): self._status,
            ("GET", "/v1/tree"): self._tree,
            ("GET", "/v1/plan"): self._plan,
            ("GET", "/v1/history"): self._history,
            ("GET", "/v1/events"): self._events,
            ("GET", "/v1/logs"): self._logs,
            ("POST", "/v1/sync"): self._sync,
            ("POST", "/v1/rollback"): self._rollback,
            ("POST", "/v1/down"): self._down,
            ("POST", "/v1/suspend"): self._suspend,
            ("POST", "/v1/resume"): self._resume,
            ("POST", "/v1/refresh"): self._refresh,
            **self._certificates.table(),
            **self._edge.table(),
            **self._objects.table(),
        }

    # What stands before every route

    @web.middleware
    async def _guard(self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        """Let only trusted peers in, and turn every failure into an Error document."""
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
        try:
            if not self._trusted(peer_of(request)[1]):
                raise Refused("HF7002", f"cannot serve uid {peer_of(request)[1]}: only the daemon's own user and root may ask")
            return await handler(request)
        except HoldfastError as error:
            return _failed(error)
        except web.HTTPException as refusal:
            return _failed(self._unserved(request, refusal), refusal.status)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost door: a defect is one answer, and the daemon goes on
            self._crashed(request.path, error)
            return _failed(bug(error))
        finally:
            if task is not None:
                self._open.discard(task)

    def _unserved(self, request: web.Request, refusal: web.HTTPException) -> UsageError:
        if refusal.status == 413:
            return UsageError("HF7006", f"cannot read the request: it is larger than {LARGEST_BODY // 1024} KiB")
        if refusal.status in (404, 405):
            guess = did_you_mean(request.path, [path for _, path in self._routes()])
            hint = f"did you mean {guess}?" if guess and guess != request.path else None
            return UsageError("HF7001", f"cannot serve {request.method} {request.path[:100]!r}: there is no such route", hint=hint)
        return malformed(refusal.reason or "it is malformed")

    # Looking

    async def _version(self, request: web.Request) -> web.Response:
        query_of(request).end()
        return document("Version", self._service.version())

    async def _doctor(self, request: web.Request) -> web.Response:
        query_of(request).end()
        return document("Doctor", await self._service.doctor())

    async def _status(self, request: web.Request) -> web.Response:
        query = query_of(request)
        application, at = query.take("application", text), query.take("at", instant)
        query.end()
        return document("Status", await self._service.status(application, at))

    async def _tree(self, request: web.Request) -> web.Response:
        query = query_of(request)
        application = query.take("application", text)
        query.end()
        return document("Tree", await self._service.tree(application))

    async def _plan(self, request: web.Request) -> web.Response:
        query = query_of(request)
        application, revision = query.need("application", text), query.take("revision", text)
        resources = query.take("resources", texts) or ()
        query.end()
        return document("Plan", await self._service.plan(application, revision, resources))

    async def _history(self, request: web.Request) -> web.Response:
        query = query_of(request)
        application = query.need("application", text)
        query.end()
        return document("History", await self._service.history(application))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        query = query_of(request)
        after, since, application = query.take("after", number), query.take("since", instant), query.take("application", text)
        limit, follow = query.take("limit", number), query.take("follow", switch)
        query.end()
        if last := request.headers.get("Last-Event-ID"):
            after = Fields({"Last-Event-ID": last}).need("Last-Event-ID", number)
        if follow:
            start = await self._service.newest() if after is None else after
            return await send_events(request, of_application(self._service.follow(start), application), self._crashed, self._heartbeat_s)
        found = await self._service.events(after or 0, min(limit or MOST_EVENTS, MOST_EVENTS), application, since)
        return document("Events", {"events": [event.to_json() for event in found]})

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        query = query_of(request)
        name, lines, follow = query.need("name", text), query.take("lines", number), query.take("follow", switch)
        since = query.take("since", instant)
        query.end()
        found = self._service.logs(name, 100 if lines is None else min(lines, MOST_EVENTS), bool(follow), since)
        return await send_lines(request, found, _log_line, self._crashed, self._heartbeat_s)

    # Acting

    async def _sync(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        application, approve, wait = body.need("application", text), body.take("approve", text), body.take("wait", switch)
        resources = body.take("resources", texts) or ()
        body.end()
        person = person_of_peer(request)
        if wait is False:
            return document("Operation", await self._service.sync(application, person, approve, False, resources))
        return await self._work(
            request, "Operation", application, lambda: self._service.sync(application, person, approve, True, resources)
        )

    async def _rollback(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        application, to = body.need("application", text), body.take("to", text)
        body.end()
        person = person_of_peer(request)
        return await self._work(request, "Operation", application, lambda: self._service.rollback(application, to, person))

    async def _down(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        application, approve = body.need("application", text), body.take("approve", text)
        body.end()
        person = person_of_peer(request)
        return await self._work(request, "Operation", application, lambda: self._service.down(application, person, approve))

    async def _work(self, request: web.Request, kind: str, application: str, act: Callable[[], Awaitable[Data]]) -> web.StreamResponse:
        """Do what a person asked while the events of an Application go out, and end with a document of a kind."""
        start = await self._service.newest()

        async def work() -> bytes:
            return envelope(kind, await act())

        async def rest(told: int) -> tuple[Event, ...]:
            return await self._service.events(max(start, told), None, application, None)

        events = of_application(self._service.follow(start), application)
        return await send_work(request, work, events, rest, self._crashed, self._heartbeat_s)

    async def _suspend(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        application, reason = body.need("application", text), body.take("reason", text)
        body.end()
        await self._service.suspend(application, person_of_peer(request), reason or "")
        return document("Done", {"application": application})

    async def _resume(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        application = body.need("application", text)
        body.end()
        await self._service.resume(application, person_of_peer(request))
        return document("Done", {"application": application})

    async def _refresh(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        application = body.take("application", text)
        body.end()
        await self._service.refresh(application)
        return document("Done", {"application": application})


def _failed(error: HoldfastError, status: int | None = None) -> web.Response:
    return web.Response(body=error_document(error), status=status or status_of(error), content_type="application/json")


def _log_line(line: LogLine) -> bytes:
    return orjson.dumps({"source": line.source, "text": line.text}) + b"\n"


# The socket


def listen(path: Path) -> socket.socket:
    """Return a listening socket at `path`, 0600 in a folder that nobody else can list; one that a dead daemon left behind is replaced."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _private_folder(path.parent)
        with _Reach(path) as address:
            if _answers(address):
                raise Busy("HF7003", f"cannot listen at {path}: another daemon answers there", hint="stop it, or use another --state")
            with suppress(FileNotFoundError):
                os.unlink(address)
            listening.bind(address)
            os.chmod(address, 0o600)
        listening.listen(128)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise Unavailable("HF7007", f"cannot listen at {path}: {error.strerror or error}", hint="holdfast doctor") from error
    except HoldfastError:
        listening.close()
        raise
    return listening


def _private_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    look = os.stat(folder, follow_symlinks=False)
    if not stat.S_ISDIR(look.st_mode) or look.st_uid != os.geteuid():
        raise Refused(
            "HF7008", f"cannot listen in {folder}: it is not a folder of uid {os.geteuid()}", hint="remove it, or use another --state"
        )
    os.chmod(folder, FOLDER_MODE)


def _answers(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


class _Reach:
    """Lends an address of a socket path that fits into sun_path."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder: int | None = None

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) < LONGEST_SOCKET_PATH:
            return str(self._path)
        self._folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._folder}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            os.close(self._folder)
