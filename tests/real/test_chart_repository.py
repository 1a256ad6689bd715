"""Charts of Helm repositories through the Git port: a real server on loopback, real mirrors, and what the two must never do to a host."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from holdfast.errors import HoldfastError, Refused, SourceError
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.helm_credentials import HelmRepositories
from holdfast.host.reach import allowed_places
from holdfast.model.chart import ChartAddress
from holdfast.source.chart.charts import Charts
from holdfast.source.chart.shelf import HelmShelf
from holdfast.source.chart.web import Web
from holdfast.source.command import GitSettings
from holdfast.source.git import GitPolicy, MirroredGit
from holdfast.source.limits import Limits
from holdfast.testing.contracts.git import refuses
from holdfast.testing.helm_repository import CREATED, HelmRepository, chart_files, packed

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]

DEADLINE_S = 60.0
Story = Callable[["World"], Awaitable[None]]


class World:
    """One Helm repository on loopback, and a port that reads it; `again` makes another port on the same state."""

    def __init__(self, folder: Path, limits: Limits, poll_s: float) -> None:
        self.folder = folder
        self.limits = limits
        self.poll_s = poll_s
        self.served = HelmRepository()
        self.places: tuple[str, ...] = ("127.0.0.1",)
        self.is_http_allowed = True
        self.origin = ""
        self.git = self.again()

    @property
    def chart(self) -> str:
        return self.address("nginx")

    def address(self, name: str) -> str:
        return ChartAddress.of(f"{self.origin}/stable", name).text

    def again(self) -> MirroredGit:
        clock, random = RealClock(), RealRandom()
        web = Web(allow_http=lambda url: self.is_http_allowed, may_reach=self._may_reach)
        shelf = HelmShelf(web, HelmRepositories(str(self.folder / "repositories.yaml")).of, self.limits)
        charts = Charts(
            repositories=shelf,
            registries=shelf,
            clock=clock,
            random=random,
            every_s=self.poll_s,
            limits=self.limits,
        )
        settings = GitSettings(environment={"PATH": os.environ["PATH"], "HOME": str(self.folder)})
        return MirroredGit(
            self.folder / "state", clock=clock, random=random, policy=GitPolicy(), settings=settings, limits=self.limits, charts=charts
        )

    def _may_reach(self, host: str, port: int) -> bool:
        return allowed_places(self.places)(host, port)

    async def refuses(self, revision: str, chart: str = "nginx") -> HoldfastError:
        with pytest.raises((SourceError, Refused)) as raised:
            await self.git.resolve(self.address(chart), revision)
        assert raised.value.message.isprintable()
        return raised.value


def told(tmp_path: Path, story: Story, *, limits: Limits | None = None, poll_s: float = 30.0) -> None:
    async def whole() -> None:
        world = World(tmp_path, limits or Limits(), poll_s)
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", world.served.serve)
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            world.origin = f"http://{host}:{port}"
            async with asyncio.timeout(DEADLINE_S):
                await story(world)
        finally:
            await world.git.close()
            await runner.cleanup()

    asyncio.run(whole())


def test_a_version_is_fetched_once_and_read_as_a_tree(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.served.release("nginx", "1.2.3")
        revision = await world.git.resolve(world.chart, "1.2.3")
        assert (revision.ref, revision.subject, revision.committed_at) == ("1.2.3", "chart nginx 1.2.3", CREATED)
        assert revision.author == world.origin.removeprefix("http://")
        tree = await world.git.tree(revision, "")
        assert sorted(tree.blobs) == ["Chart.yaml", "templates/greeting.yaml", "values.yaml"]
        blob = tree.blobs["values.yaml"]
        assert await world.git.read(world.chart, [blob.id]) == {blob.id: b"greeting: hello\n"}
        assert sorted((await world.git.tree(revision, "templates")).blobs) == ["greeting.yaml"]
        assert (await world.git.resolve(world.chart, "1.2.3")).commit == revision.commit
        assert (await world.git.resolve(world.chart, revision.commit)).commit == revision.commit
        assert (await world.git.resolve(world.chart, revision.commit[:12])).commit == revision.commit
        asked = ["/stable/index.yaml 200", "/stable/nginx-1.2.3.tgz 200", "/stable/index.yaml 304"]
        assert world.served.asked == asked

    told(tmp_path, story)


def test_two_ports_make_one_commit_of_one_archive(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.served.release("nginx", "1.0.0")
        world.served.release("nginx", "1.1.0")
        first = [await world.git.resolve(world.chart, version) for version in ("1.0.0", "1.1.0")]
        world.folder = tmp_path / "elsewhere"
        other = world.again()
        try:
            second = [await other.resolve(world.chart, version) for version in ("1.1.0", "1.0.0")]
        finally:
            await other.close()
        assert first == second[::-1]

    told(tmp_path, story)


def test_a_range_moves_to_the_version_that_is_released_and_back_where_it_is_withdrawn(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.served.release("nginx", "1.2.0")
        world.served.release("nginx", "2.0.0")
        first = await world.git.resolve(world.chart, "1.2.x")
        hints = world.git.watch(world.chart)
        await anext(hints)
        await anext(hints)  # the first answer may be newer than what was resolved
        world.served.release("nginx", "1.2.9-rc.1")
        await anext(hints)
        assert (await world.git.resolve(world.chart, "1.2.x")).commit == first.commit
        world.served.release("nginx", "1.2.1", {"more": "x"})
        await anext(hints)
        second = await world.git.resolve(world.chart, "1.2.x")
        assert (first.ref, second.ref) == ("1.2.0", "1.2.1")
        assert await world.git.changed(world.chart, first.commit, second.commit, "") == {"Chart.yaml", "more"}
        assert await world.git.is_ancestor(world.chart, first.commit, second.commit)
        assert await world.git.is_ancestor(world.chart, second.commit, second.commit)
        assert not await world.git.is_ancestor(world.chart, second.commit, first.commit)
        await refuses("HF4023", world.git.is_ancestor(world.chart, "0" * 39 + "1", second.commit))
        world.served.withdraw("nginx", "1.2.1")
        await anext(hints)
        assert (await world.git.resolve(world.chart, "1.2.x")).commit == first.commit
        await hints.aclose()

    told(tmp_path, story, poll_s=0.05)


def test_a_version_that_is_gone_is_still_served_and_a_repository_that_is_away_needs_not_be_asked(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.served.release("nginx", "1.2.0")
        world.served.release("nginx", "1.2.1")
        revision = await world.git.resolve(world.chart, "1.2.0")
        world.served.withdraw("nginx", "1.2.0")
        assert (await world.git.resolve(world.chart, "1.2.0")).commit == revision.commit
        del world.served.entries["nginx"]
        world.served.release("redis", "1.0.0")
        assert (await world.git.resolve(world.chart, "1.2.0")).commit == revision.commit
        assert (await world.refuses("1.2.x")).code == "HF4073"

        async def is_down(request: web.Request) -> web.StreamResponse:
            return web.Response(status=503)

        world.served.answer = is_down
        again = world.again()
        try:
            assert (await again.resolve(world.chart, "1.2.0")).commit == revision.commit
            assert (await again.resolve(world.chart, revision.commit)).commit == revision.commit
            await refuses("HF4070", again.resolve(world.chart, "1.2.x"))
            await refuses("HF4070", again.resolve(world.chart, "1.2.1"))
            assert "Chart.yaml" in (await again.tree(revision, "")).blobs
        finally:
            await again.close()

    told(tmp_path, story)


def test_a_version_whose_files_change_is_told_and_not_taken(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.served.release("nginx", "1.2.0")
        world.served.release("nginx", "1.2.1")
        revision = await world.git.resolve(world.chart, "1.2.0")
        world.served.release("nginx", "1.2.0", {"values.yaml": "greeting: hostile\n"})
        error = await world.refuses("1.2.0")
        assert error.code == "HF4079"
        assert "has other files than it had under this number" in error.message
        assert (await world.refuses("1.2.0")).code == "HF4079"
        assert world.served.asked.count("/stable/nginx-1.2.0.tgz 200") == 2  # what was refused is not fetched again
        assert (await world.git.resolve(world.chart, revision.commit)).commit == revision.commit
        blob = (await world.git.tree(revision, "")).blobs["values.yaml"]
        assert await world.git.read(world.chart, [blob.id]) == {blob.id: b"greeting: hello\n"}
        assert (await world.git.resolve(world.chart, "^1.2")).ref == "1.2.1"

    told(tmp_path, story)


def test_an_archive_that_is_only_packed_anew_is_the_same_version(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.served.release("nginx", "1.2.0")
        revision = await world.git.resolve(world.chart, "1.2.0")
        anew = packed(chart_files("nginx", "1.2.0"), "nginx", at=CREATED + 60)
        world.served.release("nginx", "1.2.0", at=CREATED + 60, archive=anew)
        for _ in range(2):
            assert await world.git.resolve(world.chart, "1.2.0") == revision
        assert world.served.asked.count("/stable/nginx-1.2.0.tgz 200") == 2

    told(tmp_path, story)


def test_a_pinned_version_stays_readable(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.served.release("nginx", "1.2.0")
        revision = await world.git.resolve(world.chart, "1.2.0")
        await world.git.pin(world.chart, revision.commit, "healthy.shop")
        await world.git.maintain(world.chart)
        assert "Chart.yaml" in (await world.git.tree(revision, "")).blobs
        await world.git.unpin(world.chart, "healthy.shop")
        await refuses("HF4060", world.git.branch_of(world.chart, "1.2.0"))

    told(tmp_path, story)


def test_many_at_once_ask_once(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.served.release("nginx", "1.2.0")
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(world.git.resolve(world.chart, "1.2.x")) for _ in range(8)]
        assert len({task.result().commit for task in asked}) == 1
        assert world.served.asked.count("/stable/nginx-1.2.0.tgz 200") == 1
        assert len(world.served.asked) <= 3  # one that is being asked, and one for all who came meanwhile

    told(tmp_path, story)


def test_what_is_not_there_is_said_with_what_is_near(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        for version in ("1.0.0", "1.1.0", "2.0.0-rc.1"):
            world.served.release("nginx", version)
        world.served.release("redis", "1.0.0")
        error = await world.refuses("*", "ngnix")
        assert (error.code, error.hint) == ("HF4073", "did you mean nginx?")
        assert (await world.refuses("*", "ngnix")).code == "HF4073"
        assert world.served.asked == ["/stable/index.yaml 200", "/stable/index.yaml 304"]
        world.served.release("ngnix", "1.0.0")
        assert (await world.git.resolve(world.address("ngnix"), "*")).ref == "1.0.0"
        del world.served.entries["ngnix"]
        assert (await world.refuses("*", "elsewhere")).hint == "there are nginx, redis"
        error = await world.refuses("^2")
        assert (error.code, error.hint) == ("HF4074", "the newest are 1.1.0, 1.0.0")
        assert (await world.refuses("main")).code == "HF4022"
        del world.served.archives["nginx-1.0.0.tgz"]
        assert (await world.refuses("1.0.0")).code == "HF4075"

    told(tmp_path, story)


def test_an_archive_that_is_another_or_no_chart_is_refused(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.served.release("nginx", "1.0.0")
        world.served.archives["nginx-1.0.0.tgz"] = packed(chart_files("nginx", "1.0.0", {"x": "y"}), "nginx")
        error = await world.refuses("1.0.0")
        assert (error.code, "the index says" in error.message) == ("HF4076", True)
        world.served.archives["nginx-1.0.0.tgz"] = packed(chart_files("nginx", "1.0.0"), "nginx")
        assert (await world.git.resolve(world.chart, "1.0.0")).ref == "1.0.0"
        world.served.release("nginx", "1.0.1", archive=packed(chart_files("apache", "1.0.1"), "nginx"))
        assert (await world.refuses("1.0.1")).code == "HF4078"
        world.served.release("nginx", "1.0.2", archive=packed({"../../escape": "x", **chart_files("nginx", "1.0.2")}, "nginx"))
        assert (await world.refuses("1.0.2")).code == "HF4077"
        world.served.release("nginx", "1.0.3", {".git/config": "x"})
        revision = await world.git.resolve(world.chart, "1.0.3")
        await refuses("HF4033", world.git.tree(revision, ""))

    told(tmp_path, story)
    assert not list(tmp_path.rglob("escape"))


async def redirects_to_ftp(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound(location="ftp://127.0.0.1/index.yaml")


async def redirects_without_end(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound(location=request.path_qs)


async def redirects_inward(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound(location="http://169.254.169.254/latest/meta-data/")


async def forbids(request: web.Request) -> web.StreamResponse:
    return web.Response(status=403)


async def knows_nothing(request: web.Request) -> web.StreamResponse:
    return web.Response(status=404)


async def breaks_off(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def says_nothing(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


async def is_a_page(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html><title>Charts</title></html>", content_type="text/html")


async def says_too_much(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"a" * 5000)


async def says_too_much_packed(request: web.Request) -> web.StreamResponse:
    response = web.Response(body=b"a" * 500_000)
    response.enable_compression(web.ContentCoding.gzip)
    return response


async def says_that_it_is_packed(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"entries: {}", headers={"Content-Encoding": "gzip"})


MISBEHAVIOUR: dict[str, tuple[Callable[[web.Request], Awaitable[web.StreamResponse]], str]] = {
    "redirects to ftp": (redirects_to_ftp, "HF4014"),
    "redirects without end": (redirects_without_end, "HF4014"),
    "redirects inward": (redirects_inward, "HF4080"),
    "forbids": (forbids, "HF4071"),
    "knows nothing": (knows_nothing, "HF4072"),
    "breaks off": (breaks_off, "HF4070"),
    "says nothing": (says_nothing, "HF4070"),
    "is a page": (is_a_page, "HF4072"),
    "says too much": (says_too_much, "HF4018"),
    "says too much, packed": (says_too_much_packed, "HF4018"),
    "says that it is packed": (says_that_it_is_packed, "HF4070"),
}


@pytest.mark.parametrize("what", MISBEHAVIOUR)
def test_a_server_that_misbehaves_is_a_clear_error(what: str, tmp_path: Path) -> None:
    answer, code = MISBEHAVIOUR[what]

    async def story(world: World) -> None:
        world.served.answer = answer
        error = await world.refuses("*")
        assert error.code == code, error.message

    told(tmp_path, story, limits=replace(Limits(), index=4096, ask_s=2.0))


def test_an_index_may_be_packed_for_the_way_and_an_archive_is_taken_as_it_is(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.served.release("nginx", "1.0.0")

        async def packs(request: web.Request) -> web.StreamResponse:
            if request.path.endswith(".tgz"):
                data = world.served.archives["nginx-1.0.0.tgz"]
                return web.Response(body=data, headers={"Content-Encoding": "gzip", "Content-Type": "application/x-tar"})
            response = web.Response(body=world.served.index)
            response.enable_compression(web.ContentCoding.gzip)
            return response

        world.served.answer = packs
        assert (await world.git.resolve(world.chart, "*")).ref == "1.0.0"

    told(tmp_path, story)


def test_what_nobody_allowed_is_never_asked(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.served.release("nginx", "1.0.0")
        world.is_http_allowed = False
        assert (await world.refuses("*")).code == "HF4004"
        world.is_http_allowed, world.places = True, ()
        error = await world.refuses("*")
        assert (error.code, "charts.private" in (error.hint or "")) == ("HF4080", True)
        world.origin = world.origin.replace("127.0.0.1", "localhost")
        assert (await world.refuses("*")).code == "HF4080"
        assert world.served.asked == []

    told(tmp_path, story)


def test_an_archive_may_lie_elsewhere_which_gets_no_credentials(tmp_path: Path) -> None:
    login = "Basic " + base64.b64encode(b"ada:pass-word").decode()

    async def story(world: World) -> None:
        elsewhere, got = HelmRepository(), list[str | None]()

        async def note(request: web.Request) -> web.StreamResponse:
            got.append(request.headers.get("Authorization"))
            name = request.path.rpartition("/")[2]
            if request.path.startswith("/moved/"):
                return web.Response(body=elsewhere.archives[name])
            raise web.HTTPFound(location=f"/moved/{name}")

        elsewhere.answer = note
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", elsewhere.serve)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            other = "http://{}:{}".format(*runner.addresses[0][:2])
            world.served.authorization = login
            assert (await world.refuses("*")).code == "HF4071"
            entry = f"- {{name: shop, url: '{world.origin}/stable/', username: ada, password: pass-word}}\n"
            (tmp_path / "repositories.yaml").write_text(f"apiVersion: ''\nrepositories:\n{entry}")
            for version in ("1.0.0", "1.0.1"):
                world.served.release("nginx", version)
                elsewhere.archives = dict(world.served.archives)
            world.served.entries["nginx"][0]["urls"] = [f"{other}/files/nginx-1.0.1.tgz"]
            assert (await world.git.resolve(world.chart, "1.0.0")).ref == "1.0.0"
            assert (await world.git.resolve(world.chart, "1.0.1")).ref == "1.0.1"
            assert got == [None, None]
            world.served.release("nginx", "1.0.2")
            elsewhere.archives = dict(world.served.archives)
            world.served.entries["nginx"][0]["urls"] = [f"{other}/files/nginx-1.0.2.tgz"]
            (tmp_path / "repositories.yaml").write_text(f"repositories:\n{entry.replace('}', ', pass_credentials_all: true}')}")
            assert (await world.git.resolve(world.chart, "1.0.2")).ref == "1.0.2"
            assert got[2:] == [login, login]
            world.served.authorization = "Basic bm8="
            error = await world.refuses("*")
            assert error.code == "HF4071"
            assert "pass-word" not in f"{error.to_json()}"
            (tmp_path / "repositories.yaml").write_text("repositories: {a: pass-word")
            error = await world.refuses("*")
            assert (error.code, "pass-word" in f"{error.to_json()}") == ("HF4081", False)
        finally:
            await runner.cleanup()

    told(tmp_path, story)


def test_a_chart_is_no_address_where_no_charts_are_read(tmp_path: Path) -> None:
    async def story() -> str:
        git = MirroredGit(tmp_path, clock=RealClock(), random=RealRandom(), policy=GitPolicy())
        with pytest.raises(SourceError) as raised:
            await git.resolve("helm+https://charts.example#nginx", "*")
        return raised.value.code

    assert asyncio.run(story()) == "HF4001"
