"""The Git port over a network: Git's own HTTP server on loopback, and servers that misbehave."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import encode_basic_auth, web

from holdfast.app.mirrors import mirrors
from holdfast.errors import Refused, SourceError
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.config import Layer, Source, resolve
from holdfast.source.command import GitSettings
from holdfast.source.git import GitPolicy, MirroredGit
from holdfast.source.limits import Limits
from holdfast.testing.contracts.git import SHOP
from holdfast.testing.git_repository import GitRepository

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]

DEADLINE_S = 60.0
Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]
Story = Callable[[MirroredGit, str], Awaitable[None]]


def over_http(
    tmp_path: Path, serve: Serve, story: Story, *, limits: Limits | None = None, poll_s: float = 30.0, configured: Layer | None = None
) -> None:
    """Run a story with a port and the address of a server on loopback; with what is `configured` the port is the daemon's own."""

    async def whole() -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", serve)
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        state, clock, random = tmp_path / "state", RealClock(), RealRandom()
        if configured is not None:
            git = mirrors(state, resolve([configured]), environment, is_local=lambda path: False, clock=clock, random=random)
        else:
            policy = GitPolicy(allow_http=lambda address: True, poll_s=poll_s)
            git = MirroredGit(
                state, clock=clock, random=random, policy=policy, settings=GitSettings(environment=environment), limits=limits
            )
        try:
            await site.start()
            host, port = runner.addresses[0][:2]
            async with asyncio.timeout(DEADLINE_S):
                await story(git, f"http://{host}:{port}/shop")
        finally:
            await git.close()
            await runner.cleanup()

    asyncio.run(whole())


def backend(root: Path, asked: list[str] | None = None) -> Serve:
    """Return Git's own server of what is below a folder (git-http-backend(1)); each request is noted."""

    async def serve(request: web.Request) -> web.StreamResponse:
        if asked is not None:
            asked.append(request.path)
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec("git", "http-backend", stdin=pipe, stdout=pipe, env=environment)
        out, _ = await process.communicate(await request.read())
        head, _, body = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        return web.Response(status=status, headers=headers, body=body)

    return serve


@pytest.fixture
def shop(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "served" / "shop", is_bare=True)
    repository.commit(SHOP)
    return repository


def test_a_remote_is_resolved_fetched_and_read(shop: GitRepository, tmp_path: Path) -> None:
    async def story(git: MirroredGit, address: str) -> None:
        shop.tag("v1.0.0", shop.git("rev-parse", "main"), message="first")
        first = await git.resolve(address, "main")
        second_commit = await asyncio.to_thread(shop.change, {"more": "x"})
        second = await git.resolve(address, "HEAD")
        assert second.commit == second_commit
        assert (await git.resolve(address, "^1")).commit == first.commit
        assert await git.changed(address, first.commit, second.commit, "") == {"more"}
        tree = await git.tree(second, "deploy")
        blob = tree.blobs["a.yaml"]
        assert await git.read(address, [blob.id]) == {blob.id: b"a: 1\n"}
        assert (await git.resolve(address, first.commit[:10])).commit == first.commit

    over_http(tmp_path, backend(tmp_path / "served"), story)


def test_a_poll_asks_for_references_only_and_a_push_is_hinted(shop: GitRepository, tmp_path: Path) -> None:
    asked: list[str] = []

    async def story(git: MirroredGit, address: str) -> None:
        hints = git.watch(address)
        await anext(hints)
        before = await git.resolve(address, "main")
        await anext(hints)  # the first answer may be newer than what was resolved
        asked.clear()
        commit = await asyncio.to_thread(shop.change, {"more": "x"})
        await anext(hints)
        # Protocol 2 asks for references by a POST of its own; a fetch would ask for more than that once.
        polls = asked.count("/shop/info/refs")
        assert polls >= 1
        assert asked.count("/shop/git-upload-pack") == polls
        assert (await git.resolve(address, "main")).commit == commit != before.commit
        await hints.aclose()

    over_http(tmp_path, backend(tmp_path / "served", asked), story, poll_s=0.05)


