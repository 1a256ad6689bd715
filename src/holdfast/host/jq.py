"""jq: the fields that users' path expressions name, told by a bounded program of our own (`bounded`, `jq_program`).

The extra `jq` has to be installed. Caller: rules of `ignoreDifferences` for objects of a cluster.
"""

from __future__ import annotations

import importlib.util

from holdfast.host.bounded import IDLE_S, Answer, BoundedProgram
from holdfast.kit.canonical import Json

MISSING = "jq is not installed; install the extra: pip install 'holdfast[jq]', and start the daemon again"


class Jq:
    """Close it when done."""

    def __init__(self, *, idle_s: float = IDLE_S) -> None:
        self._program = BoundedProgram("jq", idle_s=idle_s)

    async def paths(self, expression: str, value: Json) -> Answer:
        """Return the paths that an expression names, as jq writes them: a list of lists of text, numbers and slices."""
        if importlib.util.find_spec("jq") is None:
            return Answer(error=MISSING)
        return await self._program.ask({"expression": expression, "value": value})

    async def aclose(self) -> None:
        await self._program.aclose()
