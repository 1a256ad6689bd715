"""A Process that cannot be is refused with the place of its field; one that could be better is a warning."""

from __future__ import annotations

import pytest

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.model.labels import PROGRESS_DEADLINE
from holdfast.testing.rendering import Repository
from holdfast.workload.process import ProcessKind

HEAD = "apiVersion: holdfast.dev/v1alpha1\nkind: Process\nmetadata: {name: web}\nspec:\n  command: [run]\n"
RENDERER = Registry(kinds=(ProcessKind(),))

ERRORS = {
    "stop: {signal: SIGTRM}": ("HF3081 p.yaml:6:18:", "did you mean SIGTERM?"),
    "stop: {signal: '15'}": ("HF3081 p.yaml:6:18:", "one of SIGABRT"),
    "replicas: 0": ("HF3082 p.yaml:6:13:", "write suspended: true"),
    "replicas: 100000": ("HF3082 p.yaml:6:13:", "more than 1,000"),
    "surge: 0": ("HF3082 p.yaml:6:10:", "room for one candidate"),
    "{}": None,
    "replicas: 2\n  port: 80": ("HF3083 p.yaml:7:9:", "declare a socket instead of port"),
    "sockets: [{name: a}, {name: b, port: 1, path: x}]": ("HF3084 p.yaml:6:24:", "has a port and a path"),
    "sockets: [{name: a, path: ../x}]": ("HF3084 p.yaml:6:29:", "leads out of the data folder"),
    "sockets: [{name: a, path: /run/x}]": ("HF3084 p.yaml:6:29:", "write a relative path"),
    "sockets: [{name: a, backlog: 0}]": ("HF3084 p.yaml:6:32:", "between 1 and 65535"),
    "probes: {liveness: {}}": ("HF3085 p.yaml:6:22:", "does not say what to ask"),
    "probes: {liveness: {notify: true, exec: {command: [x]}}}": ("HF3085 p.yaml:6:22:", "asks in 2 ways (exec, notify)"),
    "probes: {liveness: {log: {contains: x}}}": ("HF3085 p.yaml:6:28:", "does not tell whether it lives"),
    "probes: {readiness: {notify: true, failureThreshold: 0}}": ("HF3085 p.yaml:6:23:", "begin at 1"),
    "probes: {readiness: {notify: true, timeout: 0}}": ("HF3085 p.yaml:6:23:", "longer than nothing"),
    "probes: {readiness: {tcp: {}}}": ("HF3085 p.yaml:6:29:", "has nothing to ask"),
    "port: 80\n  probes: {readiness: {tcp: {socket: a, port: 1}}, startup: {notify: true}}\n  sockets: [{name: a}]": (
        "HF3085 p.yaml:7:29:",
        "asks a socket and a port",
    ),
    "sockets: [{name: http}]\n  probes: {readiness: {http: {socket: htp}}}": ("HF3085 p.yaml:7:30:", "did you mean http?"),
    "user: root": ("HF3086 p.yaml:6:9:", "leave user out"),
    "user: '00'": ("HF3086 p.yaml:6:9:", "only the local configuration may give"),
}


def document(text: str) -> str:
    return HEAD + ("" if text == "{}" else f"  {text}\n")


@pytest.mark.parametrize("text", [text for text, expected in ERRORS.items() if expected])
def test_what_cannot_be_is_refused_at_its_field(text: str) -> None:
    (error,) = Repository({"p.yaml": document(text)}).errors(Renderer(RENDERER))
    expected = ERRORS[text]
    assert expected is not None
    assert error.startswith(expected[0])
    assert expected[1] in error


def test_two_sockets_of_one_name_are_both_shown() -> None:
    found = Repository({"p.yaml": document("sockets: [{name: a}, {name: a}]")}).errors(Renderer(RENDERER))
    assert [error.split(": ")[0] for error in found] == ["HF3084 p.yaml:6:20", "HF3084 p.yaml:6:31"]


def test_root_is_given_by_the_local_configuration_alone() -> None:
    repository = Repository({"p.yaml": document("user: root\n  probes: {liveness: {exec: {command: [x]}}}")})
    assert repository.render(Renderer(RENDERER), allowed=frozenset({"root"})).resources[0].state.fields["user"] == "root"


def test_an_annotation_that_is_no_duration_is_told_once_at_the_application() -> None:
    found = Repository({"p.yaml": document("{}")}).errors(Renderer(RENDERER), annotations={PROGRESS_DEADLINE: "soon"})
    assert found == [
        "HF1207 Application shop: cannot read annotation holdfast.dev/progress-deadline: expected a duration such as 90s, got 'soon'"
    ]


WARNINGS = {
    "{}": [],
    "port: 80": ["StopStart"],
    "port: 80\n  order: start-first": [],
    "sockets: [{name: a, port: 80}]\n  replicas: 2\n  probes: {liveness: {http: {}}}": ["SharedLiveness"],
    "sockets: [{name: a, port: 80}]\n  probes: {readiness: {tcp: {}}}": ["WeakProbe"],
    "sockets: [{name: a}]\n  probes: {readiness: {tcp: {port: 9}}}": [],
    "stop: {signal: SIGKILL}": ["HardStop"],
}


@pytest.mark.parametrize("text", WARNINGS)
def test_what_could_be_better_is_a_warning(text: str) -> None:
    desired = Repository({"p.yaml": document(text)}).render(Renderer(RENDERER))
    assert [warning.reason for warning in desired.warnings] == WARNINGS[text]
