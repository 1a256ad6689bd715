"""Each field of a PM2 app becomes what the table of fields says, or is refused at its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.model.declaration import Ask, Reading, Scope
from holdfast.workload.node_socket import is_node, sharing
from holdfast.workload.pm2 import Pm2
from holdfast.workload.process_spec import LimitsSpec, ProcessSpec, RestartSpec, SocketSpec, StopSpec

SCOPE = Scope(application="shop", namespace="shop", destination="host", revision="c")
FILES = {"tool": b"\x7fELF\0", "app/tool": b"\x7fELF\0", "main": b"console.log(1)"}
ANSWERS: dict[Ask, bytes | None] = {Ask(what="blob", path=path): content for path, content in FILES.items()}
ANSWERS[Ask(what="blob", path="nginx")] = None


def read(**fields: Any) -> Reading:
    text = json.dumps([{"script": "server.js", **fields}])
    return Pm2().read("ecosystem.json", text.encode(), ANSWERS, SCOPE)


def spec(**fields: Any) -> ProcessSpec:
    reading = read(**fields)
    assert reading.errors == ()
    found: ProcessSpec = reading.declarations[0].spec
    return found


COMMANDS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ("node", "server.js")),
    ({"args": "a 'b c' | d"}, ("node", "server.js", "a", "b c", "|", "d")),
    ({"args": ["a", 1, 2.5]}, ("node", "server.js", "a", "1", "2.5")),
    ({"node_args": "--expose-gc -r x"}, ("node", "--expose-gc", "-r", "x", "server.js")),
    ({"interpreter_args": ["-O"], "script": "w.py"}, ("python3", "-O", "w.py")),
    ({"interpreter": "deno"}, ("deno", "server.js")),
    ({"interpreter": "none", "script": "tool"}, ("./tool",)),
    ({"script": "tool", "cwd": "./app"}, ("./tool",)),
    ({"script": "main"}, ("node", "main")),
    ({"script": "nginx", "args": ["-g", "daemon off;"]}, ("nginx", "-g", "daemon off;")),
    ({"script": "npm run 'the thing'"}, ("npm", "run", "the thing")),
    ({"script": "/usr/bin/env"}, ("/usr/bin/env",)),
    ({"script": "run.sh"}, ("bash", "run.sh")),
]


@pytest.mark.parametrize(("fields", "command"), COMMANDS)
def test_a_script_is_run_as_pm2_would(fields: dict[str, Any], command: tuple[str, ...]) -> None:
    assert spec(**fields).command == command


USUAL = RestartSpec()
BECOMES: list[tuple[dict[str, Any], str, Any]] = [
    ({"cwd": "./app/../web/"}, "working_dir", "web"),
    ({"env": {"A": 1, "B": True, "C": None, "D": {"x": 1}}}, "env", {"A": "1", "B": "true", "C": "null", "D": '{"x":1}'}),
    ({"script": "w.py"}, "env", {"PYTHONUNBUFFERED": "1"}),
    ({"instance_var": "N"}, "env", {"N": "0"}),
    ({"port": 3000}, "env", {"PORT": "3000"}),
    ({"port": 3000}, "port", 3000),
    ({"env": {"PORT": "3000"}}, "port", 3000),
    ({"env": {"PORT": "pipe"}}, "port", None),
    ({"uid": 1000}, "user", "1000"),
    ({"user": "deploy"}, "user", "deploy"),
    ({"instances": "3", "exec_mode": "fork"}, "replicas", 3),
    ({"instances": "max"}, "replicas", 1),
    ({"instances": -1}, "replicas", 1),
    ({"instances": 2, "exec_mode": "fork", "port": 80}, "port", None),
    ({"instances": 2, "port": 80}, "sockets", (SocketSpec(name="http", port=80),)),
    ({"exec_mode": "cluster_mode", "port": 80}, "sockets", (SocketSpec(name="http", port=80),)),
    ({"exec_mode": "cluster", "port": 80}, "port", None),
    ({"exec_mode": "cluster", "port": 80, "interpreter": "bun"}, "sockets", ()),
    ({"exec_mode": "cluster"}, "sockets", ()),
    ({"max_memory_restart": "300M"}, "limits", LimitsSpec(memory=300 << 20)),
    ({"kill_timeout": 3000}, "stop", StopSpec(signal="SIGINT", timeout=3.0)),
    ({"listen_timeout": "1m"}, "progress_deadline", 60.0),
    ({"cron_restart": "0 3 * * *"}, "cron_restart", "0 3 * * *"),
    ({"cron": 0}, "cron_restart", None),
    ({"autostart": False}, "suspended", True),
    ({"autorestart": False}, "restart", RestartSpec(policy="no")),
    ({"restart_delay": 4000}, "restart", RestartSpec(first_delay=4.0, backoff=4.0, max_delay=4.0)),
    ({"exp_backoff_restart_delay": 100}, "restart", RestartSpec(first_delay=0.1, backoff=0.1, max_delay=15.0)),
    ({"min_uptime": "20s", "max_restarts": 3}, "restart", RestartSpec(stable_after=20.0, crash_looping_after=3)),
    ({"stop_exit_codes": [0, 7]}, "restart", RestartSpec(policy="on-failure", success_codes=(7,))),
]


@pytest.mark.parametrize(("fields", "name", "value"), BECOMES)
def test_a_field_becomes_what_the_table_says(fields: dict[str, Any], name: str, value: Any) -> None:
    assert getattr(spec(**fields), name) == value


NAMES: list[tuple[dict[str, Any], str, str | None]] = [
    ({}, "server", None),
    ({"script": "lib/My.App.js"}, "my.app", None),
    ({"name": "Front End", "name_prefix": "shop-"}, "shop-front-end", None),
    ({"name": 7, "namespace": "Blue"}, "7", "blue"),
    ({"namespace": "default"}, "server", None),
]


@pytest.mark.parametrize(("fields", "name", "namespace"), NAMES)
def test_an_app_has_a_name_that_an_id_can_hold(fields: dict[str, Any], name: str, namespace: str | None) -> None:
    (declaration,) = read(**fields).declarations
    assert (declaration.name, declaration.namespace) == (name, namespace)


WARNS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"watch": False, "merge_logs": True}, []),
    ({"watch": ["src"]}, ["FieldNotHonoured"]),
    ({"wait_ready": True, "out_file": "x.log", "gid": 5}, ["FieldNotHonoured"] * 3),
    ({"instances": "max"}, ["InstancesNotCounted"]),
    ({"instances": 2, "port": 80}, ["ClusterMode"]),
    ({"instances": 2}, ["ClusterMode"]),
    ({"exec_mode": "cluster", "script": "w.py"}, ["ClusterMode"]),
    ({"instances": 2, "exec_mode": "fork", "port": 80}, ["SharedPort"]),
    ({"instances": 2, "exec_mode": "fork", "instance_var": "N"}, ["FieldNotHonoured"]),
    ({"max_restarts": 10}, ["NeverGivesUp"]),
    ({"stop_exit_codes": [3]}, ["ZeroIsSuccess"]),
    ({"name": "Web"}, ["Renamed"]),
]


@pytest.mark.parametrize(("fields", "reasons"), WARNS)
def test_what_is_other_than_with_pm2_is_a_warning(fields: dict[str, Any], reasons: list[str]) -> None:
    reading = read(**fields)
    assert reading.errors == ()
    assert [warning.reason for warning in reading.warnings] == reasons


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"script": None}, "script is missing"),
    ({"script": ["a"]}, "script must be text"),
    ({"script": "a\0b"}, "script must be text"),
    ({"script": "A=1 node x"}, "script sets variables"),
    ({"script": "cat log | grep x"}, "script: a pipe (|) needs a shell"),
    ({"args": {"a": 1}}, "args must be text or a list of texts, without NUL"),
    ({"args": "it's"}, "args cannot be split: no closing quotation"),
    ({"cwd": "/srv/app"}, "cwd '/srv/app' is not below the release: it is absolute"),
    ({"cwd": "../x"}, "cwd '../x' is not below the release: it climbs with .."),
    ({"interpreter": "node@18.0.0"}, "node@18.0.0 asks nvm for a version of Node"),
    ({"instances": "many"}, "instances must be a number or max"),
    ({"instances": 1.5}, "instances must be a number or max"),
    ({"exec_mode": "thread"}, "exec_mode must be fork or cluster"),
    ({"env": "A=1"}, "env must be a mapping of names and values"),
    ({"env": {"A B": 1}}, "'A B' of env is no variable"),
    ({"port": "http"}, "port must be a number from 1 to 65535"),
    ({"port": 70000}, "port must be a number from 1 to 65535"),
    ({"instance_var": "A-B"}, "'A-B' is no variable"),
    ({"name": ["x"]}, "name must be text"),
    ({"autorestart": "no"}, "autorestart must be true or false"),
    ({"kill_timeout": "soon"}, "kill_timeout must be a number of milliseconds, or a time such as 10s"),
    ({"max_memory_restart": "lots"}, "max_memory_restart must be a size such as 300M or 1G"),
    ({"max_restarts": -1}, "max_restarts must be a whole number"),
    ({"stop_exit_codes": [300]}, "stop_exit_codes must be numbers from 0 to 255"),
    ({"cron_restart": True}, "cron_restart must be a cron expression"),
    ({"cron_restart": "0 0 3 * * *"}, "cron '0 0 3 * * *': 6 fields, expected 5"),
    ({"nmae": "x"}, "unknown field 'nmae'"),
]


@pytest.mark.parametrize(("fields", "reason"), REFUSED)
def test_a_value_that_cannot_be_is_refused_where_it_stands(fields: dict[str, Any], reason: str) -> None:
    reading = read(**fields)
    assert [error.message.partition("cannot read ecosystem.json: ")[2][: len(reason)] for error in reading.errors] == [reason]
    column = json.dumps([{"script": "server.js", **fields}]).index(json.dumps(next(iter(fields)))) + 1
    assert (reading.errors[0].where[0].column or 0) >= column
    assert reading.declarations == ()


def test_only_a_node_that_is_run_directly_can_share_a_socket() -> None:
    assert [is_node(command) for command in (("node", "a"), ("/usr/bin/nodejs", "a"), ("npm", "start"))] == [True, True, False]
    assert sharing(("node", "--inspect", "a.js"))[:2] == ("node", "--import")
    assert sharing(("node", "--inspect", "a.js"))[3:] == ("--inspect", "a.js")
