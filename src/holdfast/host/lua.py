"""Lua: users' scripts, run by a bounded program of our own (`bounded`, `lua_program`).

The extra `lua` has to be installed. Callers: checks of health and actions of objects of a cluster.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from holdfast.errors import Rejected
from holdfast.host.bounded import IDLE_S, BoundedProgram
from holdfast.kit.canonical import Json


class Lua:
    """Close it when done."""

    def __init__(self, *, idle_s: float = IDLE_S) -> None:
        self._program = BoundedProgram("lua", idle_s=idle_s)

    async def run(self, script: str, name: str, names: Mapping[str, Json]) -> Json:
        """Return what a script returns, as JSON. `name` is its name in messages.

        Raises `Rejected`: HF3340 where the extra is not installed, HF3341 where the script fails, or uses too much time or memory.
        """
        if importlib.util.find_spec("lupa") is None:
            hint = "install the extra: pip install 'holdfast[lua]'"
            raise Rejected("HF3340", f"cannot run {name}: Lua is not installed", hint=hint)
        answer = await self._program.ask({"script": script, "name": name, "globals": dict(names)})
        if answer.error:
            raise Rejected("HF3341", f"cannot run {name}: {answer.error}")
        return answer.value

    async def aclose(self) -> None:
        await self._program.aclose()
