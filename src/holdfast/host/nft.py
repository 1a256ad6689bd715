"""nftables of this host, by its command line: one table read as JSON, a batch of commands done as a whole, and the news of the kernel."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any

from holdfast.errors import Rejected, TimedOut, Unavailable
from holdfast.host.command import end_group
from holdfast.kit.tasks import Wakeup

LIMIT_S = 10.0
GRACE_S = 0.5
_NETLINK_NETFILTER = 12
_NFNLGRP_NFTABLES = 7
"""The multicast group of every change of a ruleset (linux/netfilter/nfnetlink.h)."""
_DATAGRAM = 1 << 16


class Nft:
    """`command` runs nft, in another network namespace where that is meant; `search_path` finds it."""

    def __init__(self, *, search_path: str, command: Sequence[str] = ("nft",)) -> None:
        self._command = tuple(command)
        self._search_path = search_path

    async def table(self, name: str) -> tuple[dict[str, Any], ...] | None:
        """Return the objects of the table `inet <name>` as nft -j lists them; None where there is no such table. Raises EngineError."""
        code, out, words = await self._run("-j", "-n", "list", "table", "inet", name)
        if code != 0:
            if "No such file or directory" in words:
                return None
            raise Unavailable("HF3132", f"cannot list the rules of table {name}: {words}")
        try:
            return tuple(json.loads(out)["nftables"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("HF3132", f"cannot list the rules of table {name}: what nft says is no list of rules") from error

    async def do(self, commands: Sequence[str]) -> None:
        """Do all commands or none. Raises Rejected (HF3131) with what nft says."""
        code, _, words = await self._run("; ".join(commands))
        if code != 0:
            raise Rejected(
                "HF3131", f"cannot change the rules of nftables: {words}", hint="is nf_tables in this kernel, and may we use it?"
            )

    async def _run(self, *arguments: str) -> tuple[int, bytes, str]:
        """Return exit code, output and the first line of what was said beside it."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd="/",
                env={"PATH": self._search_path, "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable("HF3130", f"cannot run {self._command[0]}: {error.strerror or error}", hint="install nftables") from error
        try:
            async with asyncio.timeout(LIMIT_S):
                out, said = await process.communicate()
        except TimeoutError as error:
            raise TimedOut("HF3132", f"cannot ask nft: no answer within {LIMIT_S:g} s") from error
        finally:
            await end_group(process, GRACE_S)
        lines = said.decode(errors="replace").strip().splitlines()
        return process.returncode or 0, out, lines[0] if lines else ""


def news_socket() -> socket.socket:
    """Return a socket on which the kernel tells of every change of the rules of our network namespace; raises OSError (root alone may)."""
    it = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
    try:
        it.bind((0, 1 << (_NFNLGRP_NFTABLES - 1)))
    except BaseException:
        it.close()
        raise
    return it


async def changes(it: socket.socket) -> AsyncIterator[None]:
    """Yield whenever the rules may have changed; several changes may be one. What was lost for want of room is a change too."""
    loop, bell = asyncio.get_running_loop(), Wakeup()
    loop.add_reader(it.fileno(), bell.wake)
    try:
        while True:
            await bell.wait()
            _drain(it)
            yield None
    finally:
        loop.remove_reader(it.fileno())


def _drain(it: socket.socket) -> None:
    while True:
        try:
            it.recv(_DATAGRAM)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # some were lost
                raise
