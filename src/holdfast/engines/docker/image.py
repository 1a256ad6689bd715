"""Images: from what Git names to one image at the host, fetched where it must be, and pinned: what an Application was first brought up with
is what a heal brings up again, whatever the tag means by then.

A pin belongs to a declared resource and holds until Git names another image, or says `always` and another operation comes.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from holdfast.engines.docker.failure import plain, said_no
from holdfast.engines.docker.host import DockerHost
from holdfast.errors import Rejected
from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Records

HUB = "docker.io"
HUB_KEY = "https://index.docker.io/v1/"
"""How Docker's configuration file calls it."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
FRESH = frozenset({"always", "refresh", "daily", "weekly", "build"})
"""Policies under which each operation looks at the registry anew; `every_…` too."""
Progress = Callable[[str], None]


class Credentials(Protocol):
    """Who we are at a registry: `{username, password}` or `{identitytoken}`, None for nobody."""

    def of(self, registry: str) -> Mapping[str, str] | None: ...


class Nobody:
    def of(self, registry: str) -> Mapping[str, str] | None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`registry/repository:tag` or `…@sha256:…`, with what Docker implies filled in."""

    registry: str
    repository: str
    tag: str
    digest: str | None = None

    @property
    def name(self) -> str:
        return self.repository if self.registry == HUB else f"{self.registry}/{self.repository}"


def read_reference(text: str) -> Reference:
    """Return what the name of an image means (distribution `reference`). Raises Rejected (HF3206) where it is none."""
    rest, _, digest = text.partition("@")
    head, slash, tail = rest.partition("/")
    is_registry = bool(slash) and ("." in head or ":" in head or head == "localhost")
    registry, path = (head, tail) if is_registry else (HUB, rest)
    repository, colon, tag = path.rpartition(":")
    if not colon:
        repository, tag = path, "latest"
    registry = HUB if registry == "index.docker.io" else registry
    if not re.fullmatch(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*", repository) or not re.fullmatch(r"[\w][\w.-]{0,127}", tag):
        raise Rejected("HF3206", f"cannot find image {plain(text)}: it is no name of an image", hint="names are lower case")
    if digest and not _DIGEST.fullmatch(digest):
        raise Rejected("HF3206", f"cannot find image {plain(text)}: {plain(digest)} is no digest", hint="write name@sha256:…")
    return Reference(registry=registry, repository=repository, tag=tag, digest=digest or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What a declared resource runs: the image as Git names it, its id, and the digest that a registry knows it by."""

    reference: str
    id: str
    digest: str | None
    operation: str

    def to_json(self) -> dict[str, Json]:
        return {"reference": self.reference, "id": self.id, "digest": self.digest, "operation": self.operation}


class Images:
    """`records` is a space of its own."""

    def __init__(self, *, records: Records, credentials: Credentials) -> None:
        self._records = records
        self._credentials = credentials

    def pin(self, declared: ResourceId) -> Pin | None:
        found: Any = self._records.get("\n".join(declared))
        return Pin(**found) if isinstance(found, dict) else None

    async def forget(self, declared: ResourceId) -> None:
        if self._records.get("\n".join(declared)) is not None:
            await self._records.drop("\n".join(declared))

    def pins(self) -> tuple[Pin, ...]:
        """Return all that is pinned: no prune may take one away."""
        found: Any = self._records.all().values()
        return tuple(Pin(**each) for each in found)

    async def pinned(
        self, host: DockerHost, declared: ResourceId, reference: str, policy: str, operation: str, progress: Progress, platform: str | None
    ) -> Mapping[str, Any]:
        """Return the image to run (ImageInspect), fetched if need be. Raises Rejected HF3206 and HF3207, and what the engine raises."""
        pin = self.pin(declared)
        is_held = pin is not None and pin.reference == reference and (pin.operation == operation or not _is_fresh(policy))
        if pin is not None and is_held and (again := await self._again(host, pin, policy, progress)) is not None:
            return again
        found = await self._resolved(host, reference, policy, progress, platform)
        await self._put(declared, Pin(reference=reference, id=found["Id"], digest=_digest_of(found, reference), operation=operation))
        return found

    async def adopt(self, declared: ResourceId, reference: str, image: Mapping[str, Any]) -> None:
        """Pin what a container that was taken over runs."""
        if self.pin(declared) is None:
            await self._put(declared, Pin(reference=reference, id=image["Id"], digest=_digest_of(image, reference), operation="adopted"))

    async def _put(self, declared: ResourceId, pin: Pin) -> None:
        await self._records.put("\n".join(declared), pin.to_json())

    async def _again(self, host: DockerHost, pin: Pin, policy: str, progress: Progress) -> Mapping[str, Any] | None:
        host.forget_image(pin.id)  # somebody may have removed it
        found = await host.image(pin.id)
        if found is not None or pin.digest is None or policy == "never":
            return found
        named = read_reference(pin.reference)
        return await self._pulled(host, f"{named.name}@{pin.digest}", progress, None)

    async def _resolved(self, host: DockerHost, reference: str, policy: str, progress: Progress, platform: str | None) -> Mapping[str, Any]:
        read_reference(reference)
        local = await host.image(reference)
        if local is not None and not _is_fresh(policy):
            return local
        if policy in {"never", "build"}:
            if local is not None:
                return local
            hint = "bring it to the Docker host, or leave pullPolicy out"
            raise Rejected(
                "HF3206", f"cannot find image {reference}: it is not at the host, and its policy is never to fetch it", hint=hint
            )
        return await self._pulled(host, reference, progress, platform)

    async def _pulled(self, host: DockerHost, reference: str, progress: Progress, platform: str | None) -> Mapping[str, Any]:
        """Fetch an image, saying how far it is."""
        named = read_reference(reference)
        doing = f"fetch image {reference}"
        query: dict[str, str | int | bool | Json] = {"fromImage": named.name, "tag": named.digest or named.tag}
        if platform is not None:
            query["platform"] = platform
        layers: dict[str, tuple[int, int]] = {}
        progress(f"fetching {reference}")
        async with aclosing(host.api.messages("POST", doing, "/images/create", query, headers=self._who(named.registry))) as messages:
            async for said in messages:
                if "error" in said:
                    raise said_no(doing, plain(said["error"]))
                detail = said.get("progressDetail") or {}
                if said.get("status") == "Downloading" and "total" in detail:
                    layers[str(said.get("id"))] = (int(detail.get("current") or 0), int(detail["total"]))
                    progress(_far(reference, layers))
        found = await host.image(reference)
        if found is None:
            raise Rejected("HF3206", f"cannot fetch image {reference}: the engine fetched it, and does not have it")
        return found

    def _who(self, registry: str) -> dict[str, str]:
        known = self._credentials.of(registry)
        if known is None:
            return {}
        said = {**known, "serveraddress": HUB_KEY if registry == HUB else registry}
        return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(said).encode()).decode()}


def _is_fresh(policy: str) -> bool:
    return policy in FRESH or policy.startswith("every_")


def _digest_of(image: Mapping[str, Any], reference: str) -> str | None:
    """Return the digest that the registry knows an image by; of several the one of its own name."""
    name = read_reference(reference).name
    known = [str(each).partition("@") for each in image.get("RepoDigests") or ()]
    return next((digest for of, _, digest in known if of == name), known[0][2] if known else None)


def _far(reference: str, layers: Mapping[str, tuple[int, int]]) -> str:
    done, whole = (sum(each[at] for each in layers.values()) for at in (0, 1))
    return f"fetching {reference}: {done * 100 // max(whole, 1)} % of {whole / 1e6:.1f} MB"
