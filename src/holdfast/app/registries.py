"""The way to image registries as this host is configured, and questions to them without a daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from holdfast.engines.registry.client import Ask, RegistryClient, is_loopback
from holdfast.errors import HoldfastError
from holdfast.host.clock import RealClock
from holdfast.host.config import Config
from holdfast.host.helm_credentials import helm_registry_path
from holdfast.host.reach import allowed_places
from holdfast.host.registry_credentials import Credentials, RegistryCredentials, config_path
from holdfast.kit.clock import Clock
from holdfast.kit.image_reference import ImageReference
from holdfast.kit.tasks import all_of


def registry_client(config: Config, environ: Mapping[str, str], clock: Clock, *, is_guarded: bool = True) -> RegistryClient:
    """Return a client with the credentials of the user that runs this, whose helpers are found by the configured PATH too."""
    helpers = {**environ, "PATH": ":".join(part for part in (environ.get("PATH", ""), config.path) if part)}
    return registry_client_with(RegistryCredentials(config_path(environ), helpers).of, config, clock, is_guarded=is_guarded)


def chart_registries(config: Config, environ: Mapping[str, str], clock: Clock) -> RegistryClient:
    """Return a client for charts: with the credentials of `helm registry login`, else of `docker login`, and its own private addresses."""
    helpers = {**environ, "PATH": ":".join(part for part in (environ.get("PATH", ""), config.path) if part)}
    helm, docker = (RegistryCredentials(path, helpers) for path in (helm_registry_path(environ), config_path(environ)))

    async def credentials(registry: str) -> Credentials | None:
        return await helm.of(registry) or await docker.of(registry)

    plain = frozenset(config.plain_registries)
    return RegistryClient(
        credentials=credentials,
        clock=clock,
        is_plain=lambda registry: registry in plain or is_loopback(registry),
        may_reach=allowed_places((*config.plain_registries, *config.private_chart_hosts)),
    )


def registry_client_with(credentials: Ask, config: Config, clock: Clock, *, is_guarded: bool = True) -> RegistryClient:
    """Return a client with credentials of its own; `is_guarded`: Git says whom it asks, and private addresses must be allowed here."""
    plain = frozenset(config.plain_registries)
    return RegistryClient(
        credentials=credentials,
        clock=clock,
        is_plain=lambda registry: registry in plain or is_loopback(registry),
        may_reach=allowed_places((*config.plain_registries, *config.private_registries)) if is_guarded else None,
    )


def digests(
    images: Iterable[ImageReference], *, config: Config, environ: Mapping[str, str]
) -> tuple[dict[ImageReference, str], dict[ImageReference, HoldfastError]]:
    """Ask registries for the digest of each image, all at once; return those that answered, and why the others did not."""
    return asyncio.run(_digests(tuple(dict.fromkeys(images)), config, environ))


async def _digests(
    images: tuple[ImageReference, ...], config: Config, environ: Mapping[str, str]
) -> tuple[dict[ImageReference, str], dict[ImageReference, HoldfastError]]:
    found: dict[ImageReference, str] = {}
    failed: dict[ImageReference, HoldfastError] = {}
    client = registry_client(config, environ, RealClock(), is_guarded=False)  # a person asks

    async def ask(image: ImageReference) -> None:
        try:
            found[image] = await client.digest(image)
        except HoldfastError as error:
            failed[image] = error

    try:
        await all_of(*map(ask, images))
    finally:
        await client.aclose()
    return found, failed
