"""World: what the rendering is told of the host: its nginx, its folders, the Edge, and the addresses that were held or looked up.

Given by the nginx engine. Pure values: the same world and the same parts give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.edge.capability import Capability
from holdfast.edge.edge_spec import EdgeSpec
from holdfast.kit.canonical import Json, digest

DOLLAR = "holdfast_dollar"
"""A constant that holds `$`, which no escape can write."""


_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_ODD_FOLDER = re.compile(r"[$\"'\\\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Folders and files of the host, absolute. The engine makes them."""

    root: str
    """Folder of the edge; all others lie beneath it where nothing else is said."""
    releases: str = "/nonexistent/releases"
    """Beneath it `<application>/current` leads to the release that is served."""
    data: str = "/nonexistent/data"
    """Beneath it the data folder of each Application."""
    authorities: str = "/etc/ssl/certs/ca-certificates.crt"
    """Certificates that the system trusts."""
    user: str | None = None
    """Who the workers run as, where the master is root."""
    http: int = 8080
    https: int = 8443
    """Ports where the Edge names none."""

    def beneath(self, *names: str) -> str:
        return "/".join((self.root, *names))

    def certificate(self, namespace: str, name: str) -> tuple[str, str]:
        """Return the paths of a certificate's chain and key. They are there from the first moment: self-signed until issued."""
        folder = self.beneath("certificates", namespace, name)
        return f"{folder}/fullchain.pem", f"{folder}/key.pem"

    def __post_init__(self) -> None:
        """ValueError for a folder whose name nginx would read something into."""
        for folder in (self.root, self.releases, self.data):
            if not folder.startswith("/") or _ODD_FOLDER.search(folder):
                raise ValueError(f"cannot keep the edge in {folder!r}: write an absolute path without $, quotes and control characters")

    def secret(self, name: str) -> str:
        """Return the path of the file that holds a secret; the name of the file is plain, whatever the secret's is."""
        return self.beneath("secrets", name if _PLAIN.fullmatch(name) else key(name))

    def flag(self, name: str) -> str:
        return self.beneath("flags", name)

    @property
    def gate(self) -> str:
        """The socket where requests wait that a pause holds back."""
        return self.beneath("gate", "gate.sock")

    @property
    def socket(self) -> str:
        """The private socket where nginx says which generation it serves."""
        return self.beneath("run", "status.sock")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything besides the parts."""

    capability: Capability
    places: Places
    edge: EdgeSpec = EdgeSpec()  # noqa: RUF009 - frozen
    slots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Service (`Process/shop/web`, `…#socket`) → addresses held for it now; before what a part was rendered with."""
    resting: frozenset[str] = frozenset()
    """Addresses among them that refuse now: nobody serves them yet, or any more."""
    spare: frozenset[str] = frozenset()
    """Addresses that refused when nginx was last told to read: it finds out by itself who serves meanwhile."""
    resolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Host name of a target → its addresses, where nginx cannot follow names itself."""
    out: frozenset[str] = frozenset()
    """Flags of targets that do not pass their health check (`target_health.flag_of`)."""
    certificates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """`namespace/name` of each declared Certificate → its hosts."""

    @property
    def http_port(self) -> int:
        return self.edge.http if self.edge.http is not None else self.places.http

    @property
    def https_port(self) -> int:
        return self.edge.https if self.edge.https is not None else self.places.https


_ODD = re.compile(r"[^a-z0-9]+")


def key(label: str, *more: Json) -> str:
    """Return a name for variables, zones and upstreams: readable, and no other's."""
    slug = _ODD.sub("_", label.lower()).strip("_")[:40].strip("_")
    return f"{slug}_{digest([label, *more])[:8]}"


def literal(value: str) -> str:
    """Return a value that nginx reads as it stands, also where it looks for variables."""
    return value.replace("$", f"${{{DOLLAR}}}")


def seconds(duration: float) -> str:
    """Return a duration as nginx reads it."""
    millis = round(duration * 1000)
    return f"{millis // 1000}s" if millis % 1000 == 0 else f"{millis}ms"
