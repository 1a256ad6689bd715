"""Compose files that join: overrides, extends, include, profiles, and where each value came from."""

from __future__ import annotations

from typing import Any

import pytest
from tests.workload.compose_files import Files, errors_of, read, scope

from holdfast.model.labels import COMPOSE_PROFILES

BASE = """
services:
  web:
    image: nginx:1
    ports: ["8080:80"]
    environment: {MODE: base, LEVEL: "1"}
    depends_on: [db]
  db:
    image: postgres:16
"""


def model(files: Files | str, **more: Any) -> Any:
    reading = read(files, **more)
    assert [f"{error.message} {error.where[0]}" for error in reading.errors] == []
    (found,) = reading.models
    return found.value


def where(files: Files, path: str) -> str:
    (found,) = read(files).models
    located = found.locate(path)
    return f"{located.where.path}:{located.where.line}:{located.where.column}" if located is not None else "nowhere"


def test_an_override_file_joins_by_itself_and_every_value_keeps_its_place() -> None:
    files = {
        "compose.yaml": BASE,
        "compose.override.yaml": "services:\n  web:\n    ports: ['8443:443']\n    environment: [LEVEL=2]\n",
    }
    web = model(files)["services"]["web"]
    assert [port["published"] for port in web["ports"]] == ["8080", "8443"]
    assert web["environment"] == {"MODE": "base", "LEVEL": "2"}
    assert where(files, "web.ports[0]") == "compose.yaml:5:13"
    assert where(files, "web.ports[1].target") == "compose.override.yaml:3:13"
    assert where(files, "services.web.environment.LEVEL") == "compose.override.yaml:4:19"
    assert where(files, "web.environment.MODE") == "compose.yaml:6:25"
    assert where(files, "web.none") == "nowhere"


def test_compose_file_names_the_files_and_their_order() -> None:
    files = {
        ".env": "COMPOSE_FILE=compose.yaml:prod.yaml\n",
        "compose.yaml": BASE,
        "compose.override.yaml": "services: {web: {image: 'nginx:9'}}",
        "prod.yaml": "services: {web: {image: 'nginx:2'}}",
    }
    assert model(files)["services"]["web"]["image"] == "nginx:2"
    assert errors_of({**files, ".env": "COMPOSE_FILE=../other.yaml:nowhere.yaml\n"}) == [
        "HF1404 .env COMPOSE_FILE names '../other.yaml': it leads out of the Application's path",
        "HF1404 .env COMPOSE_FILE names 'nowhere.yaml', and there is no file nowhere.yaml",
    ]


def test_reset_takes_away_and_override_exchanges() -> None:
    over = """
services:
  web:
    ports: !override ["9090:80"]
    environment: {MODE: !reset null}
    depends_on: !reset []
"""
    web = model({"compose.yaml": BASE, "compose.override.yaml": over})["services"]["web"]
    assert [port["published"] for port in web["ports"]] == ["9090"]
    assert web["environment"] == {"LEVEL": "1"}
    assert "depends_on" not in web


def test_extends_follows_a_chain_of_files_each_with_its_own_folder() -> None:
    files = {
        "compose.yaml": "services:\n  web:\n    extends: {file: base/common.yaml, service: app}\n    command: serve\n",
        "base/common.yaml": "services:\n  app:\n    extends: {file: more/deep.yaml, service: root}\n    volumes: ['./conf:/conf']\n",
        "base/more/deep.yaml": "services:\n  root:\n    image: deep:1\n    env_file: [./deep.env]\n    volumes: ['./x:/x']\n",
        "base/more/deep.env": "DEEP=yes\n",
        "base/conf/a": "1",
    }
    web = model(files)["services"]["web"]
    assert (web["image"], web["command"]) == ("deep:1", ["serve"])
    assert {mount["source"]: mount["target"] for mount in web["volumes"]} == {"base/more/x": "/x", "base/conf": "/conf"}
    assert web["environment"] == {"DEEP": "yes"}
    assert where(files, "web.image") == "base/more/deep.yaml:3:12"
    assert where(files, "web.environment.DEEP") == "base/more/deep.env:1:1"
    assert read(files).consumed == frozenset(files) - {"base/conf/a"}


