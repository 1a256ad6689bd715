"""Where an engine listens, as `destination.server` names it: unix:///path, tcp://host:port, ssh://user@host:port."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from holdfast.errors import Rejected

SCHEMES = ("unix://", "tcp://", "ssh://")
PLAIN_PORT, TLS_PORT = 2375, 2376
"""IANA's for Docker."""
_HOST = re.compile(r"(?:(?P<user>[A-Za-z0-9_][\w.-]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]*)(?::(?P<port>\d{1,5}))?/?")
HINT = "write unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """`path` of a unix socket, else host, and where they are named port and user."""

    text: str
    scheme: Literal["unix", "tcp", "ssh"]
    path: str = ""
    host: str = ""
    port: int | None = None
    user: str | None = None

    def __str__(self) -> str:
        return self.text


def is_address(text: str) -> bool:
    """Say whether a destination is a Docker host's."""
    return text.startswith(SCHEMES)


def read_address(text: str) -> Address:
    """Return what a text names. Raises Rejected (HF3200); an option or a shell word in the place of a host never comes through."""
    scheme, mark, rest = text.partition("://")
    if scheme == "unix" and mark and rest.startswith("/") and rest.isprintable() and ".." not in rest.split("/"):
        return Address(text=text, scheme="unix", path=rest)
    found = _HOST.fullmatch(rest) if mark and scheme in {"tcp", "ssh"} else None
    if found is None or (scheme == "tcp" and found["user"]) or not 1 <= int(found["port"] or 1) <= 65535:
        raise Rejected("HF3200", f"cannot read Docker host {text!r}: it is no address", hint=HINT)
    return Address(
        text=text,
        scheme="tcp" if scheme == "tcp" else "ssh",
        host=found["host"].strip("[]"),
        port=int(found["port"]) if found["port"] else None,
        user=found["user"],
    )
