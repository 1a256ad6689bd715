"""Looks whether something private is private, on real sockets: what strangers are, and what each of them finds."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.controllers.private import PrivateController, Running
from holdfast.host.users import RunUser
from holdfast.host.vantage import look_from
from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.model.proof import Claim
from holdfast.workload.closed import Judgement

pytestmark = pytest.mark.real

OURSELVES = RunUser(uid=-1, gid=-1, name="us")
APP = 61001


def controller(
    *addresses: str, is_root: bool = True, user: RunUser = OURSELVES, known: Mapping[str, int] | None = None
) -> PrivateController:
    async def user_of(application: str, name: str | None) -> RunUser:
        return user

    return PrivateController(
        look_from=look_from,
        is_root=is_root,
        user_of=user_of,
        uid_of=(known or {}).get,
        network_of=lambda network: f"/nowhere/{network}",
        networks=lambda without: (),
        addresses=lambda: addresses,
        container=no_container,
        kin=lambda id: (),
    )


async def no_container(id: ResourceId) -> Running | None:
    return None


def judged(it: PrivateController, method: str, **target: Json) -> Judgement:
    async def story() -> Judgement:
        async with asyncio.timeout(20.0):
            found: Judgement = await getattr(it, method)(Claim(text="it", method=method), {"application": "shop", "user": None, **target})
            return found

    return asyncio.run(story())


@contextmanager
def served(path: Path) -> Iterator[Path]:
    """Lend a unix socket that everybody may write to, in a folder that nobody else may pass through."""
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as it:
        it.bind(str(path))
        os.chmod(path, 0o777)
        it.listen()
        yield path


def open_way(folder: Path) -> None:
    """Let everybody through to `folder`; how many of the folders above are the test run's own depends on how it is run."""
    for above in (folder, *folder.parents):
        if above == Path(tempfile.gettempdir()):
            break
        above.chmod(0o711)


@pytest.mark.needs("root")
def test_a_socket_is_as_closed_as_its_folder(tmp_path: Path) -> None:
    open_way(tmp_path)
    with served(tmp_path / "data" / "it.sock") as path:
        it = controller()
        assert judged(it, "closed", path=str(path)) == (True, f"uid 65534 at {path}: forbidden")
        path.parent.chmod(0o711)
        assert judged(it, "closed", path=str(path)) == (False, f"open to uid 65534 at {path}")
        path.parent.chmod(0o700)
    holds, evidence = judged(it, "closed", path=str(path))
    assert holds is None
    assert "proves nothing" in evidence


@pytest.mark.needs("root")
def test_a_stranger_is_nobody_that_may_come() -> None:
    with socket.create_server(("127.0.0.1", 0)) as it:
        target: dict[str, Json] = {"ports": [it.getsockname()[1]], "guarded": True, "users": ["nobody"]}
        holds, evidence = judged(controller(known={"nobody": 65534}), "closed", **target)
        assert (holds, evidence) == (False, f"open to uid 65533 at 127.0.0.1:{it.getsockname()[1]}")


def test_listening_beyond_loopback_is_found_by_anybody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        it = controller("127.0.0.2", is_root=False)  # stands for an address of the host
        assert judged(it, "closed", ports=[port], guarded=False) == (True, f"this host at 127.0.0.2:{port}: refused")
        with socket.create_server(("127.0.0.2", port)):
            assert judged(it, "closed", ports=[port], guarded=False) == (False, f"open to this host at 127.0.0.2:{port}")


def test_a_host_without_addresses_is_no_place_to_look_from() -> None:
    with socket.create_server(("127.0.0.1", 0)) as it:
        assert judged(controller(is_root=False), "closed", ports=[it.getsockname()[1]], guarded=False)[0] is None


def test_who_needs_it_is_let_in_or_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as it:
        port = it.getsockname()[1]
        assert judged(controller(), "open", ports=[port], connect=None) == (True, f"this user at 127.0.0.1:{port}")
    assert judged(controller(), "open", ports=[port], connect=None)[0] is False


@pytest.mark.needs("root")
def test_who_needs_it_is_looked_from_as_its_user(tmp_path: Path) -> None:
    user = RunUser(uid=APP, gid=APP, name="app")
    open_way(tmp_path)
    with served(tmp_path / "data" / "it.sock") as path:
        assert judged(controller(user=user), "open", path=str(path)) == (False, f"uid {APP} at {path}: forbidden")
        os.chown(path.parent, APP, APP)
        assert judged(controller(user=user), "open", path=str(path)) == (True, f"uid {APP} at {path}")


@pytest.mark.needs("root")
def test_a_network_that_is_not_there_proves_and_refutes_nothing() -> None:
    holds, evidence = judged(controller(), "open", ports=[1], network="shop/back", connect=None)
    assert holds is None
    assert "cannot look from there" in evidence
    assert judged(controller("127.0.0.2"), "closed", ports=[1], network="shop/back")[0] is None
