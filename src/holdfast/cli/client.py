"""Client: the daemon's doors, over its unix socket with the standard library alone (aiohttp takes 150 ms to import).

The other half of the table in `api.wire`: a status tells the class of an error and so its exit code; code, message, places and hint pass
through as the daemon said them.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import urlencode

from holdfast.errors import (
    Bug,
    Busy,
    Conflict,
    DeclarationError,
    EngineError,
    HoldfastError,
    Refused,
    Rejected,
    SourceError,
    StoreError,
    TimedOut,
    Unavailable,
    UsageError,
    Where,
)
from holdfast.host.options import API_SOCKET, RUN_FOLDER

Document: TypeAlias = dict[str, Any]

CLASS_OF: Mapping[int, type[HoldfastError]] = MappingProxyType(
    {
        400: UsageError,
        403: Refused,
        404: UsageError,
        405: UsageError,
        409: Conflict,
        413: UsageError,
        422: DeclarationError,
        423: Busy,
        424: Rejected,
        500: Bug,
        502: SourceError,
        503: Unavailable,
        504: TimedOut,
        507: StoreError,
        520: EngineError,
    }
)
ANSWER_S = 120.0
"""How long one answer may take: a plan may have to fetch first."""
SILENCE_S = 60.0
"""A stream beats every 15 s; one that is silent for longer is dead."""
LONGEST_SOCKET_PATH = 100
"""sun_path holds 108 bytes; a longer path is reached through its folder's descriptor."""
LONGEST_LINE = 16 * 1024 * 1024


class Client:
    """Asks the daemon of one state folder. Raises what the daemon answers, Busy (HF8003) where none answers, Unavailable (HF8004)
    where it went away or was not understood, Refused (HF8014) where the socket is another user's."""

    def __init__(self, state_dir: str) -> None:
        self._state_dir = state_dir
        self._path = os.path.join(state_dir, RUN_FOLDER, API_SOCKET)

    def is_there(self) -> bool:
        """Say whether a daemon answers; Refused where another user's does."""
        try:
            _connect(self._path).close()
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._unreached(error) from error
        return True

    def get(self, path: str, **query: Any) -> Document:
        """Return the document that a route answers with; None in a query says nothing."""
        return self._ask("GET", _target(path, query))

    def post(self, path: str, **body: Any) -> Document:
        return self._ask("POST", path, body)

    def _ask(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> Document:
        connection, answer = self._open(method, target, body, ANSWER_S)
        try:
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) from error
        finally:
            connection.close()
        return _checked(self._parsed(data), answer.status)

    def lines(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> Iterator[Document | None]:
        """Yield each JSON line, None for a beat; the last is a document with a `status`, which may make it the error that is raised."""
        connection, answer = self._open(method, _target(path, query or {}), body, SILENCE_S)
        try:
            if answer.status != 200:
                _checked(self._parsed(answer.read()), answer.status)
            while line := answer.readline(LONGEST_LINE):
                if not line.strip():
                    yield None
                    continue
                told = self._parsed(line)
                if "status" in told:
                    yield _checked(told, told["status"])
                    return
                yield told
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) from error
        finally:
            connection.close()
        raise self._lost(None)

    def work(self, path: str, tell: Callable[[Document | None], None], **body: Any) -> Document:
        """Do what a person asked, tell every event meanwhile (None is a beat), and return the document at the end."""
        for told in self.lines("POST", path, body={name: value for name, value in body.items() if value is not None}):
            if told is not None and "status" in told:
                return told
            tell(None if told is None else told["data"])
        raise self._lost(None)

    def events(self, after: int | None, application: str | None) -> Iterator[Document | None]:
        """Yield events as they happen, those after `after` first, None for a beat; returns where the daemon ends the stream."""
        target = _target("/v1/events", {"follow": 1, "after": after, "application": application})
        connection, answer = self._open("GET", target, None, SILENCE_S)
        try:
            if answer.status != 200:
                _checked(self._parsed(answer.read()), answer.status)
            kind = ""
            while line := answer.readline(LONGEST_LINE):
                name, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(": ")
                if line.startswith(b":"):
                    yield None
                elif name == "event":
                    kind = value
                elif name == "data":
                    told = self._parsed(value.encode())
                    if kind == "error":
                        _checked(told, int(told.get("status", 520)))
                    yield told
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) from error
        finally:
            connection.close()

    def _open(
        self, method: str, target: str, body: Mapping[str, Any] | None, silence_s: float
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = _UnixConnection(self._path, silence_s)
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, target, None if body is None else json.dumps(body).encode(), headers)
            return connection, connection.getresponse()
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            connection.close()
            raise self.absent() from error
        except PermissionError as error:
            connection.close()
            raise self._unreached(error) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._lost(error) from error

    def absent(self) -> Busy:
        return Busy(
            "HF8003",
            f"cannot reach the daemon of {self._state_dir}: none is running",
            hint="start one with `holdfast up -f application.yaml`, or name its folder with --state",
        )

    def _unreached(self, error: OSError) -> HoldfastError:
        if isinstance(error, PermissionError):
            hint = "run this as the daemon's user"
            return Refused("HF8014", f"cannot reach the daemon of {self._state_dir}: the folder is another user's", hint=hint)
        return self._lost(error)

    def _lost(self, error: Exception | None) -> Unavailable:
        reason = "it took too long" if isinstance(error, TimeoutError) else str(error) if error is not None else "it ended too early"
        hint = "`holdfast status` shows whether it is back; what was begun there goes on without you"
        return Unavailable("HF8004", f"cannot read the daemon's answer: {reason}", hint=hint)

    def _parsed(self, data: bytes) -> Document:
        try:
            document = json.loads(data)
        except ValueError as error:
            raise self._lost(error) from error
        if not isinstance(document, dict):
            raise self._lost(ValueError("it is no document"))
        return document


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, silence_s: float) -> None:
        super().__init__("holdfast", timeout=silence_s)
        self._path = path

    def connect(self) -> None:
        self.sock = _connect(self._path, self.timeout)


def _connect(path: str, timeout: float | None = None) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        if len(os.fsencode(path)) < LONGEST_SOCKET_PATH:
            connection.connect(path)
            return connection
        folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
        finally:
            os.close(folder)
    except BaseException:
        connection.close()
        raise
    return connection


def _target(path: str, query: Mapping[str, Any]) -> str:
    told = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(told)}" if told else path


def _checked(document: Document, status: int) -> Document:
    """Return a document, or raise the error that it tells."""
    if document.get("kind") == "Error" or status >= 400:
        raise error_of(document.get("data"), status)
    return document


def error_of(data: Any, status: int) -> HoldfastError:
    """Return the error that the daemon told, of the class that its status tells."""
    told: Mapping[str, Any] = data if isinstance(data, dict) else {}
    build = CLASS_OF.get(status, EngineError)
    return build(
        str(told.get("code", "HF8004")),
        str(told.get("message", f"cannot read the daemon's answer: it refused with status {status}")),
        where=[_where(place) for place in told.get("where", ())],
        hint=told.get("hint"),
        errors=[error_of(part, status) for part in told.get("errors", ())],
    )


def _where(place: Mapping[str, Any]) -> Where:
    return Where(**{name: place.get(name) for name in ("line", "column", "snippet")}, path=str(place.get("path", "")))
