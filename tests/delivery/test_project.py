"""Project: repositories and destinations that it permits."""

from __future__ import annotations

import pytest

from holdfast.delivery.project import Project
from holdfast.delivery.project_spec import AppProjectSpec, ProjectDestination
from holdfast.errors import Where
from holdfast.model.resource import Origin


def project(spec: AppProjectSpec) -> Project:
    origin = Origin(path="p.yaml", line=1, revision="")
    return Project(name="web", spec=spec, origin=origin, place=lambda path: Where(path="p.yaml"), folder="/srv/apps")


@pytest.mark.parametrize(
    ("patterns", "repository", "answer"),
    [
        ((), "https://git.example/shop", False),
        (("*",), "https://git.example/shop", True),
        (("*",), "/srv/apps/shop", True),
        (("https://git.example/*",), "https://git.example/shop.git", True),
        (("https://git.example/*",), "https://git.example/team/shop", False),
        (("https://git.example/**",), "https://git.example/team/shop", True),
        (("ssh://git@git.example/team/*",), "git@git.example:team/shop.git", True),
        (("*", "!https://git.example/secret"), "https://git.example/secret.git", False),
        (("!https://git.example/secret",), "https://git.example/shop", True),
        (("./shop",), "/srv/apps/shop", True),
        ((".",), "/srv/apps", True),
        (("/srv/*",), "/srv/apps/shop", False),
        (("/srv/apps/*",), "/srv/apps/shop", True),
    ],
)
def test_repositories(patterns: tuple[str, ...], repository: str, answer: bool) -> None:
    assert project(AppProjectSpec(source_repos=patterns)).permits_repository(repository) is answer


def to(server: str = "", namespace: str = "", name: str = "") -> ProjectDestination:
    return ProjectDestination(server=server, namespace=namespace, name=name)


@pytest.mark.parametrize(
    ("items", "answer"),
    [
        ((), False),
        ((to("*", "*"),), True),
        ((to("host://local", "shop"),), True),
        ((to("host://*", "blog"),), False),
        ((to("host://*", "blog"), to("host://*", "sh*")), True),
        ((to("*", "*"), to("*", "!shop")), False),
        ((to("*", "!kube-system"),), True),
        ((to("!host://local", "*"), to("*", "*")), False),
        ((to("!https://*", "*"),), True),
        ((to(name="here", namespace="*"),), False),
    ],
)
def test_destinations(items: tuple[ProjectDestination, ...], answer: bool) -> None:
    assert project(AppProjectSpec(destinations=items)).permits_destination("host://local", "", "shop") is answer


def test_a_destination_by_name() -> None:
    assert project(AppProjectSpec(destinations=(to(name="prod", namespace="*"),))).permits_destination("", "prod", "shop")
