"""Run users: as whom an Application's programs run, where Holdfast runs as root.

Each Application has a uid and a gid of its own from a configured range, remembered for good, so that no two ever share one and none is
given twice. A named user is looked up in passwd, gets no supplementary groups (docker or sudo would be root by another name), and is
root only where the local configuration says so. Without root everything runs as ourselves.
"""

from __future__ import annotations

import asyncio
import os
import pwd
from dataclasses import dataclass

from holdfast.errors import Rejected
from holdfast.model.ports import Records

SPACE = "users"
"""The space of Records that uids are remembered in."""
OURSELVES = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUser:
    """As whom a program runs. `uid` and `gid` -1: as ourselves, who are not root."""

    uid: int
    gid: int
    name: str
    groups: tuple[int, ...] = ()


class HostUsers:
    """Implements the engines' port `Users`. `uid_range` is first and last uid; `allowed` what the local configuration widens."""

    def __init__(self, *, records: Records, uid_range: tuple[int, int], allowed: frozenset[str], euid: int | None = None) -> None:
        self._records = records
        self._range = uid_range
        self._allowed = allowed
        self._euid = os.geteuid() if euid is None else euid
        self._turn = asyncio.Lock()

    async def user_of(self, application: str, user: str | None) -> RunUser:
        """Return as whom programs of `application` run that ask for `user`; raises Rejected."""
        if self._euid != 0:
            return self._ourselves(user)
        return await self._own(application) if user is None else self._named(user)

    async def uid_of(self, application: str, user: str) -> int:
        """Return the uid of a user by its name: of this host, or `holdfast-<application>` of an Application. Raises Rejected (HF3060)."""
        if user == _own_name(application):
            return (await self._own(application)).uid
        if (uid := self.known_uid(user)) is None:
            raise Rejected(
                "HF3060",
                f"cannot let {user} in: this host has no such user, and no Application is called so",
                hint=f"create it (useradd --system {user}), or take it out of network.clients",
            )
        return uid

    def known_uid(self, user: str) -> int | None:
        """Return the uid of a user by its name or number, or of an Application that has one; None where there is none."""
        number = next((uid for name, uid in self._records.all().items() if user == _own_name(name)), None)
        if isinstance(number, int):
            return number
        try:
            return pwd.getpwuid(int(user)).pw_uid if user.isdecimal() else pwd.getpwnam(user).pw_uid
        except (KeyError, OverflowError):
            return None

    def _ourselves(self, user: str | None) -> RunUser:
        name = _name_of(self._euid)
        if user not in (None, name, str(self._euid)):
            raise Rejected(
                "HF3061",
                f"cannot run as {user}: Holdfast runs as {name}, and only root may run programs as somebody else",
                hint="leave `user` out, or run Holdfast as root",
            )
        return RunUser(uid=OURSELVES, gid=OURSELVES, name=name)

    def _named(self, user: str) -> RunUser:
        try:
            entry = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
        except (KeyError, OverflowError) as error:
            raise Rejected(
                "HF3060",
                f"cannot run as {user}: this host has no such user",
                hint=f"create it (useradd --system {user}), or leave `user` out",
            ) from error
        if 0 in (entry.pw_uid, entry.pw_gid) and "root" not in self._allowed:
            raise Rejected(
                "HF3062",
                f"cannot run as {user}: it is root, or of its group, which only the local configuration may give",
                hint="leave `user` out, or set allow.root in the configuration of this host",
            )
        return RunUser(uid=entry.pw_uid, gid=entry.pw_gid, name=entry.pw_name)

    async def _own(self, application: str) -> RunUser:
        async with self._turn:
            number = self._records.get(application)
            if not isinstance(number, int):
                number = self._free(application)
                await self._records.put(application, number)
        return RunUser(uid=number, gid=number, name=_own_name(application))

    def _free(self, application: str) -> int:
        """Return a uid that nobody has: no Application, past ones included, and no user of this host."""
        first, last = self._range
        taken = {number for number in self._records.all().values() if isinstance(number, int)}
        taken |= {entry.pw_uid for entry in pwd.getpwall()} | {entry.pw_gid for entry in pwd.getpwall()}
        for number in range(first, last + 1):
            if number not in taken:
                return number
        raise Rejected(
            "HF3063",
            f"cannot give {application} a user of its own: every uid from {first} to {last} is taken",
            hint="widen uid_range in the configuration of this host",
        )


def _own_name(application: str) -> str:
    return f"holdfast-{application}"


def person_of(uid: int) -> str:
    """Return who acts, for an event: `0 root`, or the uid alone where it has no name here."""
    name = _name_of(uid)
    return name if name == str(uid) else f"{uid} {name}"


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
