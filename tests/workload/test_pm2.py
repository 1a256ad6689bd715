"""An ecosystem file in each of its forms becomes Processes, or all its errors with their places."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.model.declaration import Ask, Reading, Scope
from holdfast.model.labels import PM2_ENV
from holdfast.testing.rendering import Reads, Repository
from holdfast.workload.node_socket import SHARE
from holdfast.workload.pm2 import Pm2
from holdfast.workload.pm2_fields import FIELDS
from holdfast.workload.pm2_script import failure
from holdfast.workload.process import ProcessKind
from holdfast.workload.process_spec import ProcessSpec

SCRIPT = "ecosystem.config.js"


def scope(env: str | None = None) -> Scope:
    chosen = {} if env is None else {PM2_ENV: env}
    allowed = frozenset({"javascript"})
    return Scope(application="shop", namespace="shop", destination="host", revision="c", annotations=chosen, allowed=allowed)


def read(text: str, path: str = "ecosystem.config.yaml", exported: bytes | None = None, env: str | None = None) -> Reading:
    answers = {Ask(what="javascript", path=path): exported}
    return Pm2().read(path, text.encode(), answers, scope(env))


def specs(reading: Reading) -> dict[str, ProcessSpec]:
    assert reading.errors == ()
    return {declaration.name: declaration.spec for declaration in reading.declarations}


def told(reading: Reading) -> list[str]:
    return [f"{error.code} {' '.join(map(str, error.where))}: {error.message.partition(': ')[2]}" for error in reading.errors]


def warned(reading: Reading) -> list[str]:
    return [f"{warning.reason} {warning.origin}" for warning in reading.warnings]


FILES = {
    "ecosystem.config.js": True,
    "ecosystem.config.cjs": True,
    "ecosystem.config.mjs": True,
    "ecosystem.config.json": True,
    "ecosystem.config.yaml": True,
    "ecosystem.json": True,
    "pm2.yml": True,
    "pm2.config.js": True,
    "ecosystem.js": False,
    "pm2.js": False,
    "app/ecosystem.config.js": False,
    "process.json": False,
}


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_known_by_its_name(path: str) -> None:
    assert Pm2().matches(path) is FILES[path]


APPS = '{"apps": [{"name": "web", "script": "server.js"}]}'


@pytest.mark.parametrize(
    ("path", "text", "exported"),
    [
        ("ecosystem.config.json", APPS, None),
        ("ecosystem.config.yaml", "apps:\n  - name: web\n    script: server.js\n", None),
        ("ecosystem.config.yaml", "- name: web\n  script: server.js\n", None),
        ("ecosystem.config.yaml", "name: web\nscript: server.js\n", None),
        (SCRIPT, "module.exports = { apps: [{ name: 'web', script: 'server.js' }] }", APPS.encode()),
    ],
)
def test_every_form_says_the_same(path: str, text: str, exported: bytes | None) -> None:
    found = specs(read(text, path, exported))
    assert {name: spec.command for name, spec in found.items()} == {"web": ("node", "server.js")}


def test_a_script_is_run_only_where_that_is_allowed() -> None:
    asked = Pm2().read(SCRIPT, b"module.exports = {}", {}, scope())
    assert asked == Reading(asks=(Ask(what="javascript", path=SCRIPT),))
    denied = Pm2().read(SCRIPT, b"module.exports = {}", {}, Scope(application="s", namespace="s", destination="host", revision="c"))
    assert told(denied) == ["HF1130 ecosystem.config.js:1:1: it is JavaScript, and the local configuration does not allow it to be run"]
    assert denied.errors[0].hint is not None
    assert "allow.javascript" in denied.errors[0].hint


def test_what_a_script_says_is_placed_in_the_script() -> None:
    text = "\nmodule.exports = {\n  apps: [\n    { name: 'web',\n      script: 'a.js', watch: true,\n      instanecs: 2 }]}\n"
    exported = json.dumps({"apps": [{"name": "web", "script": "a.js", "watch": True, "instanecs": 2}]}).encode()
    reading = read(text, SCRIPT, exported)
    assert told(reading) == ["HF1020 ecosystem.config.js:6:7: unknown field 'instanecs'"]
    assert reading.errors[0].hint == "did you mean instances?"
    assert warned(reading) == ["FieldNotHonoured ecosystem.config.js:5"]


def test_an_app_whose_name_is_reckoned_stands_where_its_script_does() -> None:
    text = "const { name } = require('./package.json');\nexports.apps = [\n  { name, script: 'a.js' },\n];\n"
    (declaration,) = read(text, SCRIPT, b'{"apps": [{"name": "web", "script": "a.js"}]}').declarations
    assert str(declaration.origin) == "ecosystem.config.js:3"


def test_a_script_that_failed_says_where() -> None:
    reading = read("\n  throw new Error('no')", SCRIPT, failure("Error: no", 2, 9))
    assert told(reading) == ["HF1134 ecosystem.config.js:2:9: Error: no"]
    assert reading.errors[0].where[0].snippet == "  throw new Error('no')"
    assert told(read("x", SCRIPT, failure("it ran longer than 10 s"))) == ["HF1134 ecosystem.config.js:1:1: it ran longer than 10 s"]


ERRORS = {
    "apps: []": ["HF1131 ecosystem.config.yaml:1:1: it names no apps"],
    "": ["HF1131 ecosystem.config.yaml:1: it names no apps"],
    "app:\n  - script: a.js": ["HF1131 ecosystem.config.yaml:1:1: it names no apps"],
    "apps: [7]": ["HF1131 ecosystem.config.yaml:1:8: an app must be a mapping"],
    "script: a.js\n---\nscript: b.js": ["HF1131 ecosystem.config.yaml:3:1: it holds more than one document"],
    "apps:\n  - script: a.js\n  - script: b/a.js": ["HF1133 ecosystem.config.yaml:2:5 ecosystem.config.yaml:3:5: the app 'a' stands twice"],
    "apps:\n  - script: a.js\n    exec: b.js": ["HF1132 ecosystem.config.yaml:3:5: script and exec are one field"],
    "apps:\n  - script: a.js\ndepoy: {}": ["HF1020 ecosystem.config.yaml:3:1: unknown field 'depoy'"],
    "apps:\n  - {script: a.js, max_memory: 1G, colour: red}": [
        "HF1020 ecosystem.config.yaml:2:20: unknown field 'max_memory'",
        "HF1020 ecosystem.config.yaml:2:36: unknown field 'colour'",
    ],
    "apps:\n  - name: x": ["HF1132 ecosystem.config.yaml:2:5: script is missing"],
    "apps: [": ["HF1004 ecosystem.config.yaml:2:1: did not find expected node content while parsing a flow node"],
}


@pytest.mark.parametrize("text", ERRORS)
def test_what_is_wrong_is_told_with_its_place(text: str) -> None:
    assert told(read(text)) == ERRORS[text]


def test_a_misspelt_list_of_apps_is_guessed() -> None:
    assert read("app:\n  - script: a.js").errors[0].hint == "did you mean apps instead of app?"


def test_what_is_understood_and_not_honoured_is_a_warning_with_its_line() -> None:
    fields = "\n".join(f"    {each.key}: yes" for each in FIELDS if each.how.name == "WARNED")
    reading = read(f"apps:\n  - script: a.js\n{fields}\ndeploy: {{}}\n")
    assert reading.errors == ()
    count = fields.count("\n") + 1
    assert warned(reading) == [f"FieldNotHonoured ecosystem.config.yaml:{line}" for line in (count + 3, *range(3, count + 3))]


@pytest.mark.parametrize("each", [each for each in FIELDS if each.how.name == "MOOT"], ids=lambda each: each.key)
def test_what_is_about_pm2_itself_is_passed_over(each: Any) -> None:
    assert read(f"apps:\n  - script: a.js\n    {each.key}: 1\n").warnings == ()


ENVIRONMENTS = "apps:\n  - {script: a.js, env: {A: 1, B: true}, env_production: {A: 2}, env_stage: {C: [1]}}\n"


@pytest.mark.parametrize(
    ("chosen", "env"),
    [
        (None, {"A": "1", "B": "true"}),
        ("", {"A": "1", "B": "true"}),
        ("production", {"A": "2", "B": "true"}),
        ("stage", {"A": "1", "B": "true", "C": "[1]"}),
        ("none", {"A": "1", "B": "true"}),
    ],
)
def test_the_annotation_chooses_an_environment(chosen: str | None, env: dict[str, str]) -> None:
    assert specs(read(ENVIRONMENTS, env=chosen))["a"].env == env


def test_an_environment_that_is_not_chosen_or_not_there_is_a_warning() -> None:
    assert warned(read(ENVIRONMENTS)) == ["EnvironmentNotChosen ecosystem.config.yaml:2"]
    assert warned(read(ENVIRONMENTS, env="")) == []
    assert warned(read(ENVIRONMENTS, env="prod")) == ["EnvironmentUnknown None"]


RENDERER = Registry(kinds=(ProcessKind(),), formats=(Pm2(),))


def test_a_script_without_a_known_ending_is_looked_at() -> None:
    files: dict[str, str | bytes] = {
        "ecosystem.json": '{"apps": [{"script": "bin/run"}, {"script": "tool"}, {"script": "top"}]}',
        "bin/run": "text",
        "tool": b"\0ELF",
    }
    reads = Reads()
    desired = Repository(files).render(Renderer(RENDERER), reads)
    commands = {resource.id.name: resource.state.fields["command"] for resource in desired}
    assert commands == {"run": ["node", "bin/run"], "tool": ["./tool"], "top": ["top"]}
    assert [ask.path for ask in reads.asks] == ["bin/run", "tool"]


def test_a_cluster_shares_its_socket_among_the_replicas() -> None:
    text = '{"apps": [{"name": "web", "script": "server.js", "instances": 2, "env": {"PORT": 3000}}]}'
    desired = Repository({"ecosystem.json": text, "server.js": ""}).render(Renderer(RENDERER))
    assert [str(resource.id) for resource in desired] == ["Process/shop/web.0", "Process/shop/web.1"]
    fields = desired.resources[0].state.fields
    expected: list[Json] = [{"name": "http", "port": 3000}]
    assert (fields["sockets"], fields["command"]) == (expected, ["node", "--import", SHARE, "server.js"])
    assert [warning.reason for warning in desired.warnings] == ["ClusterMode"]


def test_a_script_is_answered_and_left_out_of_the_release() -> None:
    files = {SCRIPT: "module.exports = require('./apps')", "apps.js": "…"}
    repository = Repository(files, exported={SCRIPT: b'{"apps": [{"name": "web", "script": "a.js"}]}'})
    desired = repository.render(Renderer(RENDERER), allowed=frozenset({"javascript"}))
    assert ([str(resource.id) for resource in desired], sorted(desired.excluded)) == (["Process/shop/web"], [SCRIPT])


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8)
ENVS = st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,5}", fullmatch=True).filter("PORT".__ne__), TEXTS, max_size=3)
WRITABLE = st.fixed_dictionaries(
    {"name": st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True), "script": st.sampled_from(["a.js", "run.py"])},
    optional={
        "args": st.lists(TEXTS, max_size=3),
        "env": ENVS,
        "kill_timeout": st.integers(1, 60_000),
        "max_memory_restart": st.integers(1, 4).map(lambda size: f"{size}G"),
        "autorestart": st.booleans(),
    },
)


@given(st.lists(WRITABLE, min_size=1, max_size=3, unique_by=lambda app: app["name"]))
def test_what_is_written_is_read_back(apps: list[dict[str, Any]]) -> None:
    found = specs(read(json.dumps({"apps": apps}), "ecosystem.config.json"))
    for app in apps:
        spec = found[app["name"]]
        assert spec.command == ("node" if app["script"] == "a.js" else "python3", app["script"], *app.get("args", ()))
        assert {name: value for name, value in spec.env.items() if name != "PYTHONUNBUFFERED"} == {
            name: value for name, value in app.get("env", {}).items() if name != "PYTHONUNBUFFERED"
        }
        assert spec.stop.timeout == app.get("kill_timeout", 10_000) / 1000
        assert spec.limits.memory == (int(app["max_memory_restart"][0]) << 30 if "max_memory_restart" in app else None)
        assert spec.restart.policy == ("always" if app.get("autorestart", True) else "no")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), 1 << 63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from([name for each in FIELDS for name in (each.key, *each.aliases)] + ["env_x"]) | st.text(max_size=6)
ANY_APP = st.dictionaries(KEYS, VALUES, max_size=6)


def renders(files: dict[str, str | bytes], exported: bytes | None = None, **more: Any) -> list[str]:
    """Return the codes of a render's errors; anything but a Desired or the list of errors fails the test."""
    repository = Repository(files, exported={SCRIPT: exported})
    try:
        assert repository.render(Renderer(RENDERER), allowed=frozenset({"javascript"}), **more).digest
    except DeclarationError as error:
        return [each.code if each.where else "nowhere" for each in error.errors or (error,)]
    return []


@given(st.lists(ANY_APP | VALUES, max_size=3), st.booleans())
def test_no_app_gives_anything_but_processes_and_errors(apps: list[Any], is_wrapped: bool) -> None:
    text = json.dumps({"apps": apps} if is_wrapped else apps)
    codes = renders({"ecosystem.config.json": text, "a.js": ""}, annotations={PM2_ENV: "x"})
    assert "nowhere" not in codes
    assert "nowhere" not in renders({SCRIPT: "…"}, exported=text.encode())


@given(st.sampled_from(["ecosystem.config.json", "ecosystem.config.yaml"]), st.binary(max_size=60))
def test_no_bytes_give_anything_but_processes_and_errors(path: str, data: bytes) -> None:
    assert "nowhere" not in renders({path: data})
    assert "nowhere" not in renders({SCRIPT: data}, exported=data)
