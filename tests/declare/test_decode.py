"""Decode: each kind of error with its place, all of them in one answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from holdfast.declare.decode import decode
from holdfast.declare.document import Document, Failed
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.kit.canonical import Json
from holdfast.model.scalars import Argv, Check, CronText, Duration, EnvName, Name, NonEmptyStr, Port, Size


class Order(Enum):
    START_FIRST = "start-first"
    STOP_FIRST = "stop-first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    secret: NonEmptyStr


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    path: str
    port: Port | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    port: Port


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    http: Http | None = None
    period: Duration = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    command: Argv = ("true",)
    repo_url: str = field(default="", metadata={"key": "repoURL"})
    env: Mapping[EnvName, str | int | bool | Ref] = field(default_factory=dict)
    restart: Literal["no", "always", 1] = "always"
    order: Order = Order.START_FIRST
    stop_timeout: Duration = 10.0
    memory: Size | None = None
    cron: CronText | None = None
    ratio: float = 0.5
    is_on: bool = False
    replicas: Annotated[int, Check(expected="a whole number from 0", reason=lambda n: "it is negative" if n < 0 else None)] = 1
    probes: tuple[Probe, ...] = ()
    target: Http | Tcp | None = None
    names: frozenset[Name] = frozenset()
    raw: object = None
    tree: Json = None
    from_: str = ""

    def __post_init__(self) -> None:
        if self.is_on and not self.repo_url:
            raise ValueError("isOn needs repoURL")


def document(text: str) -> Document:
    parsed = read_yaml("a.yaml", text.encode(), Dialect.CORE)
    assert parsed.errors == ()
    return parsed.documents[0]


def good(text: str) -> Spec:
    result = decode(document(text), Spec)
    assert isinstance(result, Spec), [str(error) for error in result.errors]
    return result


def bad(text: str, spec_type: type[Any] = Spec) -> list[tuple[str, str, str, str | None]]:
    result = decode(document(text), spec_type)
    assert isinstance(result, Failed)
    return [(error.code, str(error.where[0])[7:], error.message.removeprefix("cannot read "), error.hint) for error in result.errors]


def test_everything_that_may_be_written_is_read() -> None:
    spec = good(
        """
        command: [node, server.js]
        repoURL: https://example.org/a.git
        env: {A: text, B: 1, C: true, D: {secret: s}}
        restart: 'no'
        order: stop-first
        stopTimeout: 1m30s
        memory: 512Mi
        ratio: 1
        isOn: true
        replicas: 3
        probes: [{http: {path: /}, period: 5s}, {}]
        target: {port: 80}
        names: [b, a]
        raw: {x: [1, null]}
        tree: [{a: [b]}]
        from: here
        """
    )
    assert spec == Spec(
        command=("node", "server.js"),
        repo_url="https://example.org/a.git",
        env={"A": "text", "B": 1, "C": True, "D": Ref(secret="s")},
        restart="no",
        order=Order.STOP_FIRST,
        stop_timeout=90.0,
        memory=512 * 1024 * 1024,
        ratio=1.0,
        is_on=True,
        replicas=3,
        probes=(Probe(http=Http(path="/"), period=5.0), Probe()),
        target=Tcp(port=80),
        names=frozenset({"a", "b"}),
        raw={"x": [1, None]},
        tree=[{"a": ["b"]}],
        from_="here",
    )
    assert isinstance(spec.ratio, float)


def test_null_is_as_if_not_written_where_null_is_no_value() -> None:
    assert good("env:\nstopTimeout: null\nmemory: null\nratio: ~\n") == Spec()


def test_a_part_of_a_document_is_read_in_its_place() -> None:
    result = decode(document("a:\n- spec: {ratio: x}\n"), Spec, ("a", 0, "spec"))
    assert isinstance(result, Failed)
    assert [(str(error.where[0]), error.message) for error in result.errors] == [
        ("a.yaml:2:17", "cannot read a[0].spec.ratio: expected a number, got 'x'")
    ]
    assert decode(document("a: 1\n"), Spec, ("spec",)) == Spec()


WRONG = {
    "list for text": ("repoURL: [1]", "1:10", "repoURL: expected text, got a list", None),
    "number for text": ("repoURL: 1.5", "1:10", "repoURL: expected text, got the number 1.5", 'put it in quotes: "1.5"'),
    "boolean for text": ("from: true", "1:7", "from: expected text, got true", 'put it in quotes: "true"'),
    "text for number": ("replicas: '3'", "1:11", "replicas: expected a whole number from 0, got '3'", "remove the quotes: 3"),
    "fraction for whole": ("replicas: 1.5", "1:11", "replicas: expected a whole number from 0, got the number 1.5", None),
    "boolean for number": ("replicas: true", "1:11", "replicas: expected a whole number from 0, got true", None),
    "yes for boolean": ("isOn: yes", "1:7", "isOn: expected true or false, got 'yes'", "only true and false are booleans here"),
    "number for boolean": ("isOn: 1", "1:7", "isOn: expected true or false, got the number 1", None),
    "duration": ("stopTimeout: abc", "1:14", "stopTimeout: expected a duration such as 30s, got 'abc'", None),
    "cron": (
        "cron: 61 * * * *",
        "1:7",
        "cron: expected a cron expression such as '0 3 * * *', got '61 * * * *' ('61' is no minute (0 to 59))",
        None,
    ),
    "size": ("memory: [1]", "1:9", "memory: expected a size such as 512Mi, got a list", None),
    "check": ("replicas: -1", "1:11", "replicas: expected a whole number from 0, got the number -1 (it is negative)", None),
    "shell line": (
        "command: npm start",
        "1:10",
        "command: expected a list of a program and its arguments, got 'npm start'",
        "write a list: [npm, start]",
    ),
    "empty argv": ("command: []", "1:10", "command: expected a list of a program and its arguments, got a list (it is empty)", None),
    "number in argv": ("command: [sleep, 5]", "1:18", "command[1]: expected text, got the number 5", 'put it in quotes: "5"'),
    "mapping for list": ("probes: {http: 1}", "1:9", "probes: expected a list, got a mapping", None),
    "list for mapping": ("env: [A=1]", "1:6", "env: expected a mapping, got a list", None),
    "null in a list": ("names: [~]", "1:9", "names[0]: expected a name of lower-case letters, digits, '-', '_' and '.', got nothing", None),
    "key": ("env: {1A: x}", "1:7", "env.1A: expected the name of a variable: letters, digits and '_', got '1A'", None),
    "union": (
        "env: {A: [x]}",
        "1:10",
        "env.A: expected text, a whole number, true or false, or a mapping with secret, got a list",
        None,
    ),
}


@pytest.mark.parametrize(("text", "place", "message", "hint"), WRONG.values(), ids=WRONG.keys())
def test_wrong_values_say_what_was_expected(text: str, place: str, message: str, hint: str | None) -> None:
    assert bad(text) == [("HF1021", place, message, hint)]


def test_an_unknown_field_suggests_the_nearest_at_its_key() -> None:
    ((code, place, message, hint),) = bad("probes:\n- http: {path: /}\n  perod: 5s\n")
    assert (code, place, message) == ("HF1020", "3:3", "probes[0]: unknown field 'perod'")
    assert hint == "did you mean period?"


def test_an_unknown_field_that_is_like_none_lists_them() -> None:
    ((_, _, _, hint),) = bad("probes: [{zzzzzz: 1}]")
    assert hint == "known here: http, period"


def test_a_snake_case_field_is_unknown() -> None:
    assert [(code, message) for code, _, message, _ in bad("stop_timeout: 5s")] == [
        ("HF1020", "the document: unknown field 'stop_timeout'")
    ]


def test_a_missing_field_is_told_at_its_mapping() -> None:
    assert bad("probes:\n- http: {}\n") == [("HF1022", "2:3", "probes[0].http: path is missing", "add path: text")]


def test_a_choice_lists_them_and_suggests() -> None:
    assert bad("restart: alway") == [("HF1023", "1:10", "restart: expected one of no, always, 1, got 'alway'", "did you mean always?")]
    assert bad("order: start_first")[0][:3] == ("HF1023", "1:8", "order: expected start-first or stop-first, got 'start_first'")
    assert bad("restart: true")[0][0] == "HF1021"


def test_fields_that_do_not_go_together() -> None:
    assert bad("isOn: true") == [("HF1024", "1:1", "the document: isOn needs repoURL", None)]


def test_a_union_of_specs_takes_the_likeliest_for_its_errors() -> None:
    assert bad("target: {path: /, port: x}")[0][2] == "target.port: expected a port from 1 to 65535, got 'x'"
    assert bad("env: {A: {secrt: x}}") == [
        ("HF1022", "1:7", "env.A: secret is missing", "add secret: text"),
        ("HF1020", "1:11", "env.A: unknown field 'secrt'", "did you mean secret?"),
    ]


def test_all_errors_come_in_the_order_of_the_file() -> None:
    text = "stopTimeout: x\nbogus: 1\nratio: x\nenv: {1: x}\n".replace("{1", "{'1'")
    assert [place for _, place, _, _ in bad(text)] == ["1:14", "2:1", "3:8", "4:7"]


def test_errors_without_end_are_cut() -> None:
    assert len(bad("\n".join(f"zz{n}: 1" for n in range(5_000)))) == 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrow:
    wait: Annotated[Duration, Check(expected="a wait", reason=lambda seconds: None if seconds > 0 else "it is none")] = 1.0


def test_a_check_is_asked_of_what_a_scalar_read() -> None:
    assert decode(document("wait: 2m"), Narrow) == Narrow(wait=120.0)
    assert bad("wait: 0s", Narrow) == [("HF1021", "1:7", "wait: expected a duration such as 30s, got '0s' (it is none)", None)]
