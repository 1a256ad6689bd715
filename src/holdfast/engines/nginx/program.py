"""The nginx program of this host: where it is, what it can, and what it says of a configuration. Runs it to its end, never as a server."""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from pathlib import Path

from holdfast.edge.capability import Capability, read_capability
from holdfast.errors import EngineError, Rejected, TimedOut
from holdfast.host.command import Ended, end_group, run

ASK_LIMIT_S = 10.0
TEST_LIMIT_S = 30.0
"""A configuration of thousands of hosts takes seconds."""
BESIDE = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where systems keep it, which is not on an ordinary user's PATH."""


class Program:
    """`path` is absolute; `search_path` finds dpkg-query, where there is one."""

    def __init__(self, path: str, search_path: str) -> None:
        self.path = path
        self._search_path = search_path
        self._names = tuple(dict.fromkeys((path, os.path.realpath(path))))
        """The path, and where its links lead."""

    @classmethod
    def find(cls, search_path: str, beside: tuple[str, ...] = BESIDE) -> Program:
        """Return the nginx that a root shell would start. Raises Rejected."""
        found = shutil.which("nginx", path=":".join((search_path, *beside)))
        if found is None:
            raise Rejected(
                "HF3180",
                f"cannot find nginx: it is neither on {search_path} nor in {', '.join(beside)}",
                hint="install it (Debian: apt-get install nginx-light), or add its folder to the configured PATH",
            )
        return cls(found, search_path)

    async def capability(self, executable: str | None = None) -> Capability:
        """Return what the program says it can; `executable`: of one that runs already. Raises Rejected."""
        ended = await self._run([executable or self.path, "-V"], ASK_LIMIT_S)
        try:
            return read_capability("\n".join(ended.lines), await self._revision())
        except ValueError as error:
            raise Rejected("HF3180", f"cannot use {self.path}: {error}", hint="is it nginx?") from error

    async def _revision(self) -> str | None:
        """Return the package revision: Debian mends faults without a new version. None where it is no package."""
        if shutil.which("dpkg-query", path=self._search_path) is None:
            return None
        for path in self._names:
            owner = await self._answer(["dpkg-query", "--search", path])
            if package := owner.partition(":")[0].split(",")[0].strip():
                return await self._answer(["dpkg-query", "--show", "--showformat=${Version}", package]) or None
        return None

    async def _answer(self, command: Sequence[str]) -> str:
        try:
            ended = await self._run(command, ASK_LIMIT_S)
        except EngineError:
            return ""
        return ended.lines[0].strip() if ended.code == 0 and ended.lines else ""

    async def built(self) -> str:
        """Return what the program was built with."""
        return "\n".join((await self._run([self.path, "-V"], ASK_LIMIT_S)).lines)

    async def dump(self, conf: Path) -> str:
        """Return all files of a configuration as `nginx -T` prints them; Rejected where nginx does not take it."""
        process = await asyncio.create_subprocess_exec(
            *(self.path, "-T", "-q", "-c", str(conf)),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env={"PATH": self._search_path, "LC_ALL": "C"},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(TEST_LIMIT_S):
                text, said = await process.communicate()
        except TimeoutError as error:
            raise TimedOut("HF3182", f"cannot read the configuration of nginx: no answer within {TEST_LIMIT_S:g} s") from error
        finally:
            await end_group(process, 0)
        if process.returncode != 0:
            lines = said.decode(errors="replace").splitlines()
            raise Rejected(
                "HF3188",
                f"cannot use the system's nginx: it does not take its own configuration: {lines[0] if lines else 'it said nothing'}",
                hint="mend what it says, or let Holdfast run one of its own",
                log=lines,
            )
        return text.decode(errors="replace")

    async def test(
        self, conf: Path, prefix: Path | None, *, executable: str | None = None, limit_s: float = TEST_LIMIT_S
    ) -> tuple[str, ...]:
        """Return what nginx says against a configuration, nothing where it takes it. Raises TimedOut."""
        where = ("-p", str(prefix)) if prefix is not None else ()
        ended = await self._run([executable or self.path, "-t", "-q", *where, "-c", str(conf)], limit_s)
        if ended.code is None:
            raise TimedOut(
                "HF3182",
                f"cannot test the nginx configuration: no answer within {limit_s:g} s",
                hint="a name that no resolver answers holds it up; it is tried again",
                log=ended.lines,
            )
        return () if ended.code == 0 else ended.lines or (f"nginx -t ended with {ended.code}",)

    async def _run(self, command: Sequence[str], limit_s: float) -> Ended:
        return await run(command, folder="/", environment={"PATH": self._search_path, "LC_ALL": "C"}, timeout_s=limit_s)