def guarded(serve: Serve, password: str) -> Serve:
    """Let in only who is `ann` and has the password."""

    async def at_the_door(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != encode_basic_auth("ann", password):
            return await asks_for_a_password(request)
        return await serve(request)

    return at_the_door


STORE = "store --file {file}"
PROGRAM = """!f() {{ test "$1" = get && sed -E 's,^http://([^:]*):([^@]*)@.*,username=\\1\\npassword=\\2,' {file}; }}; f"""
"""With `!` it is a line of the shell (gitcredentials(7)), with quotes and backslashes in it."""


@pytest.mark.parametrize("helper", [STORE, PROGRAM], ids=["store", "program"])
@pytest.mark.parametrize(("kept", "is_let_in"), [("s3cret-token", True), ("another-token", False), ("", False)])
def test_a_private_repository_is_read_with_what_the_configured_helper_gives(
    shop: GitRepository, tmp_path: Path, kept: str, is_let_in: bool, helper: str
) -> None:
    file = tmp_path / "credentials"

    async def story(git: MirroredGit, address: str) -> None:
        host = address.removeprefix("http://").partition("/")[0]
        file.write_text(f"http://ann:{kept}@{host}\n" if kept else "")
        if is_let_in:
            first = await git.resolve(address, "main")
            tree = await git.tree(first, "deploy")
            assert await git.read(address, [tree.blobs["a.yaml"].id])
            return
        with pytest.raises(SourceError, match="wants credentials") as refused:
            await git.resolve(address, "main")
        assert refused.value.code == "HF4011"
        assert "git.credential_helper" in str(refused.value.hint)
        assert not kept or kept not in f"{refused.value.to_json()}"

    values = {"allow.http": "true", "git.credential_helper": helper.format(file=file)}
    said = Layer(source=Source.USER, name="holdfast.yaml", values=values)
    over_http(tmp_path, guarded(backend(tmp_path / "served"), "s3cret-token"), story, configured=said)


async def redirects(request: web.Request) -> web.StreamResponse:
    raise web.HTTPMovedPermanently(location=f"http://127.0.0.1:1{request.path_qs}")


async def forbids(request: web.Request) -> web.StreamResponse:
    raise web.HTTPForbidden


async def asks_for_a_password(request: web.Request) -> web.StreamResponse:
    raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="shop"'})


async def knows_nothing(request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


async def is_down(request: web.Request) -> web.StreamResponse:
    raise web.HTTPServiceUnavailable


async def breaks_off(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def says_nonsense(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"\x00\xff" * 1000, content_type="application/x-git-upload-pack-advertisement")


async def says_nothing(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


async def answers_without_end(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-git-upload-pack-advertisement"})
    await response.prepare(request)
    line = b"0123456789012345678901234567890123456789 refs/heads/%08d\n"
    await response.write(b"001e# service=git-upload-pack\n0000")
    number = 0
    while True:
        number += 1
        text = line % number
        await response.write(b"%04x" % (len(text) + 4) + text)
        await asyncio.sleep(0)  # the reader lives on this loop too


MISBEHAVIOUR: dict[str, tuple[Serve, set[str]]] = {
    "redirects": (redirects, {"HF4014"}),
    "forbids": (forbids, {"HF4011"}),
    "asks for a password": (asks_for_a_password, {"HF4011"}),
    "knows nothing": (knows_nothing, {"HF4010"}),
    "is down": (is_down, {"HF4013"}),
    "breaks off": (breaks_off, {"HF4013", "HF4019"}),
    "says nonsense": (says_nonsense, {"HF4010", "HF4019"}),
    "says nothing": (says_nothing, {"HF4017"}),
    "answers without end": (answers_without_end, {"HF4016", "HF4017", "HF4018"}),
}


@pytest.mark.parametrize("what", MISBEHAVIOUR)
def test_a_server_that_misbehaves_is_a_clear_error(what: str, tmp_path: Path) -> None:
    serve, codes = MISBEHAVIOUR[what]

    async def story(git: MirroredGit, address: str) -> None:
        with pytest.raises(SourceError) as refused:
            await git.resolve(address, "main")
        assert refused.value.code in codes, refused.value.message
        assert refused.value.message.isprintable()

    over_http(tmp_path, serve, story, limits=Limits(ask_s=2.0, references=1 << 20))


def test_what_was_fetched_stays_readable_while_the_server_misbehaves(shop: GitRepository, tmp_path: Path) -> None:
    good = backend(tmp_path / "served")
    is_well = True

    async def serve(request: web.Request) -> web.StreamResponse:
        return await (good if is_well else is_down)(request)

    async def story(git: MirroredGit, address: str) -> None:
        nonlocal is_well
        revision = await git.resolve(address, "main")
        is_well = False
        with pytest.raises(SourceError):
            await git.resolve(address, "main")
        assert set((await git.tree(revision, "deploy")).blobs) == {"a.yaml", "run"}
        assert (await git.resolve(address, revision.commit)).commit == revision.commit
        is_well = True
        assert (await git.resolve(address, "main")).commit == revision.commit

    over_http(tmp_path, serve, story)


def test_a_server_over_http_that_nobody_allowed_is_never_asked(tmp_path: Path) -> None:
    async def story() -> str:
        git = MirroredGit(tmp_path, clock=RealClock(), random=RealRandom(), policy=GitPolicy())
        with pytest.raises(Refused) as refused:
            await git.resolve("http://127.0.0.1:1/shop", "main")
        return refused.value.code

    assert asyncio.run(story()) == "HF4004"
