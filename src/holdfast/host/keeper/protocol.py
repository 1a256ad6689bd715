"""What goes over the keeper's socket: names, limits, framing, field checks and refusals. Pure; shared by the keeper and its client."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 2
CONFINES = "confines"
"""What a keeper says of itself that knows network namespaces and port rules; an older one would pass over what it is asked."""
SOCKET_NAME = "keeper.sock"
LOCK_NAME = "keeper.lock"
NOTE_NAME = "keeper.log"
NOTIFY_DIR = "notify"
LINE_LIMIT = 1 << 20
"""Longest request line in bytes; a longer one ends the connection."""

NOTIFY_FIELDS = frozenset({"READY", "STATUS", "STOPPING", "RELOADING", "WATCHDOG", "ERRNO", "MAINPID", "EXTEND_TIMEOUT_USEC"})


class Refusal(Exception):
    """An answer that says no. `kind` is for programs, `message` for people; `extra` travels beside them."""

    def __init__(self, kind: str, message: str, errno: int | None = None, **extra: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.errno = errno
        self.extra = extra

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "message": self.message, "errno": self.errno, **self.extra}


class Lines:
    """Cuts a byte stream into lines; raises Refusal when one grows beyond the limit."""

    __slots__ = ("_limit", "_rest")

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, without their newline and without empty ones."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._limit or any(len(line) > self._limit for line in lines):
            raise Refusal("protocol", f"a line is longer than {self._limit} bytes")
        return [line for line in lines if line.strip()]


def encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line; raises Refusal for anything else."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Refusal("protocol", f"not a JSON line: {error}") from error
    if not isinstance(value, dict):
        raise Refusal("protocol", "a request is a JSON object")
    return value


def text(request: dict[str, Any], name: str) -> str:
    """Return a field that must be a non-empty text without NUL."""
    value = request.get(name)
    if not isinstance(value, str) or not value or "\0" in value:
        raise Refusal("request", f"field {name} must be a text")
    return value


def text_or_none(request: dict[str, Any], name: str) -> str | None:
    return None if request.get(name) is None else text(request, name)


def whole(request: dict[str, Any], name: str, default: int | None = None) -> int:
    """Return a field that must be a whole number not below zero."""
    value = request.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Refusal("request", f"field {name} must be a whole number")
    return value


def whole_or_none(request: dict[str, Any], name: str) -> int | None:
    return None if request.get(name) is None else whole(request, name)


def objects(request: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return a field that is a list of objects; absent is empty."""
    value = request.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Refusal("request", f"field {name} must be a list of objects")
    return value


def ports(request: dict[str, Any], name: str) -> list[int] | None:
    """Return a field that must be a list of TCP ports; None where it is absent, which is not the same as none."""
    value = request.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(
        isinstance(port, int) and not isinstance(port, bool) and 0 <= port <= 65535 for port in value
    ):
        raise Refusal("request", f"field {name} must be a list of ports")
    return value


def texts(request: dict[str, Any], name: str) -> list[str]:
    """Return a field that must be a list of texts without NUL."""
    value = request.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) and "\0" not in item for item in value):
        raise Refusal("request", f"field {name} must be a list of texts")
    return value


def environment(request: dict[str, Any]) -> dict[str, str]:
    """Return the complete environment of a child."""
    value = request.get("env") or {}
    if not isinstance(value, dict):
        raise Refusal("request", "field env must be an object")
    for key, item in value.items():
        if not isinstance(item, str) or not key or "=" in key or "\0" in key or "\0" in item:
            raise Refusal("request", f"environment variable {key!r} must be a text")
    return value


def notify_fields(datagram: bytes) -> dict[str, str]:
    """Return the known assignments of an sd_notify(3) datagram; others are left out, so a child cannot grow our memory."""
    pairs = (line.partition("=") for line in datagram.decode("utf-8", "replace").splitlines())
    return {key: value for key, equals, value in pairs if equals and key in NOTIFY_FIELDS}


def wait_status(status: int) -> tuple[int | None, int | None, bool]:
    """Return exit code, signal and core of a classic wait status (wait(2)); code or signal is None."""
    number = status & 0x7F
    return (None if number else status >> 8 & 0xFF), (number or None), bool(status & 0x80)
