"""Charts in a registry through the Git port: a real CNCF Distribution, whose tags are versions and whose layers are archives."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from aiohttp import web
from tests.engines.registry_stage import PASSWORD, USER, Registry, basic, password_file, registry

from holdfast.app.mirrors import mirrors
from holdfast.engines.registry.client import RegistryClient
from holdfast.errors import HoldfastError, Refused, SourceError, Unavailable
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.config import Layer, Source, resolve
from holdfast.host.registry_credentials import Credentials
from holdfast.kit.image_reference import ImageReference
from holdfast.kit.secret import Secret
from holdfast.model.chart import ChartAddress
from holdfast.source.git import MirroredGit
from holdfast.testing.contracts.git import refuses
from holdfast.testing.helm_repository import CREATED, chart_files, packed

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "go")]
WHEN = "2023-11-14T22:13:20Z"


def archive(version: str, greeting: str = "hello") -> bytes:
    return packed(chart_files("nginx", version, {"values.yaml": f"greeting: {greeting}\n"}), "nginx")


def address(it: Registry, chart: str = "nginx") -> str:
    return ChartAddress.of(f"{it.name}/charts", chart).text


def told(
    folder: Path, story: Callable[[MirroredGit], Awaitable[None]], *, private: tuple[str, ...] = ("127.0.0.1",), **environ: str
) -> None:
    """Run a story with the port that a daemon has, by a configuration that names what may be private."""
    config = resolve([Layer(source=Source.SYSTEM, name="test", values={"charts.private": list(private)})])

    async def whole() -> None:
        environment: Mapping[str, str] = {"PATH": os.environ["PATH"], "HOME": str(folder), **environ}
        git = mirrors(folder, config, environment, is_local=lambda path: False, clock=RealClock(), random=RealRandom())
        try:
            async with asyncio.timeout(60):
                await story(git)
        finally:
            await git.close()

    asyncio.run(whole())


async def refusal(git: MirroredGit, repository: str, revision: str) -> HoldfastError:
    with pytest.raises((SourceError, Refused)) as raised:
        await git.resolve(repository, revision)
    return raised.value


def test_tags_are_versions_and_ranges_follow_them(tmp_path: Path) -> None:
    with registry() as it:
        it.push_chart("charts/nginx", "1.2.0", archive("1.2.0"), created=WHEN)
        it.push_chart("charts/nginx", "1.2.1_build.7", archive("1.2.1+build.7"))
        it.push_chart("charts/nginx", "latest", archive("9.9.9"))

        async def story(git: MirroredGit) -> None:
            first = await git.resolve(address(it), "1.2.0")
            assert (first.ref, first.subject, first.committed_at) == ("1.2.0", "chart nginx 1.2.0", CREATED)
            newest = await git.resolve(address(it), "1.x")
            assert newest.ref == "1.2.1+build.7"
            assert await git.is_ancestor(address(it), first.commit, newest.commit)
            blob = (await git.tree(newest, "")).blobs["values.yaml"]
            assert await git.read(address(it), [blob.id]) == {blob.id: b"greeting: hello\n"}
            it.push_chart("charts/nginx", "1.3.0", archive("1.3.0"))
            assert (await git.resolve(address(it), "1.x")).ref == "1.3.0"
            error = await refusal(git, address(it), "^2")
            assert (error.code, error.hint) == ("HF4074", "the newest are 1.3.0, 1.2.1+build.7, 1.2.0")
            assert (await refusal(git, address(it, "apache"), "*")).code == "HF4073"

        told(tmp_path, story)


def test_a_tag_that_is_another_chart_now_is_told_and_not_taken(tmp_path: Path) -> None:
    with registry() as it:
        it.push_chart("charts/nginx", "1.2.0", archive("1.2.0"))
        it.push("charts/nginx", ["1.4.0"])

        async def story(git: MirroredGit) -> None:
            revision = await git.resolve(address(it), "1.2.0")
            it.push_chart("charts/nginx", "1.2.0", archive("1.2.0", "hostile"))
            assert (await refusal(git, address(it), "1.2.0")).code == "HF4079"
            assert (await git.resolve(address(it), revision.commit)).commit == revision.commit
            assert (await refusal(git, address(it), "1.4.0")).code == "HF4078"
            it.push_chart("charts/nginx", "1.5.0", archive("1.5.1"))
            assert (await refusal(git, address(it), "1.5.0")).code == "HF4078"
            it.stop()
            assert (await git.resolve(address(it), "1.2.0")).commit == revision.commit
            await refuses("HF4070", git.resolve(address(it), "1.x"))

        told(tmp_path, story)


@pytest.mark.needs("htpasswd")
def test_a_private_registry_is_asked_with_what_helm_keeps(tmp_path: Path) -> None:
    with registry(auth=password_file(tmp_path)) as it:
        it.login(basic())
        it.push_chart("charts/nginx", "1.2.0", archive("1.2.0"))

        async def nobody(git: MirroredGit) -> None:
            error = await refusal(git, address(it), "*")
            assert (error.code, "helm registry login" in (error.hint or "")) == ("HF4071", True)

        told(tmp_path / "a", nobody)
        (tmp_path / "login.json").write_text(json.dumps({"auths": {it.name: {"username": USER, "password": PASSWORD}}}))

        async def known(git: MirroredGit) -> None:
            assert (await git.resolve(address(it), "*")).ref == "1.2.0"

        told(tmp_path / "b", known, HELM_REGISTRY_CONFIG=str(tmp_path / "login.json"))


def test_a_registry_on_a_private_address_is_not_asked_unasked(tmp_path: Path) -> None:
    with registry() as it:
        it.push_chart("charts/nginx", "1.2.0", archive("1.2.0"))

        async def story(git: MirroredGit) -> None:
            error = await refusal(git, address(it), "*")
            assert (error.code, "charts.private" in (error.hint or "")) == ("HF4080", True)

        told(tmp_path, story, private=())


def test_a_layer_may_lie_elsewhere_which_gets_no_credentials() -> None:
    data = archive("1.2.0")
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    asked: list[tuple[str, bool]] = []
    places = iter(("/moved", "/moved", "ftp://127.0.0.1/moved"))

    async def serve(request: web.Request) -> web.StreamResponse:
        asked.append((request.path, "Authorization" in request.headers))
        if request.path == "/moved":
            return web.Response(body=data)
        if "Authorization" not in request.headers:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="charts"'})
        raise web.HTTPTemporaryRedirect(location=next(places))

    async def credentials(registry: str) -> Credentials:
        return Credentials(user=USER, secret=Secret(PASSWORD))

    async def story() -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", serve)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        client = RegistryClient(credentials=credentials, clock=RealClock())
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            image = ImageReference.parse("{}:{}/charts/nginx".format(*runner.addresses[0][:2]))
            assert await client.blob(image, digest, limit=1 << 20) == data
            layer = f"/v2/charts/nginx/blobs/{digest}"
            assert asked == [(layer, False), (layer, True), ("/moved", False)]
            with pytest.raises(Unavailable, match="more than 10 bytes"):
                await client.blob(image, digest, limit=10)
            with pytest.raises(Unavailable, match="no https:// address"):
                await client.blob(image, digest, limit=1 << 20)
        finally:
            await client.aclose()
            await runner.cleanup()

    asyncio.run(story())
