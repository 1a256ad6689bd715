"""Every error of a compose file in one answer, each with file, line and column, through extends and include as well."""

from __future__ import annotations

import pytest
from tests.workload.compose_files import errors_of, read, scope

FIVE = """
services:
  web:
    image: nginx:1
    prots: ["80:80"]
    ports: ["99999:80"]
    networks: [bakc]
    healthcheck: {interval: 5 minutes}
  db:
    imagee: postgres
networks:
  back:
"""


def test_four_errors_of_shape_are_four_with_their_places_and_hints() -> None:
    errors = read(FIVE).errors
    assert [(error.code, str(error.where[0]), error.hint) for error in errors] == [
        ("HF1411", "compose.yaml:5:5", "did you mean ports?"),
        ("HF1410", "compose.yaml:6:13", None),
        ("HF1410", "compose.yaml:8:29", None),
        ("HF1411", "compose.yaml:10:5", "did you mean image?"),
    ]
    text = FIVE.replace("prots", "x-prots").replace("imagee", "image").replace("99999", "8080").replace("5 minutes", "5m")
    (error,) = read(text).errors
    assert (error.code, str(error.where[0]), error.hint) == ("HF1421", "compose.yaml:7:16", "did you mean back?")


def test_an_error_in_an_extended_or_included_file_is_told_there() -> None:
    files = {
        "compose.yaml": "include: [inc.yaml]\nservices:\n  web: {extends: {file: base.yaml, service: app}}\n",
        "base.yaml": "services:\n  app:\n    image: a:1\n    restart: sometimes\n    comand: x\n",
        "inc.yaml": "services:\n  mq:\n    image: [1]\n    volumes: ['data:/d']\n",
    }
    assert errors_of(files) == [
        "HF1411 base.yaml:5 services.app: unknown field 'comand'",
        "HF1410 inc.yaml:3 services.mq.image: expected text, got a list",
        "HF1410 base.yaml:4 services.web: unknown restart policy 'sometimes'",
    ]


def test_a_mistake_in_an_earlier_file_is_told_though_a_later_one_hides_it() -> None:
    files = {
        "compose.yaml": "services:\n  a:\n    image: 5\n    privileged: maybe\n",
        "compose.override.yaml": "services: {a: {image: a:1}}",
    }
    assert errors_of(files) == [
        "HF1410 compose.yaml:3 services.a.image: expected text, got the number 5",
        "HF1410 compose.yaml:4 services.a.privileged: expected true or false, got 'maybe'",
    ]


