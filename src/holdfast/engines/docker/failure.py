"""What an engine answers instead of what was asked for, as the house's errors.

The words come from outside: they are shortened and rid of control characters before a person sees them. Docker says 500 for much that is
no defect of its own (a port that is taken, a full disk), so its words are read where the status says too little (moby `errdefs`).
"""

from __future__ import annotations

import re
from typing import Any

from holdfast.errors import Conflict, EngineError, Rejected, Unavailable

LONGEST = 400
_TAKEN = re.compile(r"(?:Bind for|listen (?:tcp|udp)\w*|bind(?:ing)? .*?)\s*(?P<address>[\d.:\[\]a-f]*:\d+)")
_NAME = re.compile(r'The container name "?/?(?P<name>[^"]+)"? is already in use by container "?(?P<id>[0-9a-f]{12,64})')
_NO_PLATFORM = re.compile(r"no matching manifest for|does not match the specified platform|does not provide the specified platform")
_NO_IMAGE = re.compile(
    r"no such image|manifest (?:unknown|for .* not found)|not found: manifest|repository .* not found|does not exist", re.IGNORECASE
)
_DENIED = re.compile(r"unauthorized|authentication required|pull access denied|denied: |incorrect username or password", re.IGNORECASE)
_IN_USE = re.compile(r"volume is in use|has active endpoints|in use by|is being used", re.IGNORECASE)


_CLOSING = re.compile(
    r"connection is closing|transport is closing|context canceled|failed to update store for object|error while dialing|shutting down"
)
"""What an engine says that is about to end, or has just begun."""
_STALE = re.compile(r"endpoint with name \S+ already exists in network (?P<network>\S+)")


class Stale(Unavailable):
    """A network still holds an endpoint of a container that ended with its engine: it must be taken off by force first."""

    def __init__(self, message: str, *, network: str) -> None:
        super().__init__("HF3204", message)
        self.network = network


class Missing(Rejected):
    """The engine has nothing of that name."""


class NameTaken(Conflict):
    """A container of that name is there: `holder` is its id."""

    def __init__(self, message: str, *, holder: str, hint: str | None = None) -> None:
        super().__init__("HF3211", message, hint=hint)
        self.holder = holder


class PortTaken(Rejected):
    """A port of the host is somebody else's: `address` as Docker writes it, "" where it did not say."""

    def __init__(self, message: str, *, address: str, hint: str | None = None) -> None:
        super().__init__("HF3208", message, hint=hint)
        self.address = address


def plain(text: object) -> str:
    """Return foreign text as one short line that can be shown."""
    line = "".join(letter if letter.isprintable() else " " for letter in str(text)[: LONGEST * 2])
    line = " ".join(line.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def error_of(doing: str, status: int, document: Any) -> EngineError:
    """Return the error of an answer with `status`, whose document is `{"message": …}`; `doing` is a verb and its object."""
    said = plain(document.get("message") if isinstance(document, dict) else document or f"status {status}")
    return said_no(doing, said, status)


def said_no(doing: str, said: str, status: int = 500) -> EngineError:
    """Return the error of what an engine said, in a message or in a stream."""
    message = f"cannot {doing}: {said[:1].lower()}{said[1:]}"
    if found := _NAME.search(said):
        hint = f"remove or rename container {found['name']}, or name yours otherwise"
        return NameTaken(f"cannot {doing}: its name {found['name']} is taken", holder=found["id"], hint=hint)
    if "port is already allocated" in said or "address already in use" in said:
        taken = _TAKEN.search(said)
        address = (taken["address"] or "") if taken else ""
        return PortTaken(message, address=address, hint="free the port, or publish another one")
    if (stale := _STALE.search(said)) is not None:
        return Stale(message, network=stale["network"].rstrip("."))
    if _CLOSING.search(said):
        return Unavailable("HF3201", message)
    if "no space left on device" in said:
        return Unavailable("HF3210", message, hint="free space on the disk of the Docker host: `docker system df` says what takes it")
    if _DENIED.search(said):
        return Rejected("HF3207", message, hint="check the image's name, and `docker login` as the user that Holdfast runs as")
    if _NO_PLATFORM.search(said):
        return Rejected("HF3206", message, hint="name a platform that there is of this image, or build it for that one")
    if "image" in doing and _NO_IMAGE.search(said):
        return Rejected("HF3206", message, hint="check name and tag, and whether this host reaches the registry")
    if status == 404:
        return Missing("HF3205", message)
    if _IN_USE.search(said):
        return Conflict("HF3209", message, hint="what uses it must go first")
    if status == 409:
        return Conflict("HF3204", message)
    if status == 503:
        return Unavailable("HF3201", message)
    return Rejected("HF3203", message)
