"""The file engine sees what is there, writes what was declared, and touches nothing else."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from holdfast.engines.file import FileEngine
from holdfast.errors import EngineError
from holdfast.host.clock import RealClock
from holdfast.host.secrets import FileSecrets
from holdfast.host.users import RunUser
from holdfast.kit.canonical import Json
from holdfast.kit.secret import Redactor, fingerprint
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.resource import Resource, ResourcePolicy
from holdfast.model.state import State
from holdfast.workload.file import LARGEST

ID = ResourceId(HOST, "File", "shop", "motd")
KEY = b"k" * 32
DEADLINE_S = 10.0


class Here:
    """Users and Places of an installation whose state folder is `state`: everything is our own."""

    def __init__(self, state: Path) -> None:
        self.data = state / "data"

    async def user_of(self, application: str, user: str | None) -> RunUser:
        return RunUser(uid=-1, gid=-1, name="ourselves")

    def data_dir(self, application: str, user: RunUser) -> Path:
        folder = self.data / application
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


class House:
    """A file engine with one allowed folder, secrets, and what is known of each id."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "etc"
        self.root.mkdir()
        self.secrets = tmp_path / "secrets"
        self.secrets.mkdir()
        here = Here(tmp_path)
        self.data = here.data / "shop"
        self.known: dict[ResourceId, list[Resource]] = {}
        self.engine = FileEngine(
            roots=(str(self.root),),
            data=here.data,
            users=here,
            places=here,
            secrets=FileSecrets(self.secrets, KEY, Redactor()),
            fingerprint=partial(fingerprint, KEY),
            described=self.described,
            clock=RealClock(),
        )

    def described(self, id: ResourceId) -> Iterable[Resource]:
        return self.known.get(id, ())

    def file(self, path: str, content: Json = "hello", **more: Any) -> Resource:
        """Return a File that is known from now on."""
        found = resource(path, content, **more)
        self.known.setdefault(found.id, []).append(found)
        return found

    def see(self, id: ResourceId = ID) -> Observation | str:
        live = asyncio.run(self.engine.observe([id]))
        return live.unreachable[id] if id in live.unreachable else live.observed[id]

    def state(self, id: ResourceId = ID) -> dict[str, Json] | None:
        seen = self.see(id)
        assert isinstance(seen, Observation), seen
        return None if seen.state is None else dict(seen.state.fields)

    def write(self, resource: Resource, verb: Verb = Verb.CREATE) -> None:
        asyncio.run(self.engine.apply(step(StepVerb.APPLY, resource, verb)))

    def delete(self, resource: Resource) -> None:
        asyncio.run(self.engine.apply(step(StepVerb.DELETE, resource, Verb.DELETE)))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def resource(path: str, content: Json = "hello", *, mode: str = "0644", name: str = "motd", adopt: bool = False, **more: Json) -> Resource:
    fields: dict[str, Json] = {"path": path, "mode": mode, "content": content, **more}
    return Resource(id=ID._replace(name=name), state=State.of(fields), policy=ResourcePolicy(adopt=adopt), labels={APPLICATION: "shop"})


def step(step_verb: StepVerb, resource: Resource, verb: Verb) -> Step:
    before = None if verb is Verb.CREATE else resource.state
    after = None if step_verb is StepVerb.DELETE else resource.state
    change = Change(id=resource.id, verb=verb, reason=Reason.DECLARED, before=before, after=after)
    return Step(operation="o1", verb=step_verb, change=change, resource=resource if after else None)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(EngineError) as caught:
        act()
    return caught.value.code


CONTENTS: list[tuple[Json, bytes]] = [("hello\n", b"hello\n"), ("", b""), ("grüße", "grüße".encode()), ({"base64": "/wA="}, b"\xff\x00")]


@pytest.mark.parametrize(("content", "data"), CONTENTS)
def test_what_is_applied_is_there_and_is_seen_as_declared(house: House, content: Json, data: bytes) -> None:
    wanted = house.file(str(house.root / "conf.d" / "a.conf"), content, mode="0640")
    assert house.state() is None
    house.write(wanted)
    path = house.root / "conf.d" / "a.conf"
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (data, 0o640)
    seen = house.see()
    assert isinstance(seen, Observation)
    assert (seen.state, seen.owned, seen.handle) == (wanted.state, None, {"path": str(path)})


def test_a_relative_path_lies_in_the_applications_data_folder(house: House) -> None:
    wanted = house.file("conf/a")
    assert house.state() is None
    house.write(wanted)
    assert (house.data / "conf" / "a").read_text() == "hello"
    assert house.state() == dict(wanted.state.fields)