WRONG = {
    "services: {a: {image: a:1, depends_on: [b]}}": "HF1421 compose.yaml:1 services.a.depends_on: unknown service 'b'",
    "services: {a: {image: a:1, depends_on: {b: {condition: service_started, required: false}}}}": None,
    "services: {a: {image: a:1, volumes: ['data:/d']}}": "HF1421 compose.yaml:1 services.a.volumes: unknown volume 'data'",
    "services: {a: {image: a:1, secrets: [s]}}": "HF1421 compose.yaml:1 services.a.secrets: unknown secret 's'",
    "services: {a: {image: a:1, configs: [c]}}": "HF1421 compose.yaml:1 services.a.configs: unknown config 'c'",
    "services: {a: {command: x}}": "HF1420 compose.yaml:1 services.a has neither an image nor a build",
    "services: {a: {image: a:1, ports: ['80:80']}, b: {image: b:1, ports: ['127.0.0.1:80:8080']}}": (
        "HF1423 compose.yaml:1 port 80 is taken by services.a"
    ),
    "services: {a: {image: a:1, ports: ['80:80/udp', '80:80']}, b: {image: b:1, ports: ['81-82:80']}}": None,
    "services: {a: {image: a:1, container_name: xx}, b: {image: b:1, container_name: xx}}": (
        "HF1423 compose.yaml:1 container_name xx is taken by services.a"
    ),
    "services: {a: {image: a:1, container_name: xx, scale: 2}}": "HF1413 compose.yaml:1 services.a: 2 containers cannot have one name",
    "services: {a: {image: a:1, cpus: 1, deploy: {resources: {limits: {cpus: '2'}}}}}": (
        "HF1413 compose.yaml:1 services.a: cpus and deploy.resources.limits.cpus say different things"
    ),
    "services: {a: {image: a:1, mem_limit: 1g, deploy: {resources: {limits: {memory: 1024m}}}}}": None,
    "services: {a: {image: a:1, network_mode: bridge, networks: [n]}}\nnetworks: {n: }": (
        "HF1413 compose.yaml:1 services.a: network_mode and networks exclude each other"
    ),
    "services: {a: {image: a:1, secrets: [s]}}\nsecrets: {s: {file: a, environment: B}}": (
        "HF1413 compose.yaml:2 secrets.s: file and environment exclude each other"
    ),
    "services: {a: {image: a:1, secrets: [s]}}\nsecrets: {s: {labels: [x]}}": (
        "HF1412 compose.yaml:2 secrets.s: one of file, environment is missing"
    ),
    "services: {a: {image: a:1, volumes: [{type: bind, target: /x}]}}": "HF1412 compose.yaml:1 services.a.volumes: a bind needs a source",
    "services: {a: {image: a:1, healthcheck: {test: [curl, x]}}}": (
        "HF1410 compose.yaml:1 services.a.healthcheck.test: a list begins with CMD, CMD-SHELL or NONE"
    ),
    "services: {a: {image: a:1, provider: {type: x}}}": (
        "HF1433 compose.yaml:1 services.a.provider cannot be honoured: a provider is a program of the machine that runs compose; "
        "declare what it would provide"
    ),
    "services: {a: {image: a:1, models: [m]}}\nmodels: {m: {model: x}}": "HF1433 compose.yaml:1 services.a.models cannot be honoured",
    "services: {A: {image: a:1}, a: {image: b:1}}": "HF1432 compose.yaml:1 'a' is called 'a' here, as another one is",
    "services: {a: {image: a:1, volumes: ['xx:/d'], tmpfs: /d}}\nvolumes: {xx: }": "HF1423 compose.yaml:1 services.a: /d is mounted twice",
    "services: {a: {image: a:1, ports: ['0:0']}}": "HF1410 compose.yaml:1 services.a.ports: a port of the container is from 1 to 65535",
    "services: {a: {image: a:1, cap_add: [A], security_opt: [x, x]}}": "HF1410 compose.yaml:1 services.a.security_opt.1: it stands twice",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_does_not_fit_together_is_told(text: str) -> None:
    found = errors_of(text)
    expected = WRONG[text]
    if expected is None:
        assert found == []
    else:
        assert [each[: len(expected)] for each in found][:1] == [expected], found


def test_what_follows_from_a_mistake_is_not_told_again() -> None:
    text = "services:\n  a:\n    image: [x]\n    depends_on: [b]\nnetworks: {n: 5}\n"
    assert errors_of(text) == [
        "HF1410 compose.yaml:3 services.a.image: expected text, got a list",
        "HF1410 compose.yaml:5 networks.n: expected a mapping or nothing, got the number 5",
    ]


def test_an_unhonoured_field_is_a_warning_at_its_line() -> None:
    text = "version: '3'\nservices:\n  a:\n    image: x:1\n    credential_spec: {file: x}\n"
    text += "    deploy:\n      placement: {constraints: [x]}\n    develop: {watch: []}\n"
    reading = read(text)
    assert [(warning.reason, str(warning.origin)) for warning in reading.warnings] == [
        ("Obsolete", "compose.yaml:1"),
        ("FieldNotHonoured", "compose.yaml:5"),
        ("FieldNotHonoured", "compose.yaml:7"),
        ("FieldNotHonoured", "compose.yaml:8"),
    ]
    assert reading.errors == ()


def test_the_owner_of_a_secret_is_a_number_and_is_not_honoured_where_nothing_can_be_copied() -> None:
    text = "services:\n  a:\n    image: x:1\n    read_only: true\n    secrets: [{source: key, uid: '999', mode: 0400}]\n"
    end = "secrets: {key: {external: true}}\n"
    (warning,) = read(text + end).warnings
    assert str(warning.origin) == "compose.yaml:5"
    assert "uid and mode cannot be honoured where read_only is true" in warning.message
    assert errors_of(text.replace("'999'", "www") + end) == ["HF1410 compose.yaml:5 services.a.secrets: uid 'www' is no number"]


def test_without_an_engine_the_file_is_refused_once_beside_its_own_errors() -> None:
    reading = read("services: {a: {imag: x}}", is_reached=False, where=scope(destination="host"))
    assert [error.code for error in reading.errors] == ["HF1430", "HF1411"]
    assert "containers need a Docker host" in reading.errors[0].message
    sound = read("services: {a: {image: x:1}}", is_reached=False, where=scope(destination="host"))
    assert ([error.code for error in sound.errors], len(sound.declarations)) == (["HF1430"], 2)
    assert read("services: {a: {image: x:1}}", is_reached=False).errors == ()
