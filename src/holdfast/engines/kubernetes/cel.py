"""CEL: expressions of users' rules of health, by the C++ runtime of CEL's own authors (the extra `cel`).

Bounded by that runtime: 10,000 steps of its macros, patterns in linear time (RE2). The names that an expression has: `object`, and the
object's own `apiVersion`, `kind`, `metadata`, `spec`, `status` and `data`, empty where it has none.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.kubernetes.health_rule import Cel

FIELDS = ("metadata", "spec", "status", "data")
TEXTS = ("apiVersion", "kind")
NO_FIELD = "NOT_FOUND"


def compiler() -> Cel | None:
    """Return what compiles CEL; None where the extra is not installed. The runtime, 12 MB, comes with the first expression."""
    return _compiled if importlib.util.find_spec("cel_expr_python") is not None else None


def _compiled(text: str) -> Callable[[Json], Json]:
    error_type, compiled = _runtime()
    try:
        program = compiled(text)
    except RuntimeError as error:
        raise ValueError(_first_line(error)) from error

    def ask(live: Json) -> Json:
        said = live if isinstance(live, dict) else {}
        known = {"object": said, **{name: said.get(name) or {} for name in FIELDS}, **{name: said.get(name) or "" for name in TEXTS}}
        try:
            value = program.eval(data=known)
        except RuntimeError as error:
            raise ValueError(_first_line(error)) from error
        found = value.value()
        if value.type() == error_type:
            if str(found).startswith(NO_FIELD):
                return None
            raise ValueError(_first_line(found))
        return found if isinstance(found, bool) else None if found is None else str(found)

    return ask


@cache
def _runtime() -> tuple[Any, Callable[[str], Any]]:
    """Return the type of errors, and what compiles."""
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_optional, ext_strings

    names = dict.fromkeys(("object", *TEXTS, *FIELDS), cel.Type.DYN)
    environment = cel.NewEnv(variables=names, extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings()])
    return cel.Type.ERROR, environment.compile


def _first_line(error: object) -> str:
    return str(error).partition(": ")[2].splitlines()[0].strip() or str(error)
