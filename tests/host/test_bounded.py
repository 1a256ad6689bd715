"""The program that users' work is done in: what it lets go of, and what ends it. That of Lua stands for all."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from holdfast.host.bounded import Answer, BoundedProgram
from holdfast.kit.canonical import Json


def asked(room: str, *work: str) -> list[Answer]:
    async def run() -> list[Answer]:
        program = BoundedProgram(room)
        try:
            return [await program.ask({"script": each, "name": "x", "globals": {}}) for each in work]
        finally:
            await program.aclose()

    return asyncio.run(run())


def test_an_error_of_the_work_is_told_apart_from_what_ended_the_program() -> None:
    well, wrong, endless, after = asked("lua", "return 1", "error('no', 0)", "while true do end", "return 2")
    assert (well, wrong, after) == (Answer(value=1), Answer(error="no"), Answer(value=2))
    assert endless == Answer(error="it used more than 1 s of processor time", is_ended=True)


def test_a_program_that_cannot_begin_is_told_of() -> None:
    (answer,) = asked("nothing", "return 1")
    assert answer == Answer(error="the program that ran it ended with 1", is_ended=True)


@pytest.mark.parametrize("room", ["lua", "jq"])
def test_it_is_nobody_opens_nothing_and_starts_nothing(room: str) -> None:
    async def run() -> tuple[str, str]:
        program = BoundedProgram(room)
        work: dict[str, Json] = {"script": "return 1", "name": "x", "globals": {}, "expression": ".a", "value": {}}
        assert not (await program.ask(work)).error
        assert program._process is not None
        folder = Path(f"/proc/{program._process.pid}")
        found = (folder / "status").read_text(), (folder / "limits").read_text()
        await program.aclose()
        return found

    status, limits = asyncio.run(run())
    values = {name: rest.split() for name, _, rest in (line.partition(":") for line in status.splitlines())}
    nobody = "65534" if os.geteuid() == 0 else str(os.geteuid())
    assert values["Uid"] == [nobody] * 4
    rows = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    assert rows["Max open files"] == ["3", "3"]
    assert rows["Max processes"] == rows["Max file size"] == ["0", "0"]
    assert rows["Max address space"][0] == {"lua": str(1 << 30), "jq": str(512 << 20)}[room]
