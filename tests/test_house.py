"""The rules of the house that an import graph does not hold (architecture.md §2): purity, late imports, sizes, names and codes.

import-linter keeps the floors; this file keeps the rest. It reads the source as text and syntax and imports only the catalogue.
"""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import holdfast.catalogue
from holdfast.catalogue.entry import Explanation

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ROOT / "src" / "holdfast"
TESTS = ROOT / "tests"

ROOMS = ("delivery", "workload", "kubernetes", "edge", "guard", "observe", "flow", "review")
PURE_FLOORS = ("kit", "model", "declare", "core", *ROOMS)
PURE_STDLIB = frozenset(
    "__future__ abc base64 binascii bisect collections contextlib copy dataclasses datetime decimal difflib enum fnmatch fractions "
    "functools graphlib hashlib heapq hmac html ipaddress itertools json math numbers operator re shlex statistics string struct textwrap "
    "types typing unicodedata urllib.parse".split()
)
# What one place may know beyond the list; a longer path wins over its folder.
PURE_EXTRAS: Mapping[str, frozenset[str]] = {
    "declare": frozenset({"yaml", "pydantic", "pydantic_core", "annotated_types"}),
    "kit/tasks.py": frozenset({"asyncio"}),
    "kit/cron.py": frozenset({"zoneinfo"}),
}
# An engine translates the kinds of its own room. A new engine says here which that is.
ENGINE_ROOMS: Mapping[str, frozenset[str]] = {
    "application": frozenset(),
    "process": frozenset({"workload"}),
    "file": frozenset({"workload"}),
    "docker": frozenset({"workload"}),
    "registry": frozenset({"workload"}),
    "network": frozenset({"workload"}),
    "port_guard": frozenset({"workload"}),
    "kubernetes": frozenset({"kubernetes"}),
    "nginx": frozenset({"edge"}),
    "acme": frozenset({"edge"}),
    "firewall": frozenset({"guard"}),
    "prometheus": frozenset({"observe"}),
    "tracker": frozenset({"flow"}),
}
# What the composition root imports when the first resource of a room comes, and why: docs/decisions/0011.
LATE_ROOMS: Mapping[str, frozenset[str]] = {"app/house.py": frozenset({"holdfast.app.edge"})}
OPTIONAL_EXTRAS = frozenset("cel_expr_python duckdb hyperscan jq lupa opentelemetry psycopg pyrage re2 regex".split())
IMPURE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"})
IMPURE_METHODS = frozenset({"now", "utcnow", "today"})
OTHER_TEST_FOLDERS = frozenset({"laws", "cases", "simulation", "real", "conformance", "museum", "bench", "docs", "examples"})
LONGEST_FILE = 600
CODE = re.compile(r"HF\d{4}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One module of the house: its path beneath `src/holdfast`, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def floor(self) -> str:
        return self.path.split("/")[0].removesuffix(".py")

    def at(self, node: ast.stmt | ast.expr) -> str:
        return f"src/holdfast/{self.path}:{node.lineno}"


def sources() -> Iterator[Source]:
    for path in sorted(HOUSE.rglob("*.py")):
        text = path.read_text()
        yield Source(path=path.relative_to(HOUSE).as_posix(), text=text, tree=ast.parse(text, str(path)))


SOURCES = tuple(sources())


def imported(node: ast.AST) -> tuple[str, ...]:
    """Return the dotted names that an import statement reaches; nothing for any other node."""
    if isinstance(node, ast.Import):
        return tuple(alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return tuple(f"{node.module}.{alias.name}" for alias in node.names)
    return ()


def is_within(name: str, modules: frozenset[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def extras_of(source: Source) -> frozenset[str]:
    return PURE_EXTRAS.get(source.path, PURE_EXTRAS.get(source.floor, frozenset()))


def impurities(source: Source) -> Iterator[str]:
    """Yield each import beyond the allow-list and each call that asks the world something."""
    allowed = PURE_STDLIB | extras_of(source) | {"holdfast"}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (f"{source.at(node)} imports {name}" for name in imported(node) if not is_within(name, allowed))
        elif isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) if name in IMPURE_CALLS:
                    yield f"{source.at(node)} calls {name}()"
                case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=name) if name in IMPURE_METHODS:
                    yield f"{source.at(node)} asks the clock: {name}()"


def late_imports(source: Source) -> Iterator[str]:
    """Yield imports inside functions that rule 4 does not allow."""
    if source.floor == "cli":
        return
    allowed = OPTIONAL_EXTRAS | (extras_of(source) if source.floor == "declare" else frozenset()) | LATE_ROOMS.get(source.path, frozenset())
    for function in ast.walk(source.tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield from (f"{source.at(node)} imports {name} late" for name in imported(node) if not is_within(name, allowed))


def mutable_instances(source: Source) -> Iterator[str]:
    """Yield module-level lists, dicts and sets that are not declared read-only by their type."""
    for node in source.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                continue
            case ast.Assign(value=value):
                annotation = ""
            case ast.AnnAssign(value=ast.expr() as value, annotation=declared):
                annotation = ast.unparse(declared)
            case _:
                continue
        is_read_only = re.search(r"\b(Mapping|Sequence|AbstractSet|Collection|Iterable|Container)\b", annotation)
        if is_mutable(value) and not is_read_only:
            yield f"{source.at(node)} holds a mutable instance: {ast.unparse(node).splitlines()[0][:60]}"


def is_mutable(value: ast.expr) -> bool:
    match value:
        case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict", "Lock", "Event", "Queue"}
    return False


def bare_tasks(source: Source) -> Iterator[str]:
    """Yield tasks made past the guarded group; ruff bans the module functions, this finds the methods."""
    if source.path == "kit/tasks.py" or source.floor == "testing":
        return
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="create_task" | "ensure_future" as name)):
                yield f"{source.at(node)} calls {name}()"


def foreign_rooms(source: Source) -> Iterator[str]:
    """Yield an engine's imports of a room whose kinds it does not apply."""
    parts = source.path.removesuffix(".py").split("/")
    if parts[0] != "engines" or parts[1] == "__init__":
        return
    if parts[1] not in ENGINE_ROOMS:
        yield f"src/holdfast/{source.path}: engine {parts[1]} names no room in ENGINE_ROOMS"
        return
    for node in ast.walk(source.tree):
        for name in imported(node):
            segments = name.split(".")
            if segments[0] == "holdfast" and len(segments) > 1 and segments[1] in set(ROOMS) - ENGINE_ROOMS[parts[1]]:
                yield f"src/holdfast/{source.path} imports {name}"


def test_the_source_is_found() -> None:
    assert {"kit", "model", "declare", "core", "errors"} <= {source.floor for source in SOURCES}


def test_pure_floors_ask_nothing_of_the_world() -> None:
    pure = (source for source in SOURCES if source.floor in {*PURE_FLOORS, "errors", "catalogue"})
    assert [line for source in pure for line in impurities(source)] == []


def test_imports_stand_at_the_top() -> None:
    assert [line for source in SOURCES for line in late_imports(source)] == []


def test_modules_hold_no_mutable_instances() -> None:
    assert [line for source in SOURCES for line in mutable_instances(source)] == []


def test_tasks_are_made_in_the_guarded_group_only() -> None:
    assert [line for source in SOURCES for line in bare_tasks(source)] == []


def test_engines_see_only_their_own_room() -> None:
    assert [line for source in SOURCES for line in foreign_rooms(source)] == []


def test_only_the_top_package_re_exports() -> None:
    packages = [source for source in SOURCES if source.path.endswith("/__init__.py")]
    assert [source.at(node) for source in packages for node in source.tree.body if imported(node)] == []


def test_no_file_needs_two_rooms() -> None:
    lengths = {source.path: source.text.count("\n") for source in SOURCES}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_every_module_says_its_job() -> None:
    wordless = [s.path for s in SOURCES if s.text.strip() and ast.get_docstring(s.tree) is None and not s.path.endswith("__init__.py")]
    assert wordless == []


def catalogue() -> dict[str, Explanation]:
    """Return all entries of all blocks; a code in two blocks is an error."""
    entries: dict[str, Explanation] = {}
    for module in pkgutil.iter_modules(holdfast.catalogue.__path__, "holdfast.catalogue."):
        block: Mapping[str, Explanation] = getattr(importlib.import_module(module.name), "ENTRIES", {})
        twice = entries.keys() & block.keys()
        assert not twice, f"{module.name} explains again: {sorted(twice)}"
        entries.update(block)
    return entries


def test_every_code_is_explained_and_every_explanation_used() -> None:
    used = {code for source in SOURCES if source.floor != "catalogue" for code in CODE.findall(source.text)}
    assert used, "no code is used at all: is the pattern right?"
    explained = set(catalogue())
    assert {"unexplained": sorted(used - explained), "unused": sorted(explained - used)} == {"unexplained": [], "unused": []}


def test_explanations_are_whole() -> None:
    for code, entry in catalogue().items():
        assert CODE.fullmatch(code), code
        for words in (entry.title, entry.meaning, entry.cause, entry.next_step):
            assert words.strip(), f"{code} has an empty part"


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def places_of_this_machine() -> list[str]:
    """Return paths that only this machine has. Short ones are left out: they are words of every Linux."""
    paths = {str(ROOT), sys.prefix, sys.base_prefix, os.environ.get("PIP_FIND_LINKS", ""), os.environ.get("UV_FIND_LINKS", "")}
    return sorted(path for path in paths if path.count("/") >= 2 and path != "/usr/local")


REGISTRIES = re.compile(
    r"pypi\.org/simple|pythonhosted\.org|registry\.(?:npmjs|yarnpkg)|proxy\.golang\.org|--(?:extra-)?index-url[ =]|--find-links[ =]"
)


@pytest.mark.needs("git")
def test_tracked_files_name_no_machine_and_no_registry() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a Git checkout")
    machine = places_of_this_machine()
    found = []
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {place}" for place in machine if re.search(rf"{re.escape(place)}(?![\w.-])", text)]
        found += [f"{path.relative_to(ROOT)}: {match}" for match in REGISTRIES.findall(text)]
    assert found == []


def test_locks_are_hashed_and_name_no_place() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        pins = path.read_text().replace("\\\n", " ").splitlines()
        assert pins, path
        for pin in pins:
            assert re.fullmatch(r"[\w.-]+==[\w.!+-]+( ; [^:/]+?)?(\s+--hash=sha256:[0-9a-f]{64})+", pin), f"{path.name}: {pin[:80]}"


def modules_of(folder: str) -> set[str]:
    return {path.stem for path in (HOUSE / folder).rglob("*.py")} | {path.name for path in (HOUSE / folder).rglob("*/") if path.is_dir()}


def test_tests_mirror_the_house() -> None:
    """Each folder of tests is a floor's or a style's; in a floor's, `test_<module>` or `test_<module>_<aspect>` names a module."""
    astray = []
    for path in sorted(TESTS.rglob("test_*.py")):
        folder = path.relative_to(TESTS).parts[0] if path.parent != TESTS else ""
        if not folder or folder in OTHER_TEST_FOLDERS:
            continue
        subject = path.stem.removeprefix("test_")
        if not any(subject == module or subject.startswith(f"{module}_") for module in modules_of(folder)):
            astray.append(str(path.relative_to(ROOT)))
    assert astray == []
    assert [str(path) for path in TESTS.rglob("__init__.py")] == []


def test_tests_use_no_mocks() -> None:
    found = []
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.arg) and node.arg in {"monkeypatch", "mocker"}:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} takes {node.arg}")
            if any(is_within(name, frozenset({"unittest.mock", "mock"})) for name in imported(node)):
                found.append(f"{path.relative_to(ROOT)} imports a mock")
    assert found == []


