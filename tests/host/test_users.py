"""Run users: one pair of numbers for each Application, remembered for good; root only where this host says so."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Mapping

import pytest

from holdfast.errors import Rejected
from holdfast.host.users import HostUsers, RunUser
from holdfast.kit.canonical import Json
from holdfast.kit.tasks import all_of


class Remembered:
    """Records in memory, slow enough for two writers to meet."""

    def __init__(self) -> None:
        self.values: dict[str, Json] = {}

    def get(self, key: str) -> Json:
        return self.values.get(key)

    def all(self) -> Mapping[str, Json]:
        return self.values

    async def put(self, key: str, value: Json) -> None:
        await asyncio.sleep(0)
        self.values[key] = value

    async def drop(self, key: str) -> None:
        del self.values[key]


def users(records: Remembered, *, allowed: frozenset[str] = frozenset(), euid: int = 0, last: int = 61010) -> HostUsers:
    return HostUsers(records=records, uid_range=(61000, last), allowed=allowed, euid=euid)


def test_each_application_has_a_user_of_its_own_and_keeps_it() -> None:
    records = Remembered()

    async def story() -> None:
        house = users(records)
        names = [f"app-{number}" for number in range(8)]
        found = await all_of(*(house.user_of(name, None) for name in names))
        assert len({user.uid for user in found}) == 8
        assert all(user.uid == user.gid and user.groups == () for user in found)
        assert [await users(records).user_of(name, None) for name in names] == found

    asyncio.run(story())


def test_a_number_that_a_user_of_this_host_has_is_not_given() -> None:
    taken = pwd.getpwuid(65534)
    house = HostUsers(records=Remembered(), uid_range=(taken.pw_uid - 1, taken.pw_uid), allowed=frozenset(), euid=0)

    async def story() -> None:
        assert (await house.user_of("one", None)).uid == taken.pw_uid - 1
        with pytest.raises(Rejected) as refused:
            await house.user_of("two", None)
        assert refused.value.code == "HF3063"

    asyncio.run(story())


def test_root_is_refused_by_name_and_number_unless_this_host_allows_it() -> None:
    async def story() -> None:
        for name in ("root", "0"):
            with pytest.raises(Rejected) as refused:
                await users(Remembered()).user_of("shop", name)
            assert refused.value.code == "HF3062"
        allowed = await users(Remembered(), allowed=frozenset({"root"})).user_of("shop", "root")
        assert (allowed.uid, allowed.name) == (0, "root")

    asyncio.run(story())


def test_a_named_user_is_looked_up_and_gets_no_further_groups() -> None:
    async def story() -> None:
        nobody = pwd.getpwuid(65534)
        user = await users(Remembered()).user_of("shop", nobody.pw_name)
        assert user == RunUser(uid=nobody.pw_uid, gid=nobody.pw_gid, name=nobody.pw_name)
        for unknown in ("no-such-user", "4294967294", "99999999999999999999"):
            with pytest.raises(Rejected) as refused:
                await users(Remembered()).user_of("shop", unknown)
            assert refused.value.code == "HF3060"

    asyncio.run(story())


def test_without_root_everything_runs_as_ourselves() -> None:
    async def story() -> None:
        house = users(Remembered(), euid=65534)
        user = await house.user_of("shop", None)
        assert (user.uid, user.gid, user.name) == (-1, -1, pwd.getpwuid(65534).pw_name)
        assert await house.user_of("shop", user.name) == user
        with pytest.raises(Rejected) as refused:
            await house.user_of("shop", "root")
        assert refused.value.code == "HF3061"
        assert "root" in (refused.value.hint or "")

    asyncio.run(story())


def test_by_default_it_asks_the_kernel_who_we_are() -> None:
    async def story() -> None:
        user = await HostUsers(records=Remembered(), uid_range=(61000, 61001), allowed=frozenset()).user_of("shop", None)
        assert (user.uid >= 61000) is (os.geteuid() == 0)

    asyncio.run(story())
