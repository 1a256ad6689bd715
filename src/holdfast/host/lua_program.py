"""What runs users' Lua within `bounded_program`: each script in a state of its own, with nothing to reach.

Needs lupa (the extra `lua`) and nothing of the house. Asked is {script, name, globals}. The memory of a script is bounded by the allocator
of its state; all else by the program.
"""

from __future__ import annotations

from typing import Any, NoReturn

from lupa.luajit21 import LuaError, LuaMemoryError, LuaRuntime, lua_type

MEMORY = 64 << 20
PROCESS_MEMORY = 1 << 30
DEEPEST = 100

SANDBOX = """
jit.off()
local setfenv, pairs, tostring, error = setfenv, pairs, tostring, error
local keep = function(from, names)
  local to = {}
  for name in names:gmatch("%S+") do to[name] = from[name] end
  return to
end
string.dump = nil
local clock = keep(os, "time date")
local env = keep(_G, [[assert error getmetatable ipairs next pairs pcall rawequal rawget rawset select setmetatable tonumber tostring type
  unpack xpcall _VERSION]])
env._G, env.string, env.table, env.math, env.os, env.bit = env, string, table, math, clock, bit
local libraries = { string = string, table = table, math = math, os = clock, bit = bit }
env.require = function(name)
  if libraries[name] == nil then error("module '" .. tostring(name) .. "' is not there: a script reaches nothing", 2) end
  return libraries[name]
end
for name in pairs(_G) do if name ~= "_G" then _G[name] = nil end end
return function(chunk, globals)
  for name, value in pairs(globals) do env[name] = value end
  return (setfenv(chunk, env))()
end
"""
"""What a script has: the language, without anything that loads code, dumps it, sees the machine or other states."""


def refuse(_object: object, _name: object, _is_setting: bool) -> NoReturn:
    raise AttributeError("nothing of the host is here")


def run(asked: dict[str, Any]) -> dict[str, Any]:
    lua = LuaRuntime(register_eval=False, register_builtins=False, unpack_returned_tuples=True, attribute_filter=refuse, max_memory=MEMORY)
    script = asked["script"]
    if script.startswith("\x1b"):
        return {"error": "it is no text"}
    try:
        begin = lua.execute(SANDBOX)
        chunk = lua.compile(script, name=f"={asked['name']}", mode="t")
        return {"value": plain(begin(chunk, lua.table_from(asked["globals"], recursive=True)))}
    except (LuaMemoryError, MemoryError):
        return {"error": f"it used more than {MEMORY >> 20} MiB of memory"}
    except LuaError as error:
        return {"error": str(error).split("\nstack traceback:")[0] or "it failed"}
    except (ValueError, TypeError, RecursionError) as error:
        return {"error": f"its answer cannot be read: {error}"}


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value of Lua as JSON has it; a table without keys is an empty list."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        raise ValueError("a text in it is not UTF-8")
    if lua_type(value) != "table":
        raise ValueError(f"it holds a {lua_type(value)}")
    if depth > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} deep")
    items = list(value.items())
    if not all(isinstance(key, str | int) and not isinstance(key, bool) for key, _ in items):
        raise ValueError("a key in it is neither text nor number")
    if {key for key, _ in items} == set(range(1, len(items) + 1)):
        return [plain(item, depth + 1) for _, item in sorted(items, key=lambda pair: int(pair[0]))]
    return {str(key): plain(item, depth + 1) for key, item in items}