def test_a_service_extends_one_of_its_own_file_before_that_is_overridden() -> None:
    text = """
services:
  a: {extends: b, image: one}
  b: {image: two, command: run, labels: {x: "1"}}
"""
    files = {"compose.yaml": text, "compose.override.yaml": "services: {b: {labels: {y: '2'}}}"}
    services = model(files)["services"]
    assert services["a"]["labels"] == {"x": "1"}
    assert services["b"]["labels"] == {"x": "1", "y": "2"}


def test_an_included_file_has_variables_and_paths_of_its_own() -> None:
    files = {
        ".env": "SHARED=outer\n",
        "compose.yaml": """
include:
  - db/compose.yaml
  - {path: mq.yaml, env_file: mq.env, project_directory: mq}
services: {web: {image: w:1, depends_on: [db]}}
""",
        "db/compose.yaml": """
services:
  db:
    image: pg:${TAG}
    environment: [SHARED, 'OWN=${SHARED}']
    volumes: ['./init:/init', 'data:/data']
volumes: {data: }
""",
        "db/.env": "TAG=16\nSHARED=inner\n",
        "db/init/a.sql": "select 1",
        "mq.yaml": "services: {mq: {image: 'mq:${TAG:-none}', build: ./src}}",
        "mq.env": "TAG=3\n",
    }
    services = model(files)["services"]
    assert (services["db"]["image"], services["mq"]["image"]) == ("pg:16", "mq:3")
    assert services["db"]["environment"] == {"SHARED": "outer", "OWN": "outer"}
    assert services["db"]["volumes"][0]["source"] == "db/init"
    assert services["mq"]["build"]["context"] == "mq/src"


def test_what_is_declared_here_and_in_an_included_file_must_be_the_same() -> None:
    files = {
        "compose.yaml": "include: [other.yaml]\nservices:\n  web: {image: w:1}\n",
        "other.yaml": "services:\n  web: {image: w:2}\n",
    }
    assert errors_of(files) == ["HF1406 compose.yaml:3 services.web is declared by an included file as well"]
    assert errors_of({**files, "other.yaml": "services:\n  web: {image: 'w:1'}\n"}) == []


RINGS = {
    "include": {"compose.yaml": "include: [a.yaml]\nservices: {x: {image: x:1}}\n", "a.yaml": "include: [a.yaml]\n"},
    "extends": {"compose.yaml": "services:\n  a: {image: a:1, extends: b}\n  b: {image: b:1, extends: a}\n"},
    "itself": {"compose.yaml": "services:\n  a: {image: a:1, extends: a}\n"},
    "files": {
        "compose.yaml": "services:\n  a: {extends: {file: b.yaml, service: b}}\n",
        "b.yaml": "services:\n  b: {extends: {file: compose.yaml, service: a}}\n",
    },
    "needs": {"compose.yaml": "services:\n  a: {image: a:1, depends_on: [b]}\n  b: {image: b:1, links: [a]}\n"},
}


@pytest.mark.parametrize("name", RINGS)
def test_a_ring_is_told_and_never_followed_for_ever(name: str) -> None:
    found = errors_of(RINGS[name])
    assert [each[:6] for each in found if each[:6] != "HF1420"] == {
        "include": ["HF1405"],
        "extends": ["HF1407"],
        "itself": ["HF1407"],
        "files": ["HF1407"],
        "needs": ["HF1422"],
    }[name], found


def test_profiles_choose_by_env_or_annotation_and_a_need_on_a_sleeping_one_is_told() -> None:
    text = """services:
  web: {image: w:1}
  debug: {image: d:1, profiles: [debug]}
  tool: {image: t:1, profiles: [tools], depends_on: [debug]}
"""
    assert set(model(text)["services"]) == {"web"}
    assert set(model({"compose.yaml": text, ".env": "COMPOSE_PROFILES=debug\n"})["services"]) == {"web", "debug"}
    chosen = scope(annotations={COMPOSE_PROFILES: "tools, debug"})
    assert set(model(text, where=chosen)["services"]) == {"web", "debug", "tool"}
    assert errors_of(text, where=scope(annotations={COMPOSE_PROFILES: "tools"})) == [
        "HF1421 compose.yaml:4 services.tool needs debug, which no active profile runs"
    ]


