"""Images: from what Git names to one image at the host, fetched where it must be, and pinned: what an Application was first brought up with
is what a heal brings up again, whatever the tag means by then.

A pin belongs to a declared resource and holds until Git names another image, or says `always` and another operation comes. What a plan told
of is fetched by just that digest (`forecasting`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from holdfast.engines.docker.failure import plain, said_no
from holdfast.engines.docker.host import DockerHost
from holdfast.engines.docker.keeping import Keeping
from holdfast.engines.docker.platform import fits
from holdfast.errors import Rejected
from holdfast.host.registry_credentials import Credentials as RegistryUser
from holdfast.host.registry_credentials import key_of
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.kit.image_reference import ImageReference
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Records

FRESH = frozenset({"always", "refresh", "daily", "weekly", "build"})
"""Policies under which each operation looks at the registry anew; `every_…` too."""
FORECAST_S = 86400.0
"""How long what a plan told of a tag holds."""
LATEST = "latest"
Progress = Callable[[str], None]


class Credentials(Protocol):
    """Who we are at a registry; None: anybody (`host.registry_credentials`)."""

    async def of(self, registry: str) -> RegistryUser | None: ...


class Nobody:
    async def of(self, registry: str) -> RegistryUser | None:
        return None


def read_reference(text: str) -> ImageReference:
    """Return what the name of an image means. Raises Rejected (HF3206) where it is none."""
    try:
        return ImageReference.parse(text)
    except ValueError as error:
        raise Rejected("HF3206", plain(error), hint="write name:tag, or name@sha256:…") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What a declared resource runs: the image as Git names it, its id, and the digest that a registry knows it by."""

    reference: str
    id: str
    digest: str | None
    operation: str

    def to_json(self) -> dict[str, Json]:
        return {"reference": self.reference, "id": self.id, "digest": self.digest, "operation": self.operation}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a plan told that a resource will run: the image as Git names it, and which one that was then: by digest, else by id."""

    reference: str
    digest: str | None
    id: str | None
    at: float
    """When that was told, in seconds since the epoch."""

    def to_json(self) -> dict[str, Json]:
        return {"reference": self.reference, "digest": self.digest, "id": self.id, "at": self.at}


class Images:
    """`records` and `forecasts` are spaces of their own; `forecasts` is written by plans."""

    def __init__(self, *, records: Records, forecasts: Records, credentials: Credentials, keeping: Keeping, clock: Clock) -> None:
        self._records = records
        self._forecasts = forecasts
        self._credentials = credentials
        self._keeping = keeping
        self._clock = clock

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
        is_held = pin is not None and pin.reference == reference and (pin.operation == operation or not is_fresh(policy))
        if pin is not None and is_held and (again := await self._again(host, pin, policy, progress, platform)) is not None:
            return again
        told = self.forecast_of(declared, reference)
        found, is_new = await self._resolved(host, reference, policy, progress, platform, told)
        digest = digest_of(found, reference) or (told.digest if told else None)
        await self.hold(declared, reference, found, operation, digest=digest, names=(reference,), is_brought=is_new)
        return found

    def is_held(self, declared: ResourceId, reference: str, policy: str) -> Pin | None:
        """Return the pin by which a resource runs, where the next operation holds to it too."""
        pin = self.pin(declared)
        return pin if pin is not None and pin.reference == reference and not is_fresh(policy) else None

    async def hold(
        self,
        declared: ResourceId,
        reference: str,
        image: Mapping[str, Any],
        operation: str,
        *,
        digest: str | None,
        names: tuple[str, ...],
        is_brought: bool,
    ) -> None:
        """Pin an image, by the names that it has by us; what a plan told is fulfilled. `is_brought`: whether it came to the host now."""
        await self._put(declared, Pin(reference=reference, id=image["Id"], digest=digest, operation=operation))
        await self._keeping.ran(declared, str(image["Id"]), names, is_brought=is_brought)
        if self._forecasts.get("\n".join(declared)) is not None:
            await self._forecasts.drop("\n".join(declared))

    def forecast_of(self, declared: ResourceId, reference: str) -> Forecast | None:
        """Return what a plan told of a resource, where it still means what Git names and is not too long ago."""
        found: Any = self._forecasts.get("\n".join(declared))
        told = Forecast(**found) if isinstance(found, dict) else None
        is_good = told is not None and told.reference == reference and self._clock.now() - told.at < FORECAST_S
        return told if is_good else None

    async def promise(self, declared: ResourceId, told: Forecast) -> None:
        await self._forecasts.put("\n".join(declared), told.to_json())

    async def adopt(self, declared: ResourceId, reference: str, image: Mapping[str, Any]) -> None:
        """Pin what a container that was taken over runs."""
        if self.pin(declared) is None:
            await self._put(declared, Pin(reference=reference, id=image["Id"], digest=digest_of(image, reference), operation="adopted"))
            await self._keeping.ran(declared, str(image["Id"]), (), is_brought=False)

    async def _put(self, declared: ResourceId, pin: Pin) -> None:
        await self._records.put("\n".join(declared), pin.to_json())

    async def _again(self, host: DockerHost, pin: Pin, policy: str, progress: Progress, platform: str | None) -> Mapping[str, Any] | None:
        """Return what is pinned, fetched again where somebody removed it; None where it cannot be, or Git asks for another platform now."""
        host.forget_image(pin.id)
        found = await host.image(pin.id)
        if found is not None or pin.digest is None or policy == "never":
            return found if found is None or fits(found, platform) else None
        again, _ = await self._exactly(host, pin.reference, pin.digest, progress, platform)
        return again

    async def _resolved(
        self, host: DockerHost, reference: str, policy: str, progress: Progress, platform: str | None, told: Forecast | None
    ) -> tuple[Mapping[str, Any], bool]:
        """Return the image and whether it came to the host now."""
        named = read_reference(reference)
        if told is not None and told.id is not None and (known := await host.image(told.id)) is not None and fits(known, platform):
            return known, False
        if told is not None and told.digest is not None and policy != "never":
            found, is_new = await self._exactly(host, reference, told.digest, progress, platform)
            if named.digest is None:
                await self.call(host, str(found["Id"]), reference)
            return found, is_new
        local = await host.image(reference)
        if local is not None and not fits(local, platform):
            local = None
        if local is not None and (policy in {"never", "build"} or not is_fresh(policy)):
            return local, False
        if policy in {"never", "build"}:
            what = f"{reference} for {platform}" if platform else reference
            hint = "bring it to the Docker host, or leave pullPolicy out"
            raise Rejected("HF3206", f"cannot find image {what}: it is not at the host, and its policy is never to fetch it", hint=hint)
        return await self._pulled(host, reference, progress, platform)

    async def _exactly(
        self, host: DockerHost, reference: str, digest: str, progress: Progress, platform: str | None
    ) -> tuple[Mapping[str, Any], bool]:
        """Return the image of a digest, and whether it came to the host now.

        An engine keeps one image by the digest of an index. Where that is of another platform, this one is fetched by its name, as long as
        the registry means the same by it.
        """
        exact = f"{read_reference(reference).familiar_name}@{digest}"
        here = await host.image(exact)
        if here is None:
            return await self._pulled(host, exact, progress, platform)
        if fits(here, platform):
            return here, False
        if await self.asked(host, reference) != digest:
            message = f"cannot fetch image {exact} for {platform}: the host has it for another platform, and {reference} is another by now"
            raise Rejected("HF3206", message, hint=f"remove {exact} from the Docker host, or plan again")
        return await self._pulled(host, reference, progress, platform)

    async def call(self, host: DockerHost, id: str, name: str) -> None:
        """Give an image one more name."""
        named = read_reference(name)
        await host.api.post(f"name image {name}", f"/images/{id}/tag", {"repo": named.familiar_name, "tag": named.tag or LATEST})

    async def asked(self, host: DockerHost, reference: str) -> str:
        """Return the digest that the registry has under a name now, as the engine of the host sees it. Raises what that raises."""
        named = read_reference(reference)
        doing = f"ask for the digest of image {reference}"
        path = f"/distribution/{named.familiar_name}:{named.wanted}/json"
        said = await host.api.get(doing, path, headers=await self._who(named.registry))
        return str((said.get("Descriptor") or {}).get("digest") or "")

    async def _pulled(self, host: DockerHost, reference: str, progress: Progress, platform: str | None) -> tuple[Mapping[str, Any], bool]:
        """Fetch an image, saying how far it is; return it, and whether it was not at the host before."""
        named = read_reference(reference)
        doing = f"fetch image {reference}"
        query: dict[str, str | int | bool | Json] = {"fromImage": named.familiar_name, "tag": named.wanted}
        if platform is not None:
            query["platform"] = platform
        layers: dict[str, tuple[int, int]] = {}
        progress(f"fetching {reference}")
        before = {str(each.get("Id")) for each in await host.images()}
        async with aclosing(host.api.messages("POST", doing, "/images/create", query, headers=await self._who(named.registry))) as messages:
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
        return found, str(found["Id"]) not in before

    async def _who(self, registry: str) -> dict[str, str]:
        """Return who we are, as the engine passes it on: base64 of JSON (Docker Engine API, Authentication)."""
        known = await self._credentials.of(registry)
        if known is None:
            return {}
        said = {**authorization(known), "serveraddress": key_of(registry)}
        return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(said).encode()).decode()}


def authorization(user: RegistryUser) -> dict[str, str]:
    """Return who we are at a registry, in Docker's words."""
    secret = user.secret.reveal()
    return {"identitytoken": secret} if user.is_token else {"username": user.user, "password": secret}


def is_fresh(policy: str) -> bool:
    """Say whether each operation looks at the registry anew."""
    return policy in FRESH or policy.startswith("every_")


def digest_of(image: Mapping[str, Any], reference: str) -> str | None:
    """Return the digest that the registry knows an image by; of several the one of its own name."""
    name = read_reference(reference).familiar_name
    known = [str(each).partition("@") for each in image.get("RepoDigests") or ()]
    return next((digest for of, _, digest in known if of == name), known[0][2] if known else None)


def _far(reference: str, layers: Mapping[str, tuple[int, int]]) -> str:
    done, whole = (sum(each[at] for each in layers.values()) for at in (0, 1))
    return f"fetching {reference}: {done * 100 // max(whole, 1)} % of {whole / 1e6:.1f} MB"
