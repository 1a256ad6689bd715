"""What runs users' jq within `bounded_program`: the paths that an expression names in a value.

Needs jq (the extra `jq`) and nothing of the house. Asked is {expression, value}; the value of an answer is a list of paths as jq has them.
No message holds anything of the value, which may be a secret's.
"""

from __future__ import annotations

import functools
from typing import Any

import jq

PROCESS_MEMORY = 512 << 20
KEPT = 256
"""Compiled expressions."""
MOST = 10_000
LONGEST = 300
"""Of a message."""
NO_PATH = "Invalid path expression"


@functools.lru_cache(KEPT)
def compiled(expression: str) -> Any:
    """As Argo CD, which takes away with `del(EXPRESSION)`. Alone first: what is wrong with it is told by its own lines and columns."""
    jq.compile(expression)
    return jq.compile(f"path({expression}\n)")


def run(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        program = compiled(asked["expression"])
    except ValueError as error:
        return {"error": str(error).removeprefix("jq: ").removeprefix("error: ").split("\n")[0].strip(" :")[:LONGEST]}
    paths: list[Any] = []
    try:
        for path in program.input_value(asked["value"]):
            paths.append(path)
            if len(paths) > MOST:
                return {"error": f"it names more than {MOST:,} fields"}
    except ValueError as error:
        if str(error).startswith(NO_PATH):
            return {"error": "it makes values, and names no fields"}
        return {"value": []}  # As Argo CD: what does not fit the object (`.a[]` where there is no list) names nothing of it.
    return {"value": paths}