def test_variables_come_from_env_alone_and_an_unset_one_is_a_warning() -> None:
    files = {"compose.yaml": "services: {web: {image: 'w:${TAG}', command: 'echo $$HOME ${HOME}', environment: [PATH]}}", ".env": "TAG=3\n"}
    reading = read(files)
    assert model(files)["services"]["web"]["image"] == "w:3"
    assert model(files)["services"]["web"]["command"] == ["echo", "$$HOME"]
    assert [warning.message.partition(":")[0] for warning in reading.warnings] == [
        "variable HOME is not set and reads as nothing",
        "services.web",
    ]
    assert errors_of({**files, ".env": ""}) == []
    assert errors_of("services: {web: {image: 'w:${TAG:?say which}'}}") == [
        "HF1403 compose.yaml:1 services.web.image: required variable TAG is missing a value: say which"
    ]


def test_env_files_join_below_what_the_service_says() -> None:
    files = {
        "compose.yaml": """
services:
  web:
    image: w:1
    env_file: [one.env, {path: two.env, required: false}, {path: none.env, required: false}]
    label_file: labels
    environment: {B: own, C: }
    labels: {tier: web}
""",
        ".env": "SEEN=yes\n",
        "one.env": "A=1\nB=1\nC=${SEEN}\n",
        "two.env": "A=2\n",
        "labels": "tier=file\nteam=shop\n",
    }
    web = model(files)["services"]["web"]
    assert web["environment"] == {"A": "2", "B": "own", "C": "yes"}
    assert web["labels"] == {"tier": "web", "team": "shop"}
    assert not {"env_file", "label_file"} & web.keys()
    missing = {path: text for path, text in files.items() if path != "one.env"}
    assert errors_of(missing) == ["HF1404 compose.yaml:5 services.web.env_file: there is no file one.env"]


ASTRAY = {
    "include: ['../other.yaml']\nservices: {a: {image: a:1}}": "include '../other.yaml' cannot be read: "
    "it leads out of the Application's path",
    "include: ['https://example.org/c.yaml']\nservices: {a: {image: a:1}}": "include 'https://example.org/c.yaml' cannot be read: "
    "it is somewhere else than in this repository",
    "services: {a: {image: a:1, extends: {file: /etc/passwd, service: x}}}": "file '/etc/passwd' cannot be read: it is a path of the host",
    "services: {a: {image: a:1, env_file: ../secret.env}}": "services.a.env_file.0.path: expected a path, got '../secret.env': "
    "it leads out of the Application's path",
    "services: {a: {image: a:1, volumes: ['../x:/x']}}": "it leads out of the Application's path",
    "services: {a: {image: a:1, configs: [c]}}\nconfigs: {c: {file: ../../x}}": "it leads out of the Application's path",
}


@pytest.mark.parametrize("text", ASTRAY)
def test_no_path_leads_out_of_the_applications_path(text: str) -> None:
    found = errors_of(text)
    assert len(found) >= 1
    assert ASTRAY[text] in found[0]


def test_the_projects_name_is_said_by_the_file_then_by_env_then_it_is_the_applications() -> None:
    text = "services: {web: {image: w:1, container_name: '${COMPOSE_PROJECT_NAME}-web'}}"
    assert model(text)["services"]["web"]["container_name"] == "shop-web"
    assert model({"compose.yaml": f"name: mine\n{text}"})["name"] == "mine"
    assert model({"compose.yaml": f"name: mine\n{text}", ".env": "COMPOSE_PROJECT_NAME=Yours!\n"})["name"] == "yours"
    assert errors_of("name: Not OK\nservices: {web: {image: w:1}}")[0].startswith("HF1410 compose.yaml:1 name: 'Not OK' is no name")


def test_an_empty_file_declares_nothing_and_says_so() -> None:
    assert errors_of("# nothing\n") == ["HF1409 compose.yaml:1 it declares nothing"]
    assert errors_of("- a\n")[0].startswith("HF1410 compose.yaml:1 expected a mapping with services, got a list")
