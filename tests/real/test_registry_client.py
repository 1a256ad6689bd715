"""The client on a real registry: tags by pages, digests, passwords, tokens, helpers, TLS, and what is refused."""

from __future__ import annotations

import asyncio
import json
import ssl
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.engines.registry_stage import PASSWORD, USER, Registry, TokenServer, basic, password_file, registry, rsa_pair
from tests.ports import free_port
from tests.real.edge_house import self_signed

from holdfast.engines.registry.client import RegistryClient
from holdfast.errors import HoldfastError, Rejected, TimedOut, Unavailable
from holdfast.host.clock import RealClock
from holdfast.host.reach import is_private
from holdfast.host.registry_credentials import RegistryCredentials
from holdfast.kit.image_reference import ImageReference

pytestmark = [pytest.mark.real, pytest.mark.needs("go")]
T = TypeVar("T")


@pytest.fixture(scope="module")
def open_registry() -> Iterator[Registry]:
    with registry() as it:
        yield it


def ask(script: Callable[[RegistryClient], Awaitable[T]], *, config: Path | None = None, path: str = "/usr/bin:/bin", **more: Any) -> T:
    """Return what `script` finds, with the credentials of a config.json."""

    async def main() -> T:
        credentials = RegistryCredentials(str(config) if config else None, {"PATH": path, "HOME": "/nonexistent"})
        client = RegistryClient(credentials=credentials.of, clock=RealClock(), **more)
        try:
            return await script(client)
        finally:
            await client.aclose()

    return asyncio.run(main())


def refused(script: Callable[[RegistryClient], Awaitable[object]], **more: Any) -> HoldfastError:
    with pytest.raises(HoldfastError) as found:
        ask(script, **more)
    return found.value


def image(it: Registry, name: str) -> ImageReference:
    return ImageReference.parse(f"{it.name}/{name}")


def written(folder: Path, document: Mapping[str, Any]) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(document))
    return path


def test_all_tags_come_page_by_page(open_registry: Registry) -> None:
    tags = sorted(f"1.{at}.0" for at in range(25))
    open_registry.push("many/tags", tags)
    assert sorted(ask(lambda client: client.tags(image(open_registry, "many/tags")), page=10)) == tags


def test_a_tag_has_the_digest_of_its_index(open_registry: Registry) -> None:
    plain = open_registry.push("web", ["1.0.0", "latest"])
    index = open_registry.push("web", ["2.0.0"], "two", platforms=2)
    assert index != plain
    assert ask(lambda client: client.digest(image(open_registry, "web:1.0.0"))) == plain
    assert ask(lambda client: client.digest(image(open_registry, "web"))) == plain
    assert ask(lambda client: client.digest(image(open_registry, "web:2.0.0"))) == index
    assert ask(lambda client: client.digest(image(open_registry, f"web:1.0.0@{index}"))) == index


def test_a_tag_that_moves_has_another_digest(open_registry: Registry) -> None:
    async def script(client: RegistryClient) -> tuple[str, str]:
        open_registry.push("moving", ["latest"], "before")
        before = await client.digest(image(open_registry, "moving"))
        open_registry.push("moving", ["latest"], "after")
        return before, await client.digest(image(open_registry, "moving"))

    before, after = ask(script)
    assert before != after


def test_what_is_not_there_is_told(open_registry: Registry) -> None:
    open_registry.push("there", ["1"])
    for script in (
        lambda client: client.tags(image(open_registry, "never/there")),
        lambda client: client.digest(image(open_registry, "there:2")),
        lambda client: client.digest(image(open_registry, f"there@sha256:{'0' * 64}")),
    ):
        error = refused(script)
        assert (type(error), error.code) == (Rejected, "HF3240"), error.message


def test_a_repository_that_lost_its_last_tag_has_none(open_registry: Registry) -> None:
    open_registry.remove("emptied", open_registry.push("emptied", ["1"], "gone"))
    try:
        assert ask(lambda client: client.tags(image(open_registry, "emptied"))) == ()
    except Rejected as error:
        assert error.code == "HF3240"  # noqa: PT017 # a registry may say either


