"""As root, Files belong to whom they should, and a data folder whose owner plays tricks gives nothing away."""

from __future__ import annotations

import asyncio
import os
import pwd
import stat
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest

from holdfast.engines.file import FileEngine
from holdfast.host.clock import RealClock
from holdfast.host.secrets import FileSecrets
from holdfast.host.users import RunUser
from holdfast.kit.canonical import Json
from holdfast.kit.secret import Redactor, fingerprint
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.resource import Resource
from holdfast.model.state import State

pytestmark = [pytest.mark.real, pytest.mark.needs("root")]

ID = ResourceId(HOST, "File", "shop", "motd")
KEY = b"k" * 32
RUN_USER = RunUser(uid=61234, gid=61235, name="holdfast-shop")


class RunUsers:
    """Users and Places as they are where Holdfast is root: the data folder is the run user's."""

    def __init__(self, data: Path) -> None:
        self.data = data

    async def user_of(self, application: str, user: str | None) -> RunUser:
        return RUN_USER

    def data_dir(self, application: str, user: RunUser) -> Path:
        folder = self.data / application
        if not folder.exists():
            folder.mkdir(parents=True)
            os.chown(folder, user.uid, user.gid)
            folder.chmod(0o700)
        return folder


class Story:
    def __init__(self, tmp_path: Path) -> None:
        self.roots = tmp_path / "etc"
        self.roots.mkdir()
        self.data = tmp_path / "data"
        self.known: list[Resource] = []
        here = RunUsers(self.data)
        self.engine = FileEngine(
            roots=(str(self.roots),),
            data=self.data,
            users=here,
            places=here,
            secrets=FileSecrets(tmp_path, KEY, Redactor()),
            fingerprint=partial(fingerprint, KEY),
            described=self.described,
            clock=RealClock(),
        )

    def described(self, id: ResourceId) -> Iterable[Resource]:
        return self.known

    def apply(self, path: str, **more: Json) -> Resource:
        fields: dict[str, Json] = {"path": path, "mode": "0640", "content": "hello", **more}
        resource = Resource(id=ID, state=State.of(fields), labels={APPLICATION: "shop"})
        self.known = [resource]
        change = Change(id=ID, verb=Verb.CREATE, reason=Reason.DECLARED, before=None, after=resource.state)
        asyncio.run(self.engine.apply(Step(operation="o", verb=StepVerb.APPLY, change=change, resource=resource)))
        return resource

    def seen(self) -> State | None:
        return asyncio.run(self.engine.observe([ID])).observed[ID].state


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def owner_of(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_uid, found.st_gid


def test_a_file_without_an_owner_is_that_of_the_folder_it_lies_in(story: Story) -> None:
    wanted = story.apply("conf/app.conf")
    file = story.data / "shop" / "conf" / "app.conf"
    assert {owner_of(file), owner_of(file.parent)} == {(RUN_USER.uid, RUN_USER.gid)}
    assert story.seen() == wanted.state


def test_an_owner_that_is_declared_is_given_seen_and_healed(story: Story) -> None:
    wanted = story.apply(str(story.roots / "a"), owner="nobody")
    nobody = pwd.getpwnam("nobody")
    assert owner_of(story.roots / "a") == (nobody.pw_uid, nobody.pw_gid)
    assert story.seen() == wanted.state
    os.chown(story.roots / "a", 0, 0)
    seen = story.seen()
    assert seen is not None
    assert seen.fields["owner"] == "root:root"
    story.apply(str(story.roots / "a"), owner="nobody")
    assert story.seen() == wanted.state


@pytest.mark.parametrize("owner", ["61236:61237", "nobody:61237"])
def test_an_owner_may_be_a_number(story: Story, owner: str) -> None:
    wanted = story.apply(str(story.roots / "a"), owner=owner)
    uid, gid = owner_of(story.roots / "a")
    assert (uid in {61236, pwd.getpwnam("nobody").pw_uid}, gid) == (True, 61237)
    assert story.seen() == wanted.state


def test_a_run_user_who_links_out_of_its_data_folder_is_given_nothing(story: Story, tmp_path: Path) -> None:
    secret = tmp_path / "roots-own"
    secret.write_text("hello")
    secret.chmod(0o600)
    story.apply("a")
    file = story.data / "shop" / "a"
    file.unlink()
    file.symlink_to(secret)
    seen = story.seen()
    assert seen is not None
    assert seen.fields["content"] == {"is": "link"}
    assert owner_of(secret) == (0, 0)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