def test_applying_again_does_no_harm_and_an_update_replaces(house: House) -> None:
    old = house.file("a")
    house.write(old)
    house.write(old)
    new = house.file("a", "other", mode="0600")
    house.write(new, Verb.UPDATE)
    assert house.state() == dict(new.state.fields)
    assert os.listdir(house.data) == ["a"]


def replaced(path: Path, make: Callable[..., None], *arguments: object) -> None:
    path.unlink()
    make(*arguments)


DRIFTS: dict[str, tuple[Callable[[Path], object], dict[str, Json]]] = {
    "written": (lambda path: path.write_text("hallo"), {"content": {"bytes": 5, "fingerprint": fingerprint(KEY, "hallo")}}),
    "no text": (lambda path: path.write_bytes(b"\xff"), {"content": {"bytes": 1, "fingerprint": fingerprint(KEY, "\\xff")}}),
    "large": (lambda path: path.write_bytes(b"x" * (LARGEST + 1)), {"content": {"bytes": LARGEST + 1}}),
    "mode": (lambda path: path.chmod(0o4600), {"mode": "4600"}),
    "a link": (lambda path: replaced(path, path.symlink_to, "/etc/hostname"), {"mode": "0777", "content": {"is": "link"}}),
    "a pipe": (lambda path: replaced(path, os.mkfifo, path, 0o600), {"mode": "0600", "content": {"is": "pipe"}}),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_what_drifted_is_seen_without_its_content_and_healed(house: House, drift: str) -> None:
    wanted = house.file(str(house.root / "a"))
    house.write(wanted)
    act, differing = DRIFTS[drift]
    act(house.root / "a")
    assert house.state() == {**wanted.state.fields, **differing}
    house.write(wanted, Verb.UPDATE)
    assert house.state() == dict(wanted.state.fields)


def test_what_was_applied_last_is_told_by_its_content(house: House) -> None:
    house.write(house.file("a", "first"))
    house.file("a", "second")
    assert house.state() == {"path": "a", "mode": "0644", "content": "first"}
    (house.data / "a").write_text("second")
    assert house.state() == {"path": "a", "mode": "0644", "content": "second"}


def test_a_file_that_moves_is_seen_where_it_was_until_it_is_written_anew(house: House) -> None:
    old = house.file("a")
    house.write(old)
    new = house.file("b")
    assert house.state() == dict(old.state.fields)
    house.delete(old)
    assert house.state() is None
    house.write(new, Verb.REPLACE)
    assert house.state() == dict(new.state.fields)
    assert os.listdir(house.data) == ["b"]


def test_a_delete_removes_that_file_alone_and_none_is_no_error(house: House) -> None:
    wanted = house.file("conf/a")
    house.write(wanted)
    (house.data / "conf" / "b").write_text("theirs")
    house.delete(wanted)
    house.delete(wanted)
    assert os.listdir(house.data / "conf") == ["b"]
    assert house.state() is None


def test_a_delete_knows_the_place_from_what_was_applied(house: House) -> None:
    wanted = house.file("a")
    house.write(wanted)
    unseen = step(StepVerb.DELETE, wanted, Verb.DELETE)
    asyncio.run(house.engine.apply(replace(unseen, change=replace(unseen.change, before=None))))
    assert os.listdir(house.data) == []


def test_a_secret_is_written_and_seen_by_its_fingerprint_alone(house: House) -> None:
    (house.secrets / "key").write_text("canary-4711\n")
    wanted = house.file("key.pem", {"secret": "key", "fingerprint": fingerprint(KEY, "canary-4711")}, mode="0600")
    house.write(wanted)
    assert (house.data / "key.pem").read_text() == "canary-4711"
    assert house.state() == dict(wanted.state.fields)
    (house.data / "key.pem").write_text("canary-0815")
    assert "canary" not in str(house.state())
    assert house.state() == {**wanted.state.fields, "content": {"secret": "key", "fingerprint": fingerprint(KEY, "canary-0815")}}


def test_a_secret_that_is_not_there_is_named(house: House) -> None:
    wanted = house.file("key.pem", {"secret": "key", "fingerprint": None})
    assert refused(lambda: house.write(wanted)) == "HF3110"
    assert house.state() is None


@pytest.mark.parametrize("path", ["/etc/holdfast-test-motd", "/"])
def test_no_path_outside_the_allowed_folders_is_touched(house: House, path: str) -> None:
    wanted = house.file(path)
    assert refused(lambda: house.write(wanted)) == "HF3120"
    assert refused(lambda: house.delete(wanted)) == "HF3120"
    assert str(house.see()).startswith(f"cannot touch {path}: it lies beneath no folder")


@pytest.mark.parametrize("path", ["../outside", "a/../../outside", "link/a"])
def test_nothing_leaves_its_folder(house: House, tmp_path: Path, path: str) -> None:
    house.data.mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").write_text("theirs")
    (house.data / "link").symlink_to(tmp_path / "outside")
    wanted = house.file(path)
    assert refused(lambda: house.write(wanted)) in {"HF3100", "HF3101"}
    assert refused(lambda: house.delete(wanted)) in {"HF3100", "HF3101"}
    assert isinstance(house.see(), str)
    assert (tmp_path / "outside" / "a").read_text() == "theirs"


def test_no_mode_lends_power(house: House) -> None:
    assert refused(lambda: house.write(house.file("a", mode="4755"))) == "HF3102"


def test_a_link_is_replaced_and_not_written_through(house: House, tmp_path: Path) -> None:
    house.data.mkdir(parents=True)
    (tmp_path / "theirs").write_text("theirs")
    (house.data / "a").symlink_to(tmp_path / "theirs")
    wanted = house.file("a", adopt=True)
    house.write(wanted, Verb.UPDATE)
    assert house.state() == dict(wanted.state.fields)
    assert (tmp_path / "theirs").read_text() == "theirs"


def test_what_appeared_where_a_file_was_to_be_new_is_left_unless_it_may_be_adopted(house: House) -> None:
    house.data.mkdir(parents=True)
    (house.data / "a").write_text("theirs")
    assert refused(lambda: house.write(house.file("a"))) == "HF3124"
    assert refused(lambda: house.write(house.file("a"), Verb.REPLACE)) == "HF3124"
    assert (house.data / "a").read_text() == "theirs"
    house.write(house.file("a", adopt=True))
    assert (house.data / "a").read_text() == "hello"


def test_a_folder_makes_no_place(house: House) -> None:
    (house.data / "a").mkdir(parents=True)
    wanted = house.file("a", adopt=True)
    assert [refused(lambda: house.write(wanted, Verb.UPDATE)), refused(lambda: house.delete(wanted))] == ["HF3125", "HF3125"]


def test_one_that_cannot_be_seen_hides_no_other(house: House) -> None:
    good = house.file("a", name="good")
    house.write(good)
    live = asyncio.run(house.engine.observe([good.id, ID]))
    assert live.observed[good.id].state == good.state
    assert live.unreachable == {ID: "cannot find File/shop/motd: nothing says where it lies"}


def test_a_root_that_is_not_there_holds_no_file_and_takes_none(house: House) -> None:
    house.root.rmdir()
    wanted = house.file(str(house.root / "a"))
    assert house.state() is None
    house.delete(wanted)
    assert refused(lambda: house.write(wanted)) == "HF3104"


def test_an_owner_that_this_host_does_not_have_is_named(house: House) -> None:
    wanted = house.file("a", owner="holdfast-nobody-of-that-name")
    assert refused(lambda: house.write(wanted)) == "HF3123"
    assert house.state() is None


def test_our_own_name_is_an_owner_by_name_and_number(house: House) -> None:
    for at, owner in enumerate((f"{os.geteuid()}:{os.getegid()}", str(os.geteuid()))):
        wanted = house.file(f"a{at}", owner=owner, name=f"f{at}")
        house.write(wanted)
        assert house.state(wanted.id) == dict(wanted.state.fields)


def test_a_change_of_a_file_that_was_looked_at_is_told(house: House) -> None:
    wanted = house.file("conf/a")
    other = house.file(str(house.root / "b"), name="other")

    async def story() -> list[ResourceId]:
        await house.engine.apply(step(StepVerb.APPLY, wanted, Verb.CREATE))
        await house.engine.observe([wanted.id, other.id])
        async with aclosing(house.engine.watch()) as told, asyncio.timeout(DEADLINE_S):
            heard = [await anext(told), await anext(told)]
            (house.data / "conf" / "a").write_text("drift")
            heard.append(await anext(told))
            (house.root / "b").write_text("new")
            heard.append(await anext(told))
        return heard

    heard = asyncio.run(story())
    assert set(heard[:2]) == {wanted.id, other.id}
    assert heard[2:] == [wanted.id, other.id]


def test_what_nobody_knows_any_more_is_told_of_no_more(house: House) -> None:
    gone = house.file("gone", name="gone")
    stays = house.file("stays")

    async def story() -> ResourceId:
        await house.engine.observe([gone.id, stays.id])
        del house.known[gone.id]
        async with aclosing(house.engine.watch()) as told, asyncio.timeout(DEADLINE_S):
            return await anext(told)

    assert asyncio.run(story()) == stays.id