def test_user_and_password_of_config_json_open_a_registry(tmp_path: Path) -> None:
    with registry(auth=password_file(tmp_path)) as it:
        it.login(basic())
        it.push("web", ["1.0.0"])
        good = {"auths": {f"http://{it.name}/v2/": {"auth": basic().removeprefix("Basic ")}}}
        assert ask(lambda client: client.tags(image(it, "web")), config=written(tmp_path, good)) == ("1.0.0",)
        apart = {"auths": {it.name: {"username": USER, "password": PASSWORD}}}
        assert ask(lambda client: client.tags(image(it, "web")), config=written(tmp_path, apart)) == ("1.0.0",)
        wrong = {"auths": {it.name: {"auth": basic(password="other-word").removeprefix("Basic ")}}}
        error = refused(lambda client: client.tags(image(it, "web")), config=written(tmp_path, wrong))
        assert (error.code, error.message) == ("HF3241", f"cannot list tags of {it.name}/web: {it.name} did not accept the credentials")
        error = refused(lambda client: client.tags(image(it, "web")))
        assert (error.code, error.message) == ("HF3241", f"cannot list tags of {it.name}/web: {it.name} wants credentials")
        assert error.hint == f"docker login {it.name}, as the user that asks"


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    server = TokenServer(tmp_path, *rsa_pair())
    try:
        yield server
    finally:
        server.stop()


def test_a_token_is_asked_for_once_and_for_one_repository(tokens: TokenServer, tmp_path: Path) -> None:
    with registry(auth=tokens.auth) as it:
        it.login(f"Bearer {tokens.token('repository:team/web:pull,push')}")
        digest = it.push("team/web", ["1.0.0"])

        async def script(client: RegistryClient) -> None:
            for _ in range(3):
                assert await client.tags(image(it, "team/web")) == ("1.0.0",)
                assert await client.digest(image(it, "team/web:1.0.0")) == digest

        good = {"auths": {it.name: {"auth": basic().removeprefix("Basic ")}}}
        ask(script, config=written(tmp_path, good))
        assert tokens.asked == [("GET", "repository:team/web:pull")]
        tokens.asked.clear()
        tokens.lifetime_s = 1  # used up at once
        ask(script, config=written(tmp_path, {"auths": {it.name: {"identitytoken": tokens.IDENTITY}}}))
        assert set(tokens.asked) == {("POST", "repository:team/web:pull")}
        error = refused(lambda client: client.tags(image(it, "team/web")))
        assert (error.code, "wants credentials" in error.message) == ("HF3241", True)
        error = refused(script, config=written(tmp_path, {"auths": {it.name: {"identitytoken": "another"}}}))
        assert (error.code, "did not accept the credentials" in error.message) == ("HF3241", True)


def helper(folder: Path, script: str) -> str:
    """Write a credential helper; return the PATH that finds it."""
    path = folder / "docker-credential-test"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:/usr/bin:/bin"


def test_a_helper_is_asked_by_one_word_and_the_registry(tmp_path: Path) -> None:
    with registry(auth=password_file(tmp_path)) as it:
        it.login(basic())
        it.push("web", ["1.0.0"])
        config = written(tmp_path, {"credHelpers": {it.name: "test"}, "credsStore": "other"})
        said = json.dumps({"ServerURL": it.name, "Username": USER, "Secret": PASSWORD})
        path = helper(tmp_path, f'[ "$#" = 1 ] && [ "$1" = get ] && read name && [ "$name" = "{it.name}" ] && echo \'{said}\'')
        assert ask(lambda client: client.tags(image(it, "web")), config=config, path=path) == ("1.0.0",)
        for script, code, reason in (
            ("echo secret-word; exit 3", "HF3252", "docker-credential-test failed with exit code 3"),
            ("echo secret-word", "HF3250", "the answer of docker-credential-test cannot be read"),
            ("echo 'credentials not found in native keychain'; exit 1", "HF3241", "wants credentials"),
        ):
            error = refused(lambda client: client.tags(image(it, "web")), config=config, path=helper(tmp_path, script))
            assert (error.code, reason in error.message) == (code, True), error.message
            assert "secret-word" not in f"{error.message} {error.hint}"
        error = refused(lambda client: client.tags(image(it, "web")), config=config)
        assert (error.code, error.message) == (
            "HF3251",
            f"cannot get credentials for {it.name}: there is no program 'docker-credential-test'",
        )
        config = written(tmp_path, {"credsStore": "../../bin/sh"})
        assert refused(lambda client: client.tags(image(it, "web")), config=config).code == "HF3251"


