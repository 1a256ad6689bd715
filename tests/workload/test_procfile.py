"""A Procfile becomes Processes as foreman would start them, or all its errors with their columns."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.kit.canonical import Json
from holdfast.model.declaration import Ask, Declaration, Reading, Scope
from holdfast.testing.rendering import Repository
from holdfast.workload.process import ProcessKind
from holdfast.workload.process_spec import ProcessSpec
from holdfast.workload.procfile import Procfile

SCOPE = Scope(application="shop", namespace="shop", destination="host", revision="c" * 40)
ENV = Ask(what="blob", path=".env")


def read(text: str | bytes, env: str | None = None) -> Reading:
    data = text.encode() if isinstance(text, str) else text
    return Procfile().read("Procfile", data, {ENV: None if env is None else env.encode()}, SCOPE)


def specs(reading: Reading) -> dict[str, ProcessSpec]:
    assert reading.errors == ()
    return {declaration.name: declaration.spec for declaration in reading.declarations}


def told(reading: Reading) -> list[str]:
    return [f"{error.code} {' '.join(map(str, error.where))}: {error.message.partition(': ')[2]}" for error in reading.errors]


def test_only_the_procfile_of_the_path_itself_is_one() -> None:
    assert [path for path in ("Procfile", "app/Procfile", "Procfile.dev", "procfile") if Procfile().matches(path)] == ["Procfile"]


def test_the_env_beside_it_is_asked_for_first() -> None:
    assert Procfile().read("Procfile", b"web: run", {}, SCOPE) == Reading(asks=(ENV,))


def test_each_line_is_a_process_with_the_port_that_foreman_gives_it() -> None:
    found = specs(read("web: node server.js --port $PORT\n\n# later\nworker: A=1 python work.py\n"))
    assert {name: (spec.command, spec.env, spec.port) for name, spec in found.items()} == {
        "web": (("node", "server.js", "--port", "5000"), {"PORT": "5000"}, 5000),
        "worker": (("python", "work.py"), {"PORT": "5100", "A": "1"}, None),
    }


def test_env_gives_variables_and_the_base_of_ports() -> None:
    found = specs(read("web: run $GREETING\nworker: run", env="GREETING='good day'\nPORT=8000\n"))
    assert found["web"].command == ("run", "good", "day")
    assert [(spec.env["PORT"], spec.port) for spec in found.values()] == [("8000", 8000), ("8100", None)]


@pytest.mark.parametrize("port", ["none", "0", "70000", "٣", "9" * 5000])
def test_a_port_that_is_none_leaves_foremans_own(port: str) -> None:
    assert specs(read("web: run $PORT", env=f"PORT={port}"))["web"].env["PORT"] == "5000"


def test_a_shell_that_is_written_is_run() -> None:
    assert specs(read("web: sh -c 'zcat log | grep $X'"))["web"].command == ("sh", "-c", "zcat log | grep $X")


def test_every_error_of_a_file_is_told_with_its_place() -> None:
    text = "web: cat log | grep x\n  worker: run\nno line\nworker: run\nWorker: run\nclock: run '\nlast: run $NOWHERE\n"
    reading = read(text, env="WRONG LINE")
    assert told(reading) == [
        "HF1125 .env:1:1: expected NAME=value",
        "HF1121 Procfile:1:14: a pipe (|) needs a shell",
        "HF1120 Procfile:2:3: expected name: command",
        "HF1120 Procfile:3:1: expected name: command",
        "HF1122 Procfile:4:1 Procfile:5:1: the process 'worker' stands twice",
        "HF1123 Procfile:6:12: a single quote is opened and not closed",
        "HF1124 Procfile:7:11: the variable NOWHERE is not known here",
    ]
    pipe = reading.errors[1]
    assert pipe.hint == "write: sh -c 'cat log | grep x'"
    assert pipe.where[0].snippet == "web: cat log | grep x"


def test_what_is_not_done_is_a_warning_with_its_line() -> None:
    reading = read("release: migrate\nWeb: run\n")
    assert [(warning.reason, str(warning.origin)) for warning in reading.warnings] == [
        ("ReleaseNotRun", "Procfile:1"),
        ("Renamed", "Procfile:2"),
    ]
    assert list(specs(reading)) == ["web"]


def test_a_place_in_the_process_is_a_place_in_the_line() -> None:
    (declaration,) = read("\nweb: A=1 node x").declarations
    assert str(declaration.place(("spec", "command"))) == "Procfile:2:10"
    assert str(declaration.place(("metadata", "name"))) == "Procfile:2:1"


def test_it_renders_to_resources_that_run_from_a_release_without_it() -> None:
    renderer = Renderer(Registry(kinds=(ProcessKind(),), formats=(Procfile(),)))
    desired = Repository({"Procfile": "web: node server.js", "server.js": "…", ".env": "A=1"}).render(renderer)
    (web,) = desired
    fields: dict[str, Json] = {name: web.state.fields[name] for name in ("command", "env", "release")}
    assert str(web.id) == "Process/shop/web"
    assert fields == {"command": ["node", "server.js"], "env": {"A": "1", "PORT": "5000"}, "release": desired.release}
    assert desired.excluded == {"Procfile"}


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn"]), max_size=8)
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True).filter(lambda name: name != "release")
PROGRAMS = st.sampled_from(["node", "./run", "/bin/python"])


@given(st.dictionaries(NAMES, st.tuples(PROGRAMS, st.lists(WORDS, max_size=3)), min_size=1, max_size=4))
def test_what_is_written_is_read_back(commands: dict[str, tuple[str, list[str]]]) -> None:
    text = "".join(f"{name}: {shlex.join([program, *arguments])}\n" for name, (program, arguments) in commands.items())
    found = specs(read(text))
    assert {name: spec.command for name, spec in found.items()} == {
        name: (program, *arguments) for name, (program, arguments) in commands.items()
    }


def is_sound(declaration: Declaration) -> bool:
    return all(isinstance(word, str) and "\0" not in word for word in declaration.spec.command)


@given(st.binary(max_size=80) | st.text(st.sampled_from("web:= $'\"|#\\\n\tP{}-"), max_size=60).map(str.encode), st.binary(max_size=40))
def test_no_bytes_give_anything_but_processes_and_errors(data: bytes, env: bytes) -> None:
    reading = Procfile().read("Procfile", data, {ENV: env}, SCOPE)
    assert reading.consumed == {"Procfile"}
    assert all(error.where and error.message.startswith("cannot read ") for error in reading.errors)
    assert all(is_sound(declaration) for declaration in reading.declarations)
