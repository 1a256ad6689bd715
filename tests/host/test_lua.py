"""Users' Lua: what it may do, and what ends it. The scripts are run for real; what bounds them is the kernel."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

import holdfast
from holdfast.errors import Rejected
from holdfast.host.lua import Lua
from holdfast.kit.canonical import Json


def ran(*scripts: str, **names: Json) -> list[Json | Rejected]:
    """Run scripts one after another; return what each returned, or why it did not."""

    async def run() -> list[Json | Rejected]:
        lua = Lua()
        found: list[Json | Rejected] = []
        try:
            for script in scripts:
                try:
                    found.append(await lua.run(script, "health of Thing", names))
                except Rejected as error:
                    found.append(error)
        finally:
            await lua.aclose()
        return found

    return asyncio.run(run())


def one(script: str, **names: Json) -> Json:
    (found,) = ran(script, **names)
    assert not isinstance(found, Rejected), found
    return found


def failure(script: str, **names: Json) -> str:
    (found,) = ran(script, **names)
    assert isinstance(found, Rejected), found
    assert found.code == "HF3341"
    return found.message


def test_what_it_is_given_and_returns_is_plain_data() -> None:
    obj: Json = {"spec": {"replicas": 3, "names": ["a", "b"], "empty": [], "on": True, "nothing": None}, "share": 0.5}
    script = "obj.spec.replicas = obj.spec.replicas + 1; obj.spec.n = #obj.spec.names; obj.none = obj.spec.nothing == nil; return obj"
    assert one(script, obj=obj) == {
        "spec": {"replicas": 4, "names": ["a", "b"], "empty": [], "on": True, "n": 2},
        "share": 0.5,
        "none": True,
    }


def test_it_has_the_language_and_little_more() -> None:
    texts = "string.format('%02d', 7), table.concat({'a', 'b'}, '-')"
    assert one(f"local o = require('os') return {{{texts}, math.floor(2.5), type(o.time()), o.date('!%Y', 0)}}") == [
        "07",
        "a-b",
        2,
        "number",
        "1970",
    ]
    assert one("goto there; do return 1 end ::there:: return 2") == 2


@pytest.mark.parametrize(
    "name",
    "io debug package load loadstring loadfile dofile module jit python coroutine collectgarbage newproxy print getfenv setfenv gcinfo "
    "os.execute os.getenv os.remove os.exit os.rename os.tmpname string.dump".split(),
)
def test_what_would_reach_the_machine_is_not_there(name: str) -> None:
    assert one(f"return {name} == nil") is True
    assert one(f"return _G.{name} == nil") is True
    assert one("return getmetatable('').__index.dump == nil") is True


@pytest.mark.parametrize("name", ["ffi", "io", "socket", "jit.util", "/etc/passwd"])
def test_nothing_is_required_but_what_is_there(name: str) -> None:
    assert "a script reaches nothing" in failure(f"return require('{name}')")


def test_compiled_code_is_not_taken() -> None:
    assert "it is no text" in failure("\x1bLJ\x02")


@pytest.mark.parametrize(
    "script",
    [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "return string.rep('a', 30):find(string.rep('a?', 30) .. string.rep('a', 30) .. 'b')",
        "return string.rep('a', 200000):find('.-.-.-.-b')",
        "local t = {} for i = 1, 64 do t = {t, t} end return t",
    ],
    ids=["a loop", "a loop that catches errors", "a pattern", "a longer pattern", "an answer without end"],
)
def test_what_does_not_end_is_ended_and_the_next_script_runs(script: str) -> None:
    first, second = ran(script, "return 'well'")
    assert isinstance(first, Rejected)
    assert "processor time" in first.message
    assert second == "well"


@pytest.mark.parametrize(
    "script",
    ["return string.rep('a', 1e9)", "local t = {} while true do t[#t + 1] = string.rep('a', 1e6) .. #t end"],
)
def test_what_wants_too_much_memory_fails(script: str) -> None:
    first, second = ran(script, "return 'well'")
    assert isinstance(first, Rejected)
    assert "memory" in first.message
    assert second == "well"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("error('no such thing')", "no such thing"),
        ("error('plain', 0)", "plain"),
        ("return obj.nothing.there", "attempt to index"),
        ("retrun 1", "health of Thing:1:"),
        ("return function() end", "it holds a function"),
        ("local t = {} t.t = t return t", "nested more than"),
        ("return {[true] = 1}", "neither text nor number"),
        ("return '\\255'", "answer cannot be read"),
        ("error({})", "health of Thing"),
    ],
)
def test_what_fails_says_why(script: str, words: str) -> None:
    assert words in failure(script, obj={})


def test_no_script_sees_what_another_left() -> None:
    assert ran("leak = 1; string.leak = 2; _G.more = 3", "return {leak == nil, string.leak == nil, more == nil}")[1] == [True, True, True]


def test_the_program_ends_when_nobody_asks() -> None:
    async def run() -> int | None:
        lua = Lua(idle_s=0.0)
        await lua.run("return 1", "one", {})
        process: Any = lua._program._process
        code = await process.wait()
        assert await lua.run("return 2", "two", {}) == 2
        await lua.aclose()
        return int(code)

    work: Coroutine[Any, Any, int | None] = run()
    assert asyncio.run(work) == 0


def test_without_the_extra_it_says_what_to_install() -> None:
    program = """
import asyncio
from holdfast.errors import Rejected
from holdfast.host.lua import Lua
try:
    asyncio.run(Lua().run("return 1", "the health check of Thing", {}))
except Rejected as error:
    print(error.code, error.message, error.hint, sep="|")
"""
    source = str(Path(holdfast.__file__).parents[1])
    done = subprocess.run([sys.executable, "-S", "-c", program], env={"PYTHONPATH": source}, capture_output=True, text=True, check=True)
    assert done.stdout.strip().split("|") == [
        "HF3340",
        "cannot run the health check of Thing: Lua is not installed",
        "install the extra: pip install 'holdfast[lua]'",
    ]
