"""An ecosystem file that a compose service has supervised in its container: what it becomes, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.workload.compose_files import errors_of, read, resources

APPS = """{"apps": [
  {"name": "web", "script": "server.js", "exec_mode": "cluster", "instances": 2, "env": {"PORT": 8080}, "uid": "www"},
  {"name": "job", "script": "job.py", "autorestart": false, "max_memory_restart": "64M"}
]}"""
COMPOSE = "services: {web: {image: x:1, x-holdfast: {supervise: app/ecosystem.json}}}"
FILES = {"compose.yaml": COMPOSE, "app/ecosystem.json": APPS, "app/server.js": "", "app/job.py": ""}


def test_apps_are_part_of_the_containers_state() -> None:
    fields: Any = resources(FILES)["Container/web"].state.fields
    web, job = fields["supervised"]
    assert (web["name"], web["instances"], web["port"], web["command"][0], web["command"][-1]) == ("web", 2, 8080, "node", "server.js")
    assert (job["command"], job["restart"], job["memory"]) == (["python3", "job.py"], {"policy": "no"}, "64Mi")
    other = resources({**FILES, "app/ecosystem.json": APPS.replace("8080", "8081")})["Container/web"].state
    assert other.fields != fields


def test_what_is_not_honoured_is_told_at_the_lines_of_the_file() -> None:
    told = {(each.reason, str(each.origin)) for each in read(FILES).warnings}
    assert ("ClusterMode", "app/ecosystem.json:2") in told
    assert ("FieldNotHonoured", "compose.yaml:1") in told, "the container says as whom it runs"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"app/ecosystem.json": '{"apps": [{"script": 1}]}'}, "HF1132 app/ecosystem.json:1 script must be text"),
        (
            {"compose.yaml": COMPOSE.replace("x:1,", "x:1, command: a,")},
            "HF1413 compose.yaml:1 services.web: command and",
        ),
        (
            {"compose.yaml": COMPOSE.replace("x:1,", "x:1, read_only: true,")},
            "HF1413 compose.yaml:1 services.web.x-holdfast",
        ),
        ({"compose.yaml": COMPOSE.replace("app/e", "e")}, "HF1404 compose.yaml:1 services.web.x-holdfast.supervise: there is no file"),
        ({"compose.yaml": COMPOSE.replace("app/e", "../e")}, "HF1404 compose.yaml:1 services.web.x-holdfast.supervise '../ecosystem.json'"),
    ],
)
def test_what_cannot_be_supervised_is_refused(change: dict[str, str], error: str) -> None:
    assert [each[: len(error)] for each in errors_of({**FILES, **change})] == [error]
