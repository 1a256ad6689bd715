"""Charts in registries of images, as `source.chart` has its shelves (Helm: OCI registries): each version is a tag, its archive a layer.

A tag cannot hold a `+`, which Helm writes as `_` there (Helm `pkg/registry`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from holdfast.engines.registry.client import RegistryClient
from holdfast.errors import EngineError, Refused, SourceError
from holdfast.kit.image_reference import ImageReference, is_digest
from holdfast.model.chart import ChartAddress
from holdfast.source.chart.index import Release, instant
from holdfast.source.chart.shelf import is_version
from holdfast.source.limits import Limits

LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
CREATED = "org.opencontainers.image.created"
_CODES: Mapping[str, str] = {"HF3240": "HF4073", "HF3241": "HF4071"}


class RegistryShelf:
    """Implements `source.chart.shelf.Shelf`."""

    def __init__(self, client: RegistryClient, limits: Limits | None = None) -> None:
        self._client = client
        self._limits = limits or Limits()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def releases(self, address: ChartAddress) -> Mapping[str, Release]:
        with _told(address):
            tags = await self._client.tags(_image(address))
        versions = {tag.replace("_", "+"): tag for tag in tags}
        return {version: Release(version=version, urls=(tag,)) for version, tag in versions.items() if is_version(version)}

    async def complete(self, address: ChartAddress, release: Release) -> Release:
        """Return a version with the digest of its archive, which its manifest says."""
        with _told(address):
            data = await self._client.manifest(_image(address).with_tag(release.urls[0]))
        try:
            manifest: Any = json.loads(data)
            layers = [layer["digest"] for layer in manifest["layers"] if layer["mediaType"] == LAYER]
            created = (manifest.get("annotations") or {}).get(CREATED)
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            layers, created = [], None
        if len(layers) != 1 or not isinstance(layers[0], str) or not layers[0].startswith("sha256:") or not is_digest(layers[0]):
            reason = "what the registry has under its tag is no chart"
            raise SourceError("HF4078", f"cannot use {address.chart} {release.version} of {address.repository}: {reason}")
        return replace(release, digest=layers[0].removeprefix("sha256:"), created_at=instant(created))

    async def archive(self, address: ChartAddress, release: Release) -> bytes:
        with _told(address):
            return await self._client.blob(_image(address), f"sha256:{release.digest}", limit=self._limits.archive)


def _image(address: ChartAddress) -> ImageReference:
    try:
        return ImageReference.parse(f"{address.repository.removeprefix('oci://')}/{address.chart}")
    except ValueError as error:
        raise SourceError("HF4001", f"cannot read {address.subject}: {error}", hint="write registry.example/path and a chart") from error


@contextmanager
def _told(address: ChartAddress) -> Iterator[None]:
    """Tell what a registry says as what it is for a chart."""
    try:
        yield
    except EngineError as error:
        if error.code == "HF3247":
            host = address.host
            hint = f"where that is right, name {host} in charts.private of the local configuration"
            raise Refused("HF4080", f"cannot read {address.subject}: {error.message}", hint=hint) from error
        code = _CODES.get(error.code, "HF4070")
        login = "`helm registry login` or `docker login`, as the user that runs Holdfast"
        raise SourceError(
            code, f"cannot read {address.subject}: {error.message}", hint=login if code == "HF4071" else error.hint
        ) from error