def test_what_is_not_asked_in_plain_words_is_asked_over_tls(tmp_path: Path) -> None:
    chain, key = self_signed("localhost")
    (tmp_path / "cert.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(key)
    with registry(tls=(tmp_path / "cert.pem", tmp_path / "key.pem"), host="registry.test") as it:
        it.push("web", ["1.0.0"])
        trust = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        # Loopback is asked in plain words, and this one speaks TLS alone.
        assert refused(lambda client: client.tags(ImageReference.parse(f"localhost:{it.port}/web"))).code in {"HF3242", "HF3245"}

        async def script(client: RegistryClient) -> tuple[str, ...]:
            return await client.tags(ImageReference.parse(f"localhost:{it.port}/web"))

        assert ask(script, trust=trust, is_plain=lambda _: False) == ("1.0.0",)
        error = refused(script, is_plain=lambda _: False)
        assert (error.code, "its certificate is not trusted" in error.message) == ("HF3242", True)


def test_what_git_names_is_asked_at_no_private_address_that_nobody_allowed(tokens: TokenServer) -> None:
    with registry(auth=tokens.auth) as it:
        it.login(f"Bearer {tokens.token('repository:web:pull,push')}")
        it.push("web", ["1.0.0"])
        for host in ("127.0.0.1", "localhost", "[::ffff:7f00:1]"):
            asked = ImageReference.parse(f"{host}:{it.port}/web")
            error = refused(lambda client, asked=asked: client.tags(asked), may_reach=lambda host, port: False, is_plain=lambda _: True)  # type: ignore[misc]
            assert (error.code, f"{host}:{it.port}" in (error.hint or "")) == ("HF3247", True)
        assert tokens.asked == []

        def only(host: str, port: int) -> bool:
            return port == it.port

        error = refused(lambda client: client.tags(image(it, "web")), may_reach=only)
        assert (error.code, tokens.asked) == ("HF3247", []), "the place of tokens that it names is held to the same"
        error = refused(lambda client: client.tags(image(it, "web")), may_reach=lambda host, port: True)
        assert (error.code, len(tokens.asked)) == ("HF3241", 1)


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("10.1.2.3", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("0.0.0.0", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:192.168.0.1", True),
        ("224.0.0.1", True),
        ("93.184.216.34", False),
        ("2606:2800:220:1::1", False),
        ("registry.example.com", False),
    ],
)
def test_which_addresses_are_private(address: str, is_one: bool) -> None:
    assert is_private(address) is is_one


def test_nobody_there_and_nobody_answering() -> None:
    error = refused(lambda client: client.tags(ImageReference.parse(f"127.0.0.1:{free_port()}/web")))
    assert (type(error), error.code) == (Unavailable, "HF3242")

    async def main() -> None:
        ended = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            await writer.wait_closed()
            ended.set()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        client = RegistryClient(credentials=RegistryCredentials(None, {}).of, clock=RealClock(), timeout_s=0.2)
        with pytest.raises(TimedOut) as late:
            await client.tags(ImageReference.parse(f"127.0.0.1:{server.sockets[0].getsockname()[1]}/web"))
        assert late.value.code == "HF3244"
        await client.aclose()
        server.close()
        await ended.wait()

    asyncio.run(main())