PLANTED = {
    "kit/planted.py": ("import os", impurities, "imports os"),
    "kit/clock.py": ("from datetime import datetime\nnow = datetime.now()", impurities, "asks the clock"),
    "core/planted.py": ("from yaml import load", impurities, "imports yaml.load"),
    "host/planted.py": ("def f():\n    import json", late_imports, "imports json late"),
    "store/planted.py": ("CACHE: dict[str, int] = {}", mutable_instances, "mutable instance"),
    "api/planted.py": ("def f(loop):\n    loop.create_task(g())", bare_tasks, "create_task"),
    "engines/file.py": ("from holdfast.delivery import window", foreign_rooms, "imports holdfast.delivery.window"),
}
CLEAN = {
    "kit/tasks.py": ("import asyncio", impurities),
    "declare/planted.py": ("def f():\n    from pydantic import TypeAdapter", late_imports),
    "cli/planted.py": ("def f():\n    import click", late_imports),
    "model/planted.py": ("WORDS: Mapping[str, int] = {}", mutable_instances),
    "engines/file.py": ("from holdfast.workload import file", foreign_rooms),
}


def planted(path: str, text: str) -> Source:
    return Source(path=path, text=text, tree=ast.parse(text))


@pytest.mark.parametrize("path", PLANTED)
def test_a_planted_fault_is_found(path: str) -> None:
    text, rule, words = PLANTED[path]
    assert [line for line in rule(planted(path, text)) if words in line] != []


@pytest.mark.parametrize("path", CLEAN)
def test_what_is_allowed_is_let_through(path: str) -> None:
    text, rule = CLEAN[path]
    assert list(rule(planted(path, text))) == []
